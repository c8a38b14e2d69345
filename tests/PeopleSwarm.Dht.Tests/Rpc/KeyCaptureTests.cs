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

    [Theory, InlineData(1), InlineData(2), InlineData(3)]
    public void A_block_however_close_and_many_its_nodes_is_one_of_the_first_three_that_announce_a_listener(int seed)
    {
        foreach (var (disjointPaths, isSpread) in ((int, bool)[])[(4, true), (4, false), (1, false)])
        {
            var (closest, first) = FirstThree(seed, Honest, disjointPaths, isSpread);
            Assert.Equal(closest[0], first[0]);
            Assert.True(IsAttacker(closest[0]) && IsAttacker(closest[1]));
            Assert.Equal(1, first.Count(IsAttacker));
        }
    }

    [Theory, InlineData(1), InlineData(2), InlineData(3)]
    public void So_it_is_where_honest_nodes_are_too_few_to_fill_the_twenty(int seed)
    {
        var (closest, first) = FirstThree(seed, honest: 12, disjointPaths: 4, isSpread: false);
        Assert.Equal(3, closest.Take(3).Count(IsAttacker));
        Assert.Equal(1, first.Count(IsAttacker));
    }

    [Fact]
    public void Without_an_attacker_the_first_three_are_of_the_twenty_closest_which_other_nodes_ask()
    {
        var network = RpcNetwork.Grow(seed: 2, 120, isSpread: true);
        for (byte i = 0; i < 20; i++)
        {
            var target = new NodeId(Enumerable.Repeat((byte)(13 * i + 5), NodeId.Size).ToArray());
            var (outcome, _) = network.Nodes[7].Query(new(target, RpcCommands.FindNode, IsInternal: true));
            var truth = network.Nodes.Select(n => n.Address).Where(a => a != network.Nodes[7].Address)
                .OrderBy(a => s_ids.Of(a), Comparer<NodeId>.Create((a, b) => a.CompareDistance(b, target))).Take(20).ToArray();
            Assert.Equal(truth[0], outcome.SpreadReplies[0].From);
            Assert.All(outcome.SpreadReplies.Take(3), r => Assert.Contains(r.From, truth));
            Assert.Equal(outcome.ClosestReplies.ToHashSet(), outcome.SpreadReplies.ToHashSet());
        }
    }

    private static (UdpEndPoint[] Closest, UdpEndPoint[] First) FirstThree(int seed, int honest, int disjointPaths, bool isSpread)
    {
        var (outcome, _) = Query(seed, honest, maxPerNetwork: 2, disjointPaths, isSpread);
        return ([.. outcome.ClosestReplies.Select(r => r.From)], [.. outcome.SpreadReplies.Take(3).Select(r => r.From)]);
    }

    private static (UdpEndPoint[] Closest, HashSet<UdpEndPoint> Honest) Ask(int seed, int maxPerNetwork, int disjointPaths = 1, bool isSpread = false)
    {
        var (outcome, honest) = Query(seed, Honest, maxPerNetwork, disjointPaths, isSpread);
        Assert.InRange(outcome.Successes + outcome.Errors, 20, 120);
        return ([.. outcome.ClosestReplies.Select(r => r.From)], honest);
    }

    private static (RpcQueryOutcome Outcome, HashSet<UdpEndPoint> Honest) Query(int seed, int honest, int maxPerNetwork, int disjointPaths, bool isSpread)
    {
        var network = RpcNetwork.Grow(seed, honest, isSpread);
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
        return (outcome, [.. truth]);
    }

    private static Comparer<NodeId> ByDistance { get; } = Comparer<NodeId>.Create((a, b) => a.CompareDistance(b, s_target));

    private static bool IsAttacker(UdpEndPoint address) => address.IPv4 >> 16 == 0x4266;

    /// <summary>Addresses of one /24, or one of each /24 of a /16.</summary>
    private static IEnumerable<UdpEndPoint> Candidates(bool isSpread) =>
        from host in Enumerable.Range(1, 250)
        from port in Enumerable.Range(1000, 40)
        select new UdpEndPoint(0x42660000u | (uint)(isSpread ? host << 8 | 1 : 0x66 << 8 | host), (ushort)port);
}
