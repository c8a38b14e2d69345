using PeopleSwarm.Dht.TestKit;

namespace PeopleSwarm.Dht.Node;

public class PeerConnectionPoolTests
{
    private static readonly TimeSpan s_limit = LoopbackNodes.Limit;
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Callers_that_want_the_same_peer_share_one_connection()
    {
        await using var nodes = await LoopbackNodes.StartAsync(3, Cancel);
        var haveBegun = new TaskCompletionSource();
        await using var listener = await nodes.Nodes[1].ListenAsync(PeerKit.Key(2), AnswersAfter(haveBegun.Task), Cancel);
        await using var server = new PeerConnectionPool(nodes.Nodes[1]);
        var accepted = new TaskCompletionSource<IPeerConnection>();
        server.ConnectionOpened += (_, connection) => accepted.TrySetResult(connection);
        server.Attach(listener);
        await using var pool = new PeerConnectionPool(nodes.Nodes[2]);
        var dials = Enumerable.Range(0, 5).Select(_ => pool.ConnectAsync(PeerKit.Key(2).PublicKey, new() { KeyPair = PeerKit.Key(1) }, Cancel)).ToArray();
        Assert.Equal(1, pool.Connecting);
        haveBegun.SetResult();
        var connections = await Task.WhenAll(dials);
        Assert.All(connections, c => Assert.Same(connections[0], c));
        Assert.Same(connections[0], await pool.ConnectAsync(PeerKit.Key(2).PublicKey, cancellationToken: Cancel));
        Assert.Same(connections[0], Assert.Single(pool.Connections));
        var incoming = await accepted.Task.WaitAsync(s_limit, Cancel);
        Assert.Equal(connections[0].HandshakeHash.ToArray(), incoming.HandshakeHash.ToArray());
        Assert.True(server.TryGet(PeerKit.Key(1).PublicKey, out var found));
        Assert.Same(incoming, found);

        connections[0].Abort();
        await Until(() => pool.Connections.Count == 0 && server.Connections.Count == 0);
        Assert.False(pool.TryGet(PeerKit.Key(2).PublicKey, out _));
        Assert.NotSame(connections[0], await pool.ConnectAsync(PeerKit.Key(2).PublicKey, cancellationToken: Cancel));
    }

    [Fact]
    public async Task Of_two_dials_that_cross_both_sides_keep_the_same()
    {
        await using var nodes = await LoopbackNodes.StartAsync(4, Cancel);
        for (byte i = 0; i < 5; i++)
        {
            KeyPair one = PeerKit.Key((byte)(10 + i)), other = PeerKit.Key((byte)(20 + i));
            var haveBegun = new TaskCompletionSource();
            await using var oneListener = await nodes.Nodes[1].ListenAsync(one, AnswersAfter(haveBegun.Task), Cancel);
            await using var otherListener = await nodes.Nodes[2].ListenAsync(other, AnswersAfter(haveBegun.Task), Cancel);
            await using var onePool = new PeerConnectionPool(nodes.Nodes[1]);
            await using var otherPool = new PeerConnectionPool(nodes.Nodes[2]);
            onePool.Attach(oneListener);
            otherPool.Attach(otherListener);
            Task[] dials = [onePool.ConnectAsync(other.PublicKey, new() { KeyPair = one }, Cancel), otherPool.ConnectAsync(one.PublicKey, new() { KeyPair = other }, Cancel)];
            haveBegun.SetResult(); // now they cross
            await Task.WhenAll(dials);
            await Until(() => (onePool.Connecting, otherPool.Connecting) == (0, 0) && onePool.Connections is [var here] && otherPool.Connections is [var there]
                && here.HandshakeHash.Span.SequenceEqual(there.HandshakeHash.Span));
            var kept = onePool.Connections[0];
            Assert.Equal(one.PublicKey < other.PublicKey, kept.IsInitiator);
            await Task.Delay(100, Cancel);
            Assert.False(kept.Closed.IsCompleted);
            foreach (var connection in onePool.Connections.Concat(otherPool.Connections)) connection.Abort();
        }
    }

