using PeopleSwarm.Dht.Kademlia;
using PeopleSwarm.Testing;

namespace PeopleSwarm.Fuzz;

/// <summary>A hundred nodes and more that come and go, and a network cut in two for ten minutes.</summary>
public class DhtChurnTests
{
    private const int Nodes = 120, Closest = 20;
    private static readonly NodeIds s_ids = new(NoiseKit.Crypto);

    [Theory, InlineData(1)]
    public void Walks_find_the_closest_living_nodes_through_churn_and_a_cut(long seed)
    {
        var net = new SimulatedNetwork(seed) { Latency = TimeSpan.FromMilliseconds(30), Jitter = TimeSpan.FromMilliseconds(20), LossRate = 0.02 };
        var random = net.Random.Fork(3);
        List<DhtLab.Node> alive = [];
        for (int i = 0; i < Nodes; i++) Join(i);
        net.RunFor(TimeSpan.FromMinutes(1));
        AssertRecall("after all joined", 0.95);

        for (int i = 0; i < 40; i++)
        {
            int leaving = 1 + random.Next(alive.Count - 1);
            alive[leaving].Host.Disconnect();
            alive.RemoveAt(leaving);
            Join(Nodes + i);
            net.RunFor(TimeSpan.FromSeconds(3));
        }
        net.RunFor(TimeSpan.FromMinutes(5));
        AssertRecall("after a third was replaced", 0.9);

        net.Partition(alive.Where((_, i) => i % 2 == 0).Select(n => n.Host), alive.Where((_, i) => i % 2 == 1).Select(n => n.Host));
        net.RunFor(TimeSpan.FromMinutes(10));
        net.Heal();
        net.RunFor(TimeSpan.FromMinutes(70)); // once an hour a node asks the bootstrap nodes
        AssertRecall("after the cut healed", 0.9);

        void Join(int index)
        {
            alive.Add(DhtLab.AddNode(net, index));
            net.RunFor(TimeSpan.FromMilliseconds(100));
        }

        void AssertRecall(string when, double least)
        {
            double found = 0;
            const int walks = 10;
            for (int i = 0; i < walks; i++)
            {
                byte[] bytes = new byte[NodeId.Size];
                random.Fill(bytes);
                var target = new NodeId(bytes);
                var asker = alive[random.Next(alive.Count)];
                var expected = alive.Where(n => n != asker).Select(n => n.Address)
                    .OrderBy(a => s_ids.Of(a), Comparer<NodeId>.Create((a, b) => a.CompareDistance(b, target))).Take(Closest).ToHashSet();
                found += DhtLab.Closest(net, asker, target).Count(expected.Contains) / (double)Closest;
            }
            Assert.True(found / walks >= least, $"{when} walks find {found / walks:P0} of the closest nodes, seed {seed}");
        }
    }
}
