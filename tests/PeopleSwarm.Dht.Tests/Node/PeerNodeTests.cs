using System.Text;
using Microsoft.Extensions.DependencyInjection;
using PeopleSwarm.Dht.TestKit;

namespace PeopleSwarm.Dht.Node;

/// <summary>The peer layer over loopback sockets.</summary>
public class PeerNodeTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Two_of_five_nodes_connect_and_talk_both_ways()
    {
        await using var nodes = await LoopbackNodes.StartAsync(5, Cancel);
        await using var listener = await nodes.Nodes[1].ListenAsync(PeerKit.Key(2), cancellationToken: Cancel);
        Assert.Equal(3, listener.RelayAddresses.Count);
        await using var client = await nodes.Nodes[4].ConnectAsync(PeerKit.Key(2).PublicKey, new() { KeyPair = PeerKit.Key(1) }, Cancel);
        await using var server = await listener.AcceptAsync(Cancel);

        Assert.Equal((PeerKit.Key(1).PublicKey, PeerKit.Key(2).PublicKey), (server.RemotePublicKey, client.RemotePublicKey));
        Assert.Equal((true, false), (client.IsInitiator, server.IsInitiator));
        Assert.Equal(client.HandshakeHash.ToArray(), server.HandshakeHash.ToArray());
        Assert.Equal((PeerPath.Direct, nodes.Nodes[1].Status.LocalEndPoint), (client.Path, client.RemoteEndPoint));

        await client.AsStream().WriteAsync("from the client"u8.ToArray(), Cancel);
        await server.AsStream().WriteAsync("from the server"u8.ToArray(), Cancel);
        Assert.Equal("from the client", await ReadTextAsync(server));
        Assert.Equal("from the server", await ReadTextAsync(client));
        await client.FlushAcknowledgedAsync(Cancel);
        Assert.Same(client.AsStream(), client.AsStream());
    }

    [Fact]
    public async Task Disposing_one_end_delivers_what_was_written_and_closes_both()
    {
        await using var nodes = await LoopbackNodes.StartAsync(3, Cancel);
        await using var listener = await nodes.Nodes[1].ListenAsync(PeerKit.Key(2), cancellationToken: Cancel);
        var client = await nodes.Nodes[2].ConnectAsync(PeerKit.Key(2).PublicKey, cancellationToken: Cancel);
        await using var server = await listener.AcceptAsync(Cancel);
        var data = new byte[300_000];
        new Random(1).NextBytes(data);
        var reading = ReadAllAsync(server);
        await client.AsStream().WriteAsync(data, Cancel);
        var disposing = client.DisposeAsync();
        Assert.Equal(data, await reading);
        await server.Output.CompleteAsync();
        await disposing;
        Assert.Equal(StreamCloseReason.Completed, (await client.Closed.WaitAsync(LoopbackNodes.Limit, Cancel)).Reason);
        await server.Closed.WaitAsync(LoopbackNodes.Limit, Cancel);
    }

    [Fact]
    public async Task Disposing_does_not_wait_for_a_peer_that_never_ends()
    {
        await using var nodes = await LoopbackNodes.StartAsync(2, Cancel);
        var patient = nodes.Add(o => o.Ephemeral = EphemeralMode.Never, services => services.Configure<UdxOptions>(o => o.Linger = TimeSpan.FromMinutes(30)));
        await patient.WhenBootstrappedAsync(Cancel);
        await using var listener = await nodes.Nodes[1].ListenAsync(PeerKit.Key(2), cancellationToken: Cancel);
        var client = await patient.ConnectAsync(PeerKit.Key(2).PublicKey, cancellationToken: Cancel);
        await using var server = await listener.AcceptAsync(Cancel);
        await client.AsStream().WriteAsync("the last word"u8.ToArray(), Cancel);
        await client.DisposeAsync().AsTask().WaitAsync(LoopbackNodes.Limit, Cancel); // less than the linger time
        Assert.Equal("the last word", await ReadTextAsync(server));
    }

    [Theory, InlineData(0), InlineData(300_000)]
    public async Task Disposing_a_node_closes_its_connections_and_raw_streams_with_that_reason(int unread)
    {
        await using var nodes = await LoopbackNodes.StartAsync(3, Cancel);
        await using var listener = await nodes.Nodes[1].ListenAsync(PeerKit.Key(2), cancellationToken: Cancel);
        var client = await nodes.Nodes[2].ConnectAsync(PeerKit.Key(2).PublicKey, new() { KeyPair = PeerKit.Key(1) }, Cancel);
        await using var server = await listener.AcceptAsync(Cancel);
        await server.AsStream().WriteAsync(new byte[unread], Cancel);
        await server.FlushAcknowledgedAsync(Cancel);
        var raw = nodes.Nodes[2].CreateRawStream();
        var reading = unread == 0 ? client.Input.ReadAsync(Cancel).AsTask() : null;
        await nodes.Nodes[2].DisposeAsync();
        var told = await Assert.ThrowsAnyAsync<IOException>(async () => await client.Output.WriteAsync(new byte[1], Cancel));
        Assert.Contains("transport of the stream was closed", told.ToString(), StringComparison.Ordinal);
        Assert.Equal(StreamCloseReason.TransportClosed, (await client.Closed.WaitAsync(LoopbackNodes.Limit, Cancel)).Reason);
        Assert.Equal(StreamCloseReason.TransportClosed, (await raw.Closed.WaitAsync(LoopbackNodes.Limit, Cancel)).Reason);
        if (reading is not null) await Assert.ThrowsAnyAsync<IOException>(() => reading);
    }

    [Fact]
    public async Task So_it_does_in_the_middle_of_a_transfer()
    {
        await using var nodes = await LoopbackNodes.StartAsync(3, Cancel);
        await using var listener = await nodes.Nodes[1].ListenAsync(PeerKit.Key(2), cancellationToken: Cancel);
        var client = await nodes.Nodes[2].ConnectAsync(PeerKit.Key(2).PublicKey, new() { KeyPair = PeerKit.Key(1) }, Cancel);
        await using var server = await listener.AcceptAsync(Cancel);
        var reading = server.Input.CopyToAsync(Stream.Null, Cancel);
        var writing = Task.Run(async () =>
        {
            while (true) await client.AsStream().WriteAsync(new byte[100_000], Cancel);
        }, Cancel);
        await Task.Delay(200, Cancel);
        await nodes.Nodes[2].DisposeAsync();
        Assert.Equal(StreamCloseReason.TransportClosed, (await client.Closed.WaitAsync(LoopbackNodes.Limit, Cancel)).Reason);
        await Task.WhenAny(Task.WhenAll(reading, writing)).WaitAsync(LoopbackNodes.Limit, Cancel); // both end, by an error
    }

    [Theory, InlineData(false), InlineData(true)]
    public async Task J7_guests_behind_one_address_meet_in_the_local_network(bool validates)
    {
        await using var nodes = await LoopbackNodes.StartAsync(4, Cancel);
        var (one, other) = (AddGuest(nodes, validates), AddGuest(nodes, validates));
        await using var listener = await one.ListenAsync(PeerKit.Key(2), cancellationToken: Cancel);
        await using var client = await other.ConnectAsync(PeerKit.Key(2).PublicKey, cancellationToken: Cancel);
        await using var server = await listener.AcceptAsync(Cancel);
        Assert.Equal((PeerPath.Lan, PeerPath.Lan), (client.Path, server.Path));
        Assert.Equal(one.Status.LocalEndPoint, client.RemoteEndPoint);
        await client.AsStream().WriteAsync("hello"u8.ToArray(), Cancel);
        Assert.Equal("hello", await ReadTextAsync(server));
    }

    [Fact]
    public async Task Announced_peers_are_found_with_their_relays_and_gone_when_withdrawn()
    {
        await using var nodes = await LoopbackNodes.StartAsync(5, Cancel);
        var topic = Topic.Parse(new string('a', 64));
        var relay = nodes.Nodes[3].Status.LocalEndPoint;
        await using (var announce = nodes.Nodes[1].Announce(topic, PeerKit.Key(1), new() { RelayAddresses = [relay] }))
            Assert.True((await announce.FinishAsync(Cancel)).Committed >= 3);
        var peers = await LookupAsync(nodes.Nodes[4], topic);
        Assert.All(peers, p => Assert.Equal((PeerKit.Key(1).PublicKey, relay), (p.PublicKey, Assert.Single(p.RelayAddresses))));
        Assert.NotEmpty(peers);
        await using (var withdraw = nodes.Nodes[2].LookupAndUnannounce(topic, PeerKit.Key(1))) await withdraw.FinishAsync(Cancel);
        Assert.Empty(await LookupAsync(nodes.Nodes[4], topic));
    }

    [Fact]
    public async Task A_listening_peer_is_found_until_its_listener_is_disposed()
    {
        await using var nodes = await LoopbackNodes.StartAsync(4, Cancel);
        var listener = await nodes.Nodes[1].ListenAsync(PeerKit.Key(2), cancellationToken: Cancel);
        await using (var found = nodes.Nodes[3].FindPeer(PeerKit.Key(2).PublicKey))
        {
            int replies = 0;
            await foreach (var reply in found.WithCancellation(Cancel))
            {
                Assert.Equal(PeerKit.Key(2).PublicKey, reply.Peer.PublicKey);
                replies++;
            }
            Assert.True(replies >= 3);
        }
        await listener.DisposeAsync();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => listener.AcceptAsync(Cancel).AsTask());
        var error = await Assert.ThrowsAsync<PeerConnectException>(() => nodes.Nodes[3].ConnectAsync(PeerKit.Key(2).PublicKey, cancellationToken: Cancel));
        Assert.Equal(PeerConnectError.PeerNotFound, error.Error);
    }

    [Fact]
    public async Task K2_a_slow_firewall_is_asked_once_although_the_message_comes_over_several_relays()
    {
        await using var nodes = await LoopbackNodes.StartAsync(5, Cancel);
        int asked = 0;
        await using var listener = await nodes.Nodes[1].ListenAsync(PeerKit.Key(2), new()
        {
            Firewall = async (_, payload) =>
            {
                Interlocked.Increment(ref asked);
                await Task.Delay(1500, Cancel); // longer than a request waits before it is sent again
                return payload!.IsOpen && payload.Addresses.Count == 0;
            },
        }, Cancel);
        await using var client = await nodes.Nodes[4].ConnectAsync(PeerKit.Key(2).PublicKey, new() { RelayAddresses = listener.RelayAddresses }, Cancel);
        await using var server = await listener.AcceptAsync(Cancel);
        Assert.Equal(1, asked);
    }

    [Theory, InlineData(true), InlineData(false)]
    public async Task K1_a_firewall_that_refuses_or_throws_is_silence(bool throws)
    {
        await using var nodes = await LoopbackNodes.StartAsync(3, Cancel);
        await using var listener = await nodes.Nodes[1].ListenAsync(PeerKit.Key(2), new()
        {
            Firewall = (_, _) => throws ? throw new InvalidOperationException("The application's mistake.") : ValueTask.FromResult(true),
        }, Cancel);
        var error = await Assert.ThrowsAsync<PeerConnectException>(() =>
            nodes.Nodes[2].ConnectAsync(PeerKit.Key(2).PublicKey, new() { Timeout = TimeSpan.FromSeconds(4) }, Cancel));
        Assert.Equal(PeerConnectError.TimedOut, error.Error);
        Assert.NotEmpty(error.Attempts);
    }

    [Fact]
    public async Task Unordered_messages_reach_the_other_side()
    {
        await using var nodes = await LoopbackNodes.StartAsync(3, Cancel);
        var received = new TaskCompletionSource<string>();
        await using var listener = await nodes.Nodes[1].ListenAsync(PeerKit.Key(2),
            new() { OnUnorderedMessage = m => received.TrySetResult(Encoding.UTF8.GetString(m)) }, Cancel);
        await using var client = await nodes.Nodes[2].ConnectAsync(PeerKit.Key(2).PublicKey, cancellationToken: Cancel);
        await using var server = await listener.AcceptAsync(Cancel);
        for (int i = 0; i < 50 && !received.Task.IsCompleted; i++)
        {
            client.Channel.TrySendUnordered("aside"u8);
            await Task.WhenAny(received.Task, Task.Delay(100, Cancel));
        }
        Assert.Equal("aside", await received.Task.WaitAsync(LoopbackNodes.Limit, Cancel));
    }

    [Fact]
    public async Task The_backlog_is_bounded_and_what_does_not_fit_is_aborted()
    {
        await using var nodes = await LoopbackNodes.StartAsync(3, Cancel);
        await using var listener = await nodes.Nodes[1].ListenAsync(PeerKit.Key(2), new() { Backlog = 2 }, Cancel);
        var clients = new List<IPeerConnection>();
        for (int i = 0; i < 2; i++) clients.Add(await nodes.Nodes[2].ConnectAsync(PeerKit.Key(2).PublicKey, cancellationToken: Cancel));
        try
        {
            clients.Add(await nodes.Nodes[2].ConnectAsync(PeerKit.Key(2).PublicKey, cancellationToken: Cancel));
            var closed = await Task.WhenAny(clients.Select(c => c.Closed)).WaitAsync(LoopbackNodes.Limit, Cancel);
            Assert.Equal(StreamCloseReason.RemoteAbort, (await closed).Reason);
        }
        catch (PeerConnectException aborted) // before the dialler had heard of its path
        {
            Assert.IsType<UdxException>(aborted.InnerException);
        }
        foreach (var client in clients) client.Abort();
    }

    [Fact]
    public async Task A_node_that_goes_away_ends_its_connects_and_listeners()
    {
        await using var nodes = await LoopbackNodes.StartAsync(3, Cancel);
        var listener = await nodes.Nodes[1].ListenAsync(PeerKit.Key(2), new() { Firewall = (_, _) => ValueTask.FromResult(true) }, Cancel);
        var connecting = nodes.Nodes[2].ConnectAsync(PeerKit.Key(2).PublicKey, cancellationToken: Cancel);
        await Task.Delay(200, Cancel);
        await nodes.Nodes[2].DisposeAsync();
        var error = await Assert.ThrowsAsync<PeerConnectException>(() => connecting);
        Assert.Contains(error.Error, (PeerConnectError[])[PeerConnectError.Suspended, PeerConnectError.NodeDestroyed]);
        var (accepting, all) = (listener.AcceptAsync(Cancel).AsTask(), listener.AcceptAllAsync(Cancel).GetAsyncEnumerator(Cancel));
        var next = all.MoveNextAsync().AsTask();
        await nodes.Nodes[1].DisposeAsync();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => accepting.WaitAsync(LoopbackNodes.Limit, Cancel));
        Assert.False(await next.WaitAsync(LoopbackNodes.Limit, Cancel));
        await listener.DisposeAsync();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => nodes.Nodes[1].ListenAsync(cancellationToken: Cancel));
    }

    [Theory, InlineData(true), InlineData(false)]
    public async Task A_relay_is_disposed_without_complaint_also_after_its_node(bool announces)
    {
        await using var nodes = await LoopbackNodes.StartAsync(3, Cancel);
        var relay = await nodes.Nodes[1].RelayAsync(PeerKit.Key(3), new() { Announce = announces }, Cancel);
        await nodes.Nodes[1].DisposeAsync();
        await relay.DisposeAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(10), Cancel);
        await relay.DisposeAsync();
    }

    [Fact]
    public async Task C8_a_suspended_node_cannot_dial_and_after_resuming_is_found_again()
    {
        await using var nodes = await LoopbackNodes.StartAsync(4, Cancel);
        await using var listener = await nodes.Nodes[1].ListenAsync(PeerKit.Key(2), cancellationToken: Cancel);
        await nodes.Nodes[1].SuspendAsync(Cancel);
        var error = await Assert.ThrowsAsync<PeerConnectException>(() => nodes.Nodes[1].ConnectAsync(PeerKit.Key(3).PublicKey, cancellationToken: Cancel));
        Assert.Equal(PeerConnectError.Suspended, error.Error);
        await nodes.Nodes[1].ResumeAsync(Cancel);
        await listener.RefreshAsync(Cancel);
        await using var client = await nodes.Nodes[3].ConnectAsync(PeerKit.Key(2).PublicKey, cancellationToken: Cancel);
        await using var server = await listener.AcceptAsync(Cancel);
    }

    [Fact]
    public async Task A_callers_mistakes_are_told()
    {
        await using var nodes = await LoopbackNodes.StartAsync(1, Cancel);
        var node = nodes.Nodes[0];
        await using var listener = await node.ListenAsync(PeerKit.Key(2), cancellationToken: Cancel);
        await Assert.ThrowsAsync<InvalidOperationException>(() => node.ListenAsync(PeerKit.Key(2), cancellationToken: Cancel));
        PeerConnectOptions[] connects =
        [
            new() { Timeout = TimeSpan.Zero }, new() { Timeout = TimeSpan.FromHours(1) }, new() { KeepAlive = TimeSpan.FromSeconds(-1) },
            new() { KeepAlive = TimeSpan.MaxValue }, new() { MaxMessageSize = 0 }, new() { MaxMessageSize = 16_777_199 },
        ];
        foreach (var options in connects)
            await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => node.ConnectAsync(PeerKit.Key(2).PublicKey, options, Cancel));
        PeerListenOptions[] listens =
        [
            new() { Backlog = 0 }, new() { Backlog = 65_537 }, new() { MaxHandshakes = 0 }, new() { MaxHandshakes = 65_537 }, new() { HandshakeClearWait = TimeSpan.Zero },
            new() { HandshakeClearWait = TimeSpan.FromMinutes(2) }, new() { KeepAlive = TimeSpan.MaxValue }, new() { MaxMessageSize = 0 },
        ];
        foreach (var options in listens)
            await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => node.ListenAsync(PeerKit.Key(3), options, Cancel));
        RelayOptions[] relays =
        [
            new() { MaxSessions = 0 }, new() { MaxPairs = 65_537 }, new() { MaxPairsPerSession = 0 }, new() { BytesPerSecond = 1023 },
            new() { BytesPerSecondPerSession = long.MaxValue }, new() { PairTimeout = TimeSpan.Zero },
        ];
        foreach (var options in relays)
            await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => node.RelayAsync(PeerKit.Key(3), options, Cancel));
        await Assert.ThrowsAsync<ArgumentException>(() => node.ListenAsync(new KeyPair(PeerKit.Key(3).PublicKey, []), cancellationToken: Cancel));
        Assert.Throws<ArgumentOutOfRangeException>(() => node.Announce(default, PeerKit.Key(3), new() { Bump = -1 }));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => node.ConnectAsync(PeerKit.Key(3).PublicKey, cancellationToken: new(true)));
    }

    private static DhtNode AddGuest(LoopbackNodes nodes, bool validatesAddresses = false) => nodes.Add(o => (o.Ephemeral, o.QuickFirewall) = (EphemeralMode.Always, false),
        services => services.Configure<PeerDhtOptions>(o => o.ValidateLocalAddresses = validatesAddresses));

    private static async Task<List<PeerRecord>> LookupAsync(DhtNode node, Topic topic)
    {
        var peers = new List<PeerRecord>();
        await using var query = node.Lookup(topic);
        await foreach (var reply in query.WithCancellation(Cancel)) peers.AddRange(reply.Peers);
        return peers;
    }

    private static async Task<string> ReadTextAsync(IPeerConnection connection)
    {
        var buffer = new byte[100];
        int length = await connection.AsStream().ReadAsync(buffer, Cancel);
        return Encoding.UTF8.GetString(buffer, 0, length);
    }

    private static async Task<byte[]> ReadAllAsync(IPeerConnection connection)
    {
        var bytes = new MemoryStream();
        await connection.AsStream().CopyToAsync(bytes, Cancel);
        return bytes.ToArray();
    }
}