    [Fact]
    public async Task A_peer_that_dials_again_has_lost_the_older_connection()
    {
        await using var nodes = await LoopbackNodes.StartAsync(3, Cancel);
        await using var listener = await nodes.Nodes[1].ListenAsync(PeerKit.Key(2), cancellationToken: Cancel);
        await using var pool = new PeerConnectionPool(nodes.Nodes[1]);
        pool.Attach(listener);
        var older = await nodes.Nodes[2].ConnectAsync(PeerKit.Key(2).PublicKey, cancellationToken: Cancel);
        await Until(() => pool.Connections.Count == 1);
        var first = pool.Connections[0];
        var newer = await nodes.Nodes[2].ConnectAsync(PeerKit.Key(2).PublicKey, cancellationToken: Cancel);
        var close = await first.Closed.WaitAsync(s_limit, Cancel);
        Assert.Equal(PeerConnectError.DuplicateConnection, Assert.IsType<PeerConnectException>(close.Error!.InnerException).Error);
        Assert.Equal(newer.HandshakeHash.ToArray(), Assert.Single(pool.Connections).HandshakeHash.ToArray());
        await older.Closed.WaitAsync(s_limit, Cancel);
        newer.Abort();
    }

    [Fact]
    public async Task A_dial_that_fails_is_told_to_all_who_wait_and_the_next_one_dials_afresh()
    {
        await using var nodes = await LoopbackNodes.StartAsync(3, Cancel);
        await using var pool = new PeerConnectionPool(nodes.Nodes[2]);
        var dials = Enumerable.Range(0, 3).Select(_ => pool.ConnectAsync(PeerKit.Key(2).PublicKey, cancellationToken: Cancel)).ToArray();
        foreach (var dial in dials) Assert.Equal(PeerConnectError.PeerNotFound, (await Assert.ThrowsAsync<PeerConnectException>(() => dial)).Error);
        await using var listener = await nodes.Nodes[1].ListenAsync(PeerKit.Key(2), cancellationToken: Cancel);
        (await pool.ConnectAsync(PeerKit.Key(2).PublicKey, cancellationToken: Cancel)).Abort();
    }

    [Fact]
    public async Task It_holds_no_more_than_it_may_and_nothing_once_it_is_disposed()
    {
        await using var nodes = await LoopbackNodes.StartAsync(3, Cancel);
        await using var listener = await nodes.Nodes[1].ListenAsync(PeerKit.Key(2), cancellationToken: Cancel);
        await using var server = new PeerConnectionPool(nodes.Nodes[1], maxConnections: 1);
        server.Attach(listener);
        var pool = new PeerConnectionPool(nodes.Nodes[2], maxConnections: 1);
        var connection = await pool.ConnectAsync(PeerKit.Key(2).PublicKey, new() { KeyPair = PeerKit.Key(1) }, Cancel);
        await Until(() => server.Connections.Count == 1);
        var error = await Assert.ThrowsAsync<DhtException>(() => Task.Run(() => pool.ConnectAsync(PeerKit.Key(3).PublicKey, cancellationToken: Cancel)));
        Assert.Equal(DhtError.LimitReached, error.Error);
        var turnedAway = await nodes.Nodes[0].ConnectAsync(PeerKit.Key(2).PublicKey, new() { KeyPair = PeerKit.Key(4) }, Cancel);
        Assert.Equal(StreamCloseReason.RemoteAbort, (await turnedAway.Closed.WaitAsync(s_limit, Cancel)).Reason);
        foreach (var incoming in server.Connections) incoming.Abort();
        await connection.Closed.WaitAsync(s_limit, Cancel);

        var waiting = pool.ConnectAsync(PeerKit.Key(9).PublicKey, new() { RelayAddresses = [UdpEndPoint.Loopback(1)] }, Cancel);
        await pool.DisposeAsync();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => waiting.WaitAsync(s_limit, Cancel));
        await Assert.ThrowsAsync<ObjectDisposedException>(() => Task.Run(() => pool.ConnectAsync(PeerKit.Key(2).PublicKey, cancellationToken: Cancel)));
        Assert.Throws<ObjectDisposedException>(() => pool.Attach(listener));
    }

    private static PeerListenOptions AnswersAfter(Task gate) => new()
    {
        Firewall = async (_, _) =>
        {
            await gate;
            return false;
        },
    };

    private static async Task Until(Func<bool> condition)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        limit.CancelAfter(s_limit);
        while (!condition()) await Task.Delay(10, limit.Token);
    }
}
