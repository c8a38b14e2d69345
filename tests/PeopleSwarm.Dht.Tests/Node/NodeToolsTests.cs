using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace PeopleSwarm.Dht.Node;

/// <summary>What an overlay or a tool asks of a node beside queries: its table, one refresh, pings that wait.</summary>
public class NodeToolsTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Nodes_are_listed_newest_first_added_by_hand_and_found_by_a_walk()
    {
        await using var nodes = await LoopbackNodes.StartAsync(4, Cancel);
        var asker = nodes.Nodes[3];
        var others = nodes.Nodes.Take(3).Select(n => n.Status.LocalEndPoint).ToHashSet();
        Assert.Equal(others, (await asker.ListNodesAsync(cancellationToken: Cancel)).ToHashSet());
        var (pinged, newest) = (nodes.Nodes[1].Status.LocalEndPoint, default(UdpEndPoint));
        for (int tries = 0; tries < 20 && newest != pinged; tries++) // another node may have something to say just then
        {
            await asker.PingAsync(pinged, Cancel);
            newest = Assert.Single(await asker.ListNodesAsync(limit: 1, Cancel));
        }
        Assert.Equal(pinged, newest);
        var found = await asker.FindNode(nodes.Nodes[2].Status.Id!.Value).FinishAsync(Cancel);
        Assert.Equal(nodes.Nodes[2].Status.LocalEndPoint, found.ClosestNodes[0]);
        Assert.Equal(found.ClosestNodes, found.ClosestReplies.Select(r => r.From));
        Assert.Equal(nodes.Nodes[2].Status.Id, found.ClosestReplies[0].FromId);
        Assert.False(asker.Status.IsDegraded);

        await using var apart = new LoopbackNodes();
        var alone = apart.AddBootstrapper();
        await alone.WhenBootstrappedAsync(Cancel);
        Assert.Empty(await alone.ListNodesAsync(cancellationToken: Cancel));
        await alone.AddNodeAsync(nodes.Nodes[1].Status.LocalEndPoint, Cancel);
        long before = alone.Statistics.Queries;
        await alone.RefreshAsync(Cancel);
        Assert.Equal(before + 1, alone.Statistics.Queries);
        while ((await alone.ListNodesAsync(cancellationToken: Cancel)).Count < 3) await Task.Delay(20, Cancel);
        await Assert.ThrowsAsync<ArgumentException>(() => alone.AddNodeAsync(UdpEndPoint.Parse("[::1]:1"), Cancel));
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => alone.ListNodesAsync(limit: 0, Cancel));
    }

    [Fact]
    public async Task A_node_that_the_filter_refuses_is_not_asked()
    {
        await using var nodes = await LoopbackNodes.StartAsync(3, Cancel);
        var refused = nodes.Nodes[1].Status.LocalEndPoint;
        var node = nodes.Add(o => o.NodeFilter = address => address != refused);
        await node.WhenBootstrappedAsync(Cancel);
        Assert.Equal([nodes.Nodes[2].Status.LocalEndPoint], (await node.FindNode(nodes.Nodes[1].Status.Id!.Value).FinishAsync(Cancel)).ClosestNodes.Except([nodes.Nodes[0].Status.LocalEndPoint]));
        Assert.DoesNotContain(refused, await node.ListNodesAsync(cancellationToken: Cancel));
    }

    [Fact]
    public async Task A_delayed_ping_is_answered_after_the_delay()
    {
        await using var nodes = await LoopbackNodes.StartAsync(2, Cancel);
        long started = Stopwatch.GetTimestamp();
        await nodes.Nodes[1].DelayedPingAsync(nodes.Nodes[0].Status.LocalEndPoint, TimeSpan.FromSeconds(1.5), Cancel);
        Assert.InRange(Stopwatch.GetElapsedTime(started).TotalSeconds, 1.4, 5);
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => nodes.Nodes[1].DelayedPingAsync(nodes.Nodes[0].Status.LocalEndPoint, TimeSpan.FromSeconds(11), Cancel));
    }

    [Fact]
    public async Task A_request_leaves_through_the_socket_named_and_says_what_was_tried_when_nobody_answers()
    {
        await using var nodes = await LoopbackNodes.StartAsync(2, Cancel);
        using var silent = new UdpClient(new IPEndPoint(IPAddress.Loopback, 0));
        var nobody = UdpEndPoint.From((IPEndPoint)silent.Client.LocalEndPoint!);
        var node = nodes.Nodes[1];
        var request = node.RequestAsync(new(77), nobody, new() { Retries = 0, Ttl = 3, Socket = node.Status.Socket }, Cancel);
        var received = await silent.ReceiveAsync(Cancel);
        Assert.Equal(node.Status.LocalEndPoint.Port, received.RemoteEndPoint.Port);
        var error = await Assert.ThrowsAsync<DhtException>(() => request);
        Assert.Equal((DhtError.RequestTimedOut, $"{nobody} did not answer command 77, sent once."), (error.Error, error.Message));
        await Assert.ThrowsAsync<ArgumentException>(() => node.RequestAsync(new(77), nobody, new() { Socket = new SocketId(987654) }, Cancel));
    }
}
