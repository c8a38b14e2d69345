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

    [Theory, InlineData(1), InlineData(2), InlineData(3)]
    public void A_block_with_many_networks_takes_the_plain_look_up_and_one_of_the_disjoint_paths(int seed)
    {
        var (plain, _) = Ask(seed, maxPerNetwork: 2, disjointPaths: 1, isSpread: true);
        Assert.Equal(20, plain.Count(IsAttacker));
        var (disjoint, honest) = Ask(seed, maxPerNetwork: 2, disjointPaths: 4, isSpread: true);
        Assert.Equal(9, disjoint.Count(a => !IsAttacker(a))); // three of four paths, each with three places
        Assert.InRange(disjoint.Count(honest.Contains), 7, 9);
        Assert.Equal(disjoint.OrderBy(a => s_ids.Of(a), ByDistance), disjoint);
    }

    [Fact]
    public void Without_an_attacker_the_paths_find_the_same_nodes_and_cost_hardly_a_request()
    {
        var network = RpcNetwork.Grow(seed: 1, 120, isSpread: true);
        int plainRequests = 0, requests = 0, common = 0;
        for (byte i = 0; i < 20; i++)
        {
            var target = new NodeId(Enumerable.Repeat((byte)(13 * i), NodeId.Size).ToArray());
            var plain = Find(target, paths: 1);
            var disjoint = Find(target, paths: 4);
            plainRequests += plain.Successes;
            requests += disjoint.Successes;
            common += plain.ClosestReplies.Select(r => r.From).Intersect(disjoint.ClosestReplies.Select(r => r.From)).Count();
        }
        Assert.InRange(requests, 20 * 20, 1.1 * plainRequests);
        Assert.InRange(common, 19 * 20, 20 * 20);

        RpcQueryOutcome Find(NodeId target, int paths) =>
            network.Nodes[7].Query(new(target, RpcCommands.FindNode, IsInternal: true) { DisjointPaths = paths }).Outcome;
    }

    private static (UdpEndPoint[] Closest, HashSet<UdpEndPoint> Honest) Ask(int seed, int maxPerNetwork, int disjointPaths = 1, bool isSpread = false)
    {
        var network = RpcNetwork.Grow(seed, Honest, isSpread);
        var asker = network.AddNode(EphemeralMode.Always, s => s with { MaxNodesPerNetworkInRow = maxPerNetwork, DisjointPaths = disjointPaths });
        network.Network.RunFor(TimeSpan.FromSeconds(10));
        UdpEndPoint[] block = [.. Candidates(isSpread).OrderBy(a => s_ids.Of(a), ByDistance).Take(Attackers)];
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
        Assert.InRange(outcome.Successes + outcome.Errors, 20, 120);
        return ([.. outcome.ClosestReplies.Select(r => r.From)], [.. truth]);
    }

    private static Comparer<NodeId> ByDistance { get; } = Comparer<NodeId>.Create((a, b) => a.CompareDistance(b, s_target));

    private static bool IsAttacker(UdpEndPoint address) => address.IPv4 >> 16 == 0x4266;

    /// <summary>Addresses of one /24, or one of each /24 of a /16.</summary>
    private static IEnumerable<UdpEndPoint> Candidates(bool isSpread) =>
        from host in Enumerable.Range(1, 250)
        from port in Enumerable.Range(1000, 40)
        select new UdpEndPoint(0x42660000u | (uint)(isSpread ? host << 8 | 1 : 0x66 << 8 | host), (ushort)port);
}
