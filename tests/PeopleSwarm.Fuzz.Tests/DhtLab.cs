using Moq;
using PeopleSwarm.Dht;
using PeopleSwarm.Dht.Connect;
using PeopleSwarm.Dht.Messages;
using PeopleSwarm.Dht.Rpc;
using PeopleSwarm.Testing;

namespace PeopleSwarm.Fuzz;

/// <summary>Real nodes, the peer DHT on the RPC layer, each on a host and in a network of its own; the first one bootstraps.</summary>
internal static class DhtLab
{
    public const ushort Port = 49737;
    private static readonly PeerNamespaces s_namespaces = new(NoiseKit.Crypto);

    public static UdpEndPoint AddressOf(int i) => new((uint)(5 << 24 | (i + 1) << 16 | 1), Port);

    public static Node AddNode(SimulatedNetwork net, int index)
    {
        var address = AddressOf(index);
        var settings = index == 0
            ? new RpcSettings { Ephemeral = EphemeralMode.Never, Firewalled = false, KnownEndPoint = address }
            : new RpcSettings { Ephemeral = EphemeralMode.Never, Bootstrap = [BootstrapEntry.At(AddressOf(0))] };
        var machine = new RpcMachine(net.Now, settings, new RpcSockets(new(0), Port, new(1)), NoiseKit.Crypto, net.Random.Fork(100 + index));
        var dht = new PeerDht(new PeerContext
        {
            Engine = machine,
            Crypto = NoiseKit.Crypto,
            Handshakes = NoiseKit.Handshakes,
            Random = net.Random.Fork(200 + index),
            Options = new PeerDhtOptions(),
            Namespaces = s_namespaces,
            CreateStream = _ => Mock.Of<IReliableStream>(s => s.Closed == new TaskCompletionSource<StreamClose>().Task),
            LocalAddresses = () => [],
            Now = () => net.Now,
            UnixMilliseconds = () => net.TimeProvider.GetUtcNow().ToUnixTimeMilliseconds(),
        });
        machine.Handler = dht;
        var loop = net.AddLoop([address, address.WithPort(50_000)], dht, machine);
        machine.Start(net.Now);
        return new(machine, dht, address, loop.Host);
    }

    /// <summary>Walks to the nodes closest to a target.</summary>
    public static IReadOnlyList<UdpEndPoint> Closest(SimulatedNetwork net, Node asker, NodeId target)
    {
        var found = new Finished();
        asker.Machine.StartQuery(net.Now, new RpcQueryRequest(target, Command: 2, IsInternal: true), found);
        net.Expect(() => found.Outcome is not null, TimeSpan.FromSeconds(60));
        return [.. found.Outcome!.ClosestReplies.Select(r => r.From)];
    }

    public sealed record Node(RpcMachine Machine, PeerDht Dht, UdpEndPoint Address, SimulatedHost Host);

    public sealed class Finished : IRpcQueryObserver
    {
        public RpcQueryOutcome? Outcome { get; private set; }
        public void OnReply(Timestamp now, RpcResponse reply) { }
        public void OnFinished(Timestamp now, RpcQueryOutcome outcome) => Outcome = outcome;
    }
}
