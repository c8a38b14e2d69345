using PeopleSwarm.Dht.Rpc;

namespace PeopleSwarm.Dht.Node;

public class DhtNodeTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Nodes_on_loopback_become_persistent_and_find_each_other()
    {
        await using var nodes = await LoopbackNodes.StartAsync(5, Cancel);
        var ids = new Kademlia.NodeIds(TestCrypto.Suite);
        foreach (var node in nodes.Nodes)
        {
            var status = node.Status;
            Assert.False(status.IsEphemeral);
            Assert.Equal(ids.Of(status.LocalEndPoint), status.Id);
            Assert.Equal(status.LocalEndPoint, status.PublicEndPoint);
            Assert.True(status.KnownNodes > 0);
        }
        await using var query = nodes.Nodes[4].Query(new(RpcCommands.FindNode, nodes.Nodes[1].Status.Id, IsInternal: true));
        var result = await query.FinishAsync(Cancel);
        Assert.Equal(nodes.Nodes[1].Status.LocalEndPoint, result.ClosestNodes[0]);
        Assert.Equal(4, result.Successes);
    }
}
