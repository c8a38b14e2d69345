using PeopleSwarm.Dht.HolePunch;
using PeopleSwarm.Dht.Rpc;
using PeopleSwarm.Dht.TestKit;
using PeopleSwarm.Testing;

namespace PeopleSwarm.Dht.Connect;

/// <summary>Networks of real machines on a simulated internet.</summary>
public class PeerNetworkTests
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(30);

    [Theory, InlineData(1, 0.0), InlineData(2, 0.0), InlineData(3, 0.2), InlineData(4, 0.2), InlineData(5, 0.2)]
    public void A_guest_reaches_a_full_member_also_when_every_fifth_datagram_is_lost(int seed, double loss)
    {
        var network = RpcNetwork.Grow(seed, 8);
        var nodes = network.Nodes.Select((n, i) => new SimulatedPeer(network, n, i)).ToArray();
        var guest = new SimulatedPeer(network, network.AddNode(EphemeralMode.Always, s => s with { QuickFirewall = false }), nodes.Length);
        network.Network.RunFor(TimeSpan.FromSeconds(5));
        network.Network.LossRate = loss;
        var server = nodes[3].Listen(PeerKit.Key(2));
        network.Network.Expect(() => nodes[3].IsAnnounced, s_limit);
        Assert.True(server.Announcer.Relays.Count > 0);
        guest.Connect(PeerKit.Key(2).PublicKey);
        network.Network.Expect(() => guest.Outcome is not null, s_limit);
        Assert.NotNull(guest.Outcome!.Value.Link);
        Assert.Equal(PeerPath.Direct, guest.Outcome.Value.Link!.Path);
        network.Network.Expect(() => nodes[3].Accepted.Count == 1 && ((SimulatedStream)nodes[3].Accepted[0].Stream).IsHeard
            && ((SimulatedStream)guest.Outcome.Value.Link.Stream).IsHeard, s_limit);
    }

    [Theory, InlineData(1), InlineData(2), InlineData(3)]
    public void An_open_client_is_dialled_by_a_server_behind_a_NAT(int seed)
    {
        var network = RpcNetwork.Grow(seed, 8);
        var nodes = network.Nodes.Select((n, i) => new SimulatedPeer(network, n, i)).ToArray();
        var server = SimulatedPeer.BehindNat(network, network.Network.AddNat("6.0.0.1"), "192.168.1.5", 50);
        server.Listen(PeerKit.Key(2));
        network.Network.Expect(() => server.IsAnnounced, s_limit);
        nodes[2].Connect(PeerKit.Key(2).PublicKey);
        network.Network.Expect(() => nodes[2].Outcome is not null, s_limit);
        Assert.NotNull(nodes[2].Outcome!.Value.Link);
        network.Network.Expect(() => server.Accepted.Count == 1 && ((SimulatedStream)server.Accepted[0].Stream).IsHeard, s_limit);
    }

    [Theory, InlineData(1), InlineData(2), InlineData(3)]
    public void J7_two_behind_one_NAT_meet_at_their_local_addresses(int seed)
    {
        var network = RpcNetwork.Grow(seed, 8);
        _ = network.Nodes.Select((n, i) => new SimulatedPeer(network, n, i)).ToArray();
        var nat = network.Network.AddNat("6.0.0.1");
        var server = SimulatedPeer.BehindNat(network, nat, "192.168.1.5", 50);
        var client = SimulatedPeer.BehindNat(network, nat, "192.168.1.6", 51);
        server.Listen(PeerKit.Key(2));
        network.Network.Expect(() => server.IsAnnounced, s_limit);
        client.Connect(PeerKit.Key(2).PublicKey);
        network.Network.Expect(() => client.Outcome is not null && server.Accepted.Count == 1, s_limit);
        Assert.Equal((PeerPath.Lan, PeerPath.Lan), (client.Outcome!.Value.Link!.Path, server.Accepted[0].Path));
    }

    [Fact]
    public void I4_a_server_behind_a_NAT_that_forgets_after_30_seconds_stays_reachable()
    {
        var network = RpcNetwork.Grow(4, 8);
        var nodes = network.Nodes.Select((n, i) => new SimulatedPeer(network, n, i)).ToArray();
        var nat = network.Network.AddNat("6.0.0.1", NatOptions.PortRestricted with { MappingTimeout = TimeSpan.FromSeconds(30) });
        var server = SimulatedPeer.BehindNat(network, nat, "192.168.1.5", 50);
        server.Listen(PeerKit.Key(2));
        network.Network.Expect(() => server.IsAnnounced, s_limit);
        for (int minute = 0; minute < 8; minute++) // longer than a cycle
        {
            network.Network.RunFor(TimeSpan.FromMinutes(1));
            nodes[minute].Connect(PeerKit.Key(2).PublicKey);
            network.Network.Expect(() => nodes[minute].Outcome is not null, s_limit);
            Assert.NotNull(nodes[minute].Outcome!.Value.Link);
        }
    }

    [Fact]
    public void S1_a_server_whose_NAT_moves_its_mappings_is_reachable_again_within_seconds()
    {
        var network = RpcNetwork.Grow(5, 8);
        var nodes = network.Nodes.Select((n, i) => new SimulatedPeer(network, n, i)).ToArray();
        var nat = network.Network.AddNat("6.0.0.1");
        var server = SimulatedPeer.BehindNat(network, nat, "192.168.1.5", 50);
        server.Listen(PeerKit.Key(2));
        network.Network.Expect(() => server.IsAnnounced, s_limit);
        network.Network.RunFor(TimeSpan.FromSeconds(30));
        nat.Options = nat.Options with { Ports = NatPortAllocation.Random };
        nat.Restart();
        network.Network.RunFor(TimeSpan.FromSeconds(15));
        nodes[2].Connect(PeerKit.Key(2).PublicKey);
        network.Network.Expect(() => nodes[2].Outcome is not null, s_limit);
        Assert.NotNull(nodes[2].Outcome!.Value.Link);
    }
}

