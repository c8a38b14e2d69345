using System.Globalization;
using PeopleSwarm.Dht.Connect;
using PeopleSwarm.Dht.Messages;
using PeopleSwarm.Dht.Rpc;
using PeopleSwarm.Dht.TestKit;
using PeopleSwarm.Testing;

namespace PeopleSwarm.Dht.Large;

/// <summary>A hundred thousand forged datagrams in a minute of virtual time against one node that also listens.</summary>
public class FloodTests
{
    private const int PerMinute = 100_000, Handshakes = 1500;
    private static readonly TimeSpan s_minute = TimeSpan.FromMinutes(1);

    [Fact]
    public void A_flood_of_forged_requests_records_and_handshakes_fills_no_table_over_its_bound_and_floods_nobody()
    {
        var network = RpcNetwork.Grow(seed: 1, nodes: 8);
        var peers = network.Nodes.Select((n, i) => new SimulatedPeer(network, n, i)).ToArray();
        var (target, client) = (peers[3], peers[5]);
        target.Listen(PeerKit.Key(2));
        network.Network.Expect(() => target.IsAnnounced, TimeSpan.FromSeconds(30));
        var to = target.Node.Address;
        var (asked, sent) = (new Dictionary<uint, long>(), new Dictionary<uint, long>());
        network.Network.Tap = (from, receiver, datagram) =>
        {
            if (from.HasSameAddress(to)) sent[receiver.IPv4] = sent.GetValueOrDefault(receiver.IPv4) + datagram.Length;
        };
        long dropped = target.Node.Machine.Dropped, served = target.Node.Machine.Counters.Served;
        var first = new Flood(network.Network, to, asked);
        for (int second = 0; second < 60; second++)
        {
            for (int i = 0; i < PerMinute / 60; i++) first.Send(isHandshake: i < Handshakes / 60);
            network.Network.RunFor(TimeSpan.FromSeconds(1));
        }

        Assert.Equal(1, target.Dht.ServerCount);
        Assert.Equal(0, target.Sockets.Count);
        Assert.True(target.Dht.Storage.RecordCount == 0, "A record was stored without a token.");
        Assert.True(target.Node.Machine.Table.Count <= network.Nodes.Count, "A forged node entered the table.");
        Assert.True(target.Node.Machine.RequestsInFlight <= 32, $"{target.Node.Machine.RequestsInFlight} requests are in flight.");
        Assert.True(target.Node.Machine.Counters.Served - served + target.Node.Machine.Dropped - dropped >= PerMinute / 60 * 60, "Not all of them were counted.");

        // Beyond three times what came in its name an address gets no more than its bucket, however many datagrams name it.
        var genuine = network.Nodes.Select(n => n.Address.IPv4).ToHashSet();
        double worst = 0;
        foreach (var (address, bytes) in sent.Where(s => !genuine.Contains(s.Key)))
        {
            double bucket = 64 * 1024 * (s_minute.TotalSeconds + 2);
            long received = asked.GetValueOrDefault(address);
            Assert.True(bytes <= 3 * received + bucket, $"{bytes} bytes were sent to an address in whose name {received} came.");
            worst = Math.Max(worst, bytes / (double)Math.Max(1, received));
        }

        client.Connect(PeerKit.Key(2).PublicKey); // and who means it is served
        network.Network.Expect(() => client.Outcome is not null, TimeSpan.FromSeconds(10));
        Assert.Null(client.Outcome!.Value.Error);
        Report.Write("flood-simulated", string.Create(CultureInfo.InvariantCulture,
            $"{PerMinute} forged datagrams in a minute: {target.Node.Machine.Counters.Served - served} served, {target.Node.Machine.Dropped - dropped} dropped, {sent.Where(s => !genuine.Contains(s.Key)).Sum(s => s.Value) / 1024} KiB sent for {asked.Sum(a => a.Value) / 1024} KiB, at most {worst:0.0} times to one address\n"));
    }

    /// <summary>Requests for topics, values and nodes, records with made-up tokens, and first messages of handshakes; a third in the name of one victim.</summary>
    private sealed class Flood(SimulatedNetwork network, UdpEndPoint to, Dictionary<uint, long> asked)
    {
        private static readonly UdpEndPoint s_victim = UdpEndPoint.Parse("88.1.2.3:4000");
        private readonly SeededRandom _random = network.Random.Fork(99);
        private readonly byte[] _record = new byte[300];
        private ushort _tid;

        public void Send(bool isHandshake)
        {
            var from = _random.Chance(1 / 3.0) ? s_victim : new UdpEndPoint(0x40000000u | _random.NextUInt32() & 0x0fff_ffff, (ushort)(1024 + _random.Next(60_000)));
            var random = new byte[32];
            _random.Fill(random);
            _random.Fill(_record);
            var message = isHandshake
                ? new RpcRequestMessage { Tid = ++_tid, To = to, Command = PeerCommand.PeerHandshake, Target = PeerKit.Target(PeerKit.Key(2)), HasValue = true, Value = Handshake() }
                : _random.Next(5) switch
                {
                    0 => new RpcRequestMessage { Tid = ++_tid, To = to, IsInternal = true, Command = RpcCommands.FindNode, Target = new(random) },
                    1 => new RpcRequestMessage { Tid = ++_tid, To = to, Command = PeerCommand.Lookup, Target = new(random), Id = new(random) },
                    2 => new RpcRequestMessage { Tid = ++_tid, To = to, Command = PeerCommand.Announce, Target = new(random), Token = random, HasValue = true, Value = _record },
                    3 => new RpcRequestMessage { Tid = ++_tid, To = to, Command = PeerCommand.ImmutablePut, Target = new(random), Token = random, HasValue = true, Value = _record },
                    _ => new RpcRequestMessage { Tid = ++_tid, To = to, Command = PeerCommand.FindPeer, Target = new(random) },
                };
            var datagram = new byte[message.Size];
            message.Write(datagram);
            asked[from.IPv4] = asked.GetValueOrDefault(from.IPv4) + datagram.Length;
            network.Inject(from, to, datagram);
        }

        private byte[] Handshake()
        {
            var noise = new byte[150];
            _random.Fill(noise);
            return new PeerHandshakeMessage(RoutingMode.FromClient, noise).Encode();
        }
    }
}
