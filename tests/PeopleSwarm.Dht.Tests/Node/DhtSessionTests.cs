using System.Net;
using System.Net.Sockets;
using PeopleSwarm.Dht.TestKit;

namespace PeopleSwarm.Dht.Node;

public class DhtSessionTests
{
    private static readonly TimeSpan s_limit = LoopbackNodes.Limit;
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Disposing_it_ends_what_runs_under_it_at_once_and_nothing_else()
    {
        await using var nodes = await LoopbackNodes.StartAsync(3, Cancel);
        var node = nodes.Nodes[2];
        using var silent = new UdpClient(new IPEndPoint(IPAddress.Loopback, 0));
        var nobody = UdpEndPoint.From((IPEndPoint)silent.Client.LocalEndPoint!);
        var onlySilent = new DhtQueryOptions { Nodes = [nobody], OnlyGivenNodes = true };
        var session = new DhtSession(node);
        Task[] running =
        [
            session.PingAsync(nobody, Cancel),
            session.RequestAsync(new(7), nobody, cancellationToken: Cancel),
            session.Lookup(Topic.Parse(new string('a', 64)), onlySilent).FinishAsync(Cancel),
            ReadAsync(session.Query(new(2, NodeId.Parse(new string('5', 64)), IsInternal: true), onlySilent)),
            session.GetMutableAsync(PeerKit.Key(1).PublicKey, new() { Query = onlySilent }, Cancel),
        ];
        var connect = session.ConnectAsync(PeerKit.Key(9).PublicKey, new() { RelayAddresses = [nobody] }, Cancel);
        var other = node.PingAsync(nobody, Cancel);
        var stream = session.CreateRawStream();
        await Task.Delay(200, Cancel);
        Assert.All([.. running, connect], task => Assert.False(task.IsCompleted));

        await session.DisposeAsync();
        foreach (var task in running)
            Assert.Equal(DhtError.Destroyed, (await Assert.ThrowsAsync<DhtException>(() => task.WaitAsync(s_limit, Cancel))).Error);
        Assert.Equal(DhtError.Destroyed, (await Assert.ThrowsAsync<DhtException>(() => connect.WaitAsync(s_limit, Cancel))).Error);
        Assert.Equal(StreamCloseReason.LocalAbort, (await stream.Closed.WaitAsync(s_limit, Cancel)).Reason);
        await node.PingAsync(nodes.Nodes[0].Status.LocalEndPoint, Cancel);
        Assert.Equal(DhtError.RequestTimedOut, (await Assert.ThrowsAsync<DhtException>(() => other)).Error); // in its own time, not with the session
    }

    [Fact]
    public async Task Its_connections_end_in_order_with_it()
    {
        await using var nodes = await LoopbackNodes.StartAsync(3, Cancel);
        await using var listener = await nodes.Nodes[1].ListenAsync(PeerKit.Key(2), cancellationToken: Cancel);
        byte[] data = new byte[100_000];
        IPeerConnection server;
        await using (var session = new DhtSession(nodes.Nodes[2]))
        {
            var client = await session.ConnectAsync(PeerKit.Key(2).PublicKey, cancellationToken: Cancel);
            server = await listener.AcceptAsync(Cancel);
            await client.AsStream().WriteAsync(data, Cancel);
            _ = EchoAsync(server);
        }
        Assert.Equal(StreamCloseReason.Completed, (await server.Closed.WaitAsync(s_limit, Cancel)).Reason);

        async Task EchoAsync(IPeerConnection connection)
        {
            await connection.Input.CopyToAsync(Stream.Null, Cancel);
            await connection.Output.CompleteAsync();
        }
    }

    [Fact]
    public async Task Nothing_begins_under_one_that_was_disposed_and_a_cancelled_call_says_so()
    {
        await using var nodes = await LoopbackNodes.StartAsync(1, Cancel);
        var session = new DhtSession(nodes.Nodes[0]);
        using var cancelled = new CancellationTokenSource();
        await cancelled.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => session.PingAsync(UdpEndPoint.Loopback(1), cancelled.Token));
        var query = session.Lookup(Topic.Parse(new string('a', 64)));
        await session.DisposeAsync();
        await session.DisposeAsync();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => session.PingAsync(UdpEndPoint.Loopback(1), Cancel));
        await Assert.ThrowsAsync<ObjectDisposedException>(() => query.FinishAsync(Cancel));
        Assert.Throws<ObjectDisposedException>(() => session.CreateRawStream());
    }

    private static async Task ReadAsync(IDhtQuery<DhtResponse> query)
    {
        await foreach (var _ in query.WithCancellation(Cancel)) { }
    }
}