/// <summary>A node's RPC machine with the peer layer on it.</summary>
internal sealed class SimulatedPeer
{
    private readonly RpcNetwork _network;
    private readonly SimulatedStreams _streams;

    public SimulatedPeer(RpcNetwork network, RpcNode node, int label, IReadOnlyList<UdpEndPoint>? localAddresses = null)
    {
        (_network, Node) = (network, node);
        var random = network.Network.Random.Fork(5000 + label);
        _streams = new(random);
        Sockets = new(node.Loop, node.Address.WithPort(0), network.Network.TimeProvider, 1024);
        Punching = new(Sockets, random, TimeSpan.FromSeconds(20));
        Dht = new(new PeerContext
        {
            Engine = node.Machine,
            Crypto = PeerKit.Crypto,
            Handshakes = PeerKit.Handshakes,
            Random = random,
            Options = new(),
            CreateStream = _streams.CreateStream,
            LocalAddresses = () => localAddresses ?? [],
            Now = () => network.Network.Now,
            UnixMilliseconds = () => 1_700_000_000_000,
            Namespaces = PeerKit.Namespaces,
            Punching = Punching,
            Routes = new ReusableRoutes(16, TimeSpan.FromSeconds(20), () => network.Network.Now),
        });
        node.Machine.Handler = Dht;
        node.Loop.Attach(Punching);
        node.Loop.Attach(Dht);
        node.Loop.Attach(_streams);
    }

    public RpcNode Node { get; }
    public PeerDht Dht { get; }
    public PunchMachine Punching { get; }
    public PunchSockets Sockets { get; }
    public bool IsAnnounced { get; private set; }
    public List<PeerLink> Accepted { get; } = [];
    public ConnectOutcome? Outcome { get; private set; }

    public static SimulatedPeer BehindNat(RpcNetwork network, SimulatedNat nat, string local, int label)
    {
        var host = nat.AddHost(local);
        var loop = host.AddLoop();
        var server = loop.Bind(host.Address.WithPort(RpcNetwork.ServerPort));
        var client = loop.Bind(host.Address.WithPort(RpcNetwork.ClientPort));
        var settings = new RpcSettings { Ephemeral = EphemeralMode.Always, Bootstrap = [BootstrapEntry.At(network.Nodes[0].Address)] };
        var machine = new RpcMachine(network.Network.Now, settings, new(server, RpcNetwork.ServerPort, client), PeerKit.Crypto, network.Network.Random.Fork(7000 + label));
        loop.Attach(machine);
        var peer = new SimulatedPeer(network, new(network.Network, machine, loop, host.Address.WithPort(RpcNetwork.ServerPort)), label, [host.Address.WithPort(RpcNetwork.ServerPort)]);
        machine.Start(network.Network.Now);
        loop.Wake();
        network.Network.Expect(() => machine.Status.IsBootstrapped, TimeSpan.FromSeconds(30));
        Assert.True(machine.Status.IsFirewalled);
        return peer;
    }

    public PeerServer Listen(KeyPair keyPair, PeerListenOptions? options = null)
    {
        var server = Dht.Listen(_network.Network.Now, keyPair, options ?? new(), null, Accepted.Add, _ => IsAnnounced = true)!;
        Node.Loop.Wake();
        return server;
    }

    public void Connect(PublicKey key, PeerConnectOptions? options = null)
    {
        Outcome = null;
        Dht.Connect(_network.Network.Now, PeerKit.Key(1), key, options ?? new(), (_, outcome) => Outcome = outcome);
        Node.Loop.Wake();
    }
}
