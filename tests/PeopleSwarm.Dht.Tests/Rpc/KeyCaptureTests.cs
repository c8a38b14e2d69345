using PeopleSwarm.Dht.Kademlia;

namespace PeopleSwarm.Dht.Rpc;

/// <summary>Whoever owns a block of addresses chooses ids close to a key and answers with its own nodes alone.</summary>
public class KeyCaptureTests
{
    private const int Honest = 60, Attackers = 60;
    private static readonly NodeId s_target = NodeId.Parse(new string('5', 64));
    private static readonly NodeIds s_ids = new(TestCrypto.Suite);

    [Theory, InlineData(1), InlineData(2), InlineData(3)]
    public void A_block_that_answers_with_its_own_nodes_alone_does_not_hide_the_honest_ones(int seed)
    {
        var (closest, honest) = Ask(seed, maxPerNetwork: 2);
        Assert.InRange(closest.Count(IsAttacker), 0, 2);
        Assert.InRange(closest.Count(honest.Contains), 17, 20); // of the twenty that are closest in truth
    }

    [Fact]
    public void Without_the_limit_it_would()
    {
        var (closest, honest) = Ask(seed: 1, maxPerNetwork: 20);
        Assert.True(closest.Count(IsAttacker) >= 15, $"{closest.Count(IsAttacker)} attackers");
        Assert.InRange(closest.Count(honest.Contains), 0, 5);
    }

    private static (UdpEndPoint[] Closest, HashSet<UdpEndPoint> Honest) Ask(int seed, int maxPerNetwork)
    {
        var network = RpcNetwork.Grow(seed, Honest);
        var asker = network.AddNode(EphemeralMode.Always, s => s with { MaxNodesPerNetworkInRow = maxPerNetwork });
        network.Network.RunFor(TimeSpan.FromSeconds(10));
        UdpEndPoint[] block = [.. Candidates().OrderBy(a => s_ids.Of(a), ByDistance).Take(Attackers)];
        foreach (var address in block)
        {
            var attacker = new RawPeer(network.Network, address.ToString());
            attacker.Answer = (datagram, from) => RawPeer.IsRequest(datagram)
                ? RawPeer.Response(from, RawPeer.TidOf(datagram), attacker.Id, new byte[RpcProtocol.TokenSize], [.. block.Take(20)]) : null;
            foreach (var node in network.Nodes) attacker.Send(node.Address, RawPeer.Request(node.Address, RpcCommands.Ping, id: attacker.Id)); // asks to be let into tables
        }
        network.Network.RunFor(TimeSpan.FromSeconds(10));
        Assert.Contains(network.Nodes, n => n.Machine.Table.All().Any(known => IsAttacker(known.EndPoint)));
        var (outcome, _) = asker.Query(new(s_target, RpcCommands.FindNode, IsInternal: true), TimeSpan.FromMinutes(1));
        var truth = network.Nodes.Where(n => n != asker).Select(n => n.Address).OrderBy(a => s_ids.Of(a), ByDistance).Take(20);
        return ([.. outcome.ClosestReplies.Select(r => r.From)], [.. truth]);
    }

    private static Comparer<NodeId> ByDistance { get; } = Comparer<NodeId>.Create((a, b) => a.CompareDistance(b, s_target));

    private static bool IsAttacker(UdpEndPoint address) => address.IPv4 >> 8 == 0x426666;

    private static IEnumerable<UdpEndPoint> Candidates() =>
        from host in Enumerable.Range(1, 250) from port in Enumerable.Range(1000, 40) select new UdpEndPoint(0x42666600u | (uint)host, (ushort)port);
}
