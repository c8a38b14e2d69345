using PeopleSwarm.Dht.Kademlia;
using PeopleSwarm.Testing;

namespace PeopleSwarm.Dht.Rpc;

public class RpcMachineNetworkTests
{
    [Theory, InlineData(1), InlineData(2), InlineData(3)]
    public void Forty_nodes_become_persistent_and_find_the_true_closest(int seed)
    {
        var network = RpcNetwork.Grow(seed, 40);
        foreach (var node in network.Nodes) Assert.Equal(node.ExpectedId, node.Machine.Id);
        var random = new SeededRandom(seed);
        for (int i = 0; i < 5; i++)
        {
            var bytes = new byte[32];
            random.Fill(bytes);
            var target = new NodeId(bytes);
            var asker = network.Nodes[random.Next(network.Nodes.Count)];
            var (outcome, _) = asker.Query(new(target, RpcCommands.FindNode, IsInternal: true) { DisjointPaths = 1 }); // all but one are in one /16
            var expected = network.Nodes.Where(n => n != asker).OrderBy(n => n.ExpectedId, Comparer<NodeId>.Create((a, b) => a.CompareDistance(b, target)))
                .Select(n => n.Address).Take(KBucket.Size);
            Assert.Equal(expected, outcome.ClosestReplies.Select(r => r.From));
            Assert.Equal(RpcFailure.None, outcome.Failure);
        }
    }
}
