#pragma warning disable xUnit1051 // every wait here has its own limit

using System.IO.Pipelines;
using System.Security.Cryptography;
using System.Text;
using PeopleSwarm.Interop.Harness;

namespace PeopleSwarm.Interop.Udx;

/// <summary>Streams between this library and npm udx-native.</summary>
public class UdxNativeTests
{
    private const uint OurId = 11, TheirId = 22;
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(1);

    [Fact]
    public Task Fifty_megabytes_each_way_at_once_arrive_whole() => Exchange(50_000_000, null);

    [Theory]
    [InlineData(0.01, 50_000_000)]
    [InlineData(0.05, 50_000_000)]
    public Task Bytes_arrive_whole_through_loss_reordering_and_duplicates(double loss, int length) =>
        Exchange(length, new ProxyFaults(Loss: loss, Duplicates: 0.01, Reordering: 0.01, Seed: 42));

    [Fact]
    public async Task They_take_acknowledgements_that_choose_among_many_gaps()
    {
        const int Length = 30_000_000, FullAck = 20 + 49 * 8;
        await using var session = await Session.OpenAsync(new UdxOptions { ReceiveWindow = 32 * 1024 * 1024, MaxReorderBytes = 64 * 1024 * 1024 }, new(Loss: 0.1, DelayMillis: 40, Seed: 3));
        int fullAcks = 0;
        session.Proxy!.OnFromNear = datagram => fullAcks += datagram.Length == FullAck ? 1 : 0;
        session.Peer.Send(new { command = "send", seed = 11, length = Length, end = true });
        var received = await Receive(session.Stream.Input).WaitAsync(s_limit);
        Assert.Equal(TestBytes.Sha256(TestBytes.Create(11, Length)), received.Sha256);
        Assert.True(fullAcks > 100, $"{fullAcks} acknowledgements of chosen blocks");
    }

    private static async Task Exchange(int length, ProxyFaults? faults)
    {
        await using var session = await Session.OpenAsync(faults: faults);
        session.Peer.Send(new { command = "send", seed = 1, length, end = true });
        byte[] ours = TestBytes.Create(2, length);
        var sending = Send(session.Stream.Output, ours);
        var received = await Receive(session.Stream.Input).WaitAsync(s_limit);
        await sending.WaitAsync(s_limit);
        var atPeer = await session.Peer.ReadAsync("end", s_limit);
        Assert.Equal(TestBytes.Sha256(TestBytes.Create(1, length)), received.Sha256);
        Assert.Equal(TestBytes.Sha256(ours), atPeer.GetProperty("sha256").GetString());
        Assert.Equal(StreamCloseReason.Completed, (await session.Stream.Closed.WaitAsync(s_limit)).Reason);
        Assert.Null((await session.Peer.ReadAsync("close", s_limit)).GetProperty("error").GetString());
    }

    [Fact]
    public async Task Their_end_leaves_our_direction_open()
    {
        await using var session = await Session.OpenAsync();
        session.Peer.Send(new { command = "send", seed = 3, length = 1000, end = true });
        Assert.Equal(1000, (await Receive(session.Stream.Input)).Length);
        await session.Stream.Output.WriteAsync(new byte[300_000]);
        await session.Stream.FlushAcknowledgedAsync().AsTask().WaitAsync(s_limit);
        Assert.False(session.Stream.Closed.IsCompleted);
        await session.Stream.Output.CompleteAsync();
        Assert.Equal(300_000, (await session.Peer.ReadAsync("end")).GetProperty("length").GetInt32());
        Assert.Equal(StreamCloseReason.Completed, (await session.Stream.Closed.WaitAsync(s_limit)).Reason);
    }

    [Fact]
    public async Task Our_end_leaves_their_direction_open()
    {
        await using var session = await Session.OpenAsync();
        await session.Stream.Output.WriteAsync(new byte[10]);
        await session.Stream.Output.CompleteAsync();
        Assert.Equal(10, (await session.Peer.ReadAsync("end")).GetProperty("length").GetInt32());
        session.Peer.Send(new { command = "send", seed = 4, length = 300_000, end = true });
        Assert.Equal(TestBytes.Sha256(TestBytes.Create(4, 300_000)), (await Receive(session.Stream.Input)).Sha256);
        Assert.Null((await session.Peer.ReadAsync("close")).GetProperty("error").GetString());
        Assert.Equal(StreamCloseReason.Completed, (await session.Stream.Closed.WaitAsync(s_limit)).Reason);
    }

    [Fact]
    public async Task Their_destroy_breaks_our_stream()
    {
        await using var session = await Session.OpenAsync();
        await session.TouchAsync();
        var reading = session.Stream.Input.ReadAsync().AsTask();
        session.Peer.Send(new { command = "destroy" });
        Assert.Equal(StreamCloseReason.RemoteAbort, (await session.Stream.Closed.WaitAsync(s_limit)).Reason);
        Assert.Equal(StreamCloseReason.RemoteAbort, (await Assert.ThrowsAsync<UdxException>(() => reading)).Reason);
    }

    [Fact]
    public async Task Our_abort_breaks_their_stream()
    {
        await using var session = await Session.OpenAsync();
        await session.TouchAsync();
        session.Stream.Abort();
        Assert.Equal("ECONNRESET", (await session.Peer.ReadAsync("close")).GetProperty("error").GetString());
    }

    [Fact]
    public async Task Disposing_after_a_write_delivers_it_and_closes_cleanly_on_both_sides()
    {
        await using var session = await Session.OpenAsync();
        byte[] ours = TestBytes.Create(5, 400_000);
        await session.Stream.Output.WriteAsync(ours);
        var disposing = session.Stream.DisposeAsync().AsTask();
        Assert.Equal(TestBytes.Sha256(ours), (await session.Peer.ReadAsync("end")).GetProperty("sha256").GetString());
        session.Peer.Send(new { command = "send", seed = 6, length = 100_000, end = true });
        Assert.Null((await session.Peer.ReadAsync("close")).GetProperty("error").GetString());
        await disposing.WaitAsync(s_limit);
        Assert.Equal(StreamCloseReason.Completed, (await session.Stream.Closed).Reason);
    }

    [Fact]
    public async Task Messages_and_raw_datagrams_go_both_ways()
    {
        TaskCompletionSource<string> message = new(TaskCreationOptions.RunContinuationsAsynchronously);
        TaskCompletionSource<string> datagram = new(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var session = await Session.OpenAsync(
            onMessage: m => message.TrySetResult(Encoding.UTF8.GetString(m)),
            onDatagram: (d, _) => datagram.TrySetResult(Encoding.UTF8.GetString(d)));
        await session.TouchAsync();
        session.Peer.Send(new { command = "message", text = "unordered" });
        Assert.Equal("unordered", await message.Task.WaitAsync(s_limit));
        Assert.True(session.Stream.TrySendMessage("back"u8));
        Assert.Equal(Convert.ToHexStringLower("back"u8), (await session.Peer.ReadAsync("message")).GetProperty("message").GetString());

        session.Peer.Send(new { command = "datagram", text = "raw", port = session.Socket.LocalEndPoint.Port });
        Assert.Equal("raw", await datagram.Task.WaitAsync(s_limit));
        Assert.True(session.Socket.TrySend("raw back"u8, session.PeerEndPoint));
        Assert.Equal(Convert.ToHexStringLower("raw back"u8), (await session.Peer.ReadAsync("datagram")).GetProperty("datagram").GetString());
    }

    [Fact]
    public async Task Heartbeats_keep_a_quiet_stream_alive_in_both_directions()
    {
        await using var session = await Session.OpenAsync(keepAlive: 200,
            options: new UdxOptions { KeepAlive = TimeSpan.FromMilliseconds(500), IdleTimeout = TimeSpan.FromSeconds(1.5) });
        await session.TouchAsync();
        session.Peer.Send(new { command = "stats" });
        int before = (await session.Peer.ReadAsync("stats")).GetProperty("packetsReceived").GetInt32();
        await Task.Delay(TimeSpan.FromSeconds(2.5));
        session.Peer.Send(new { command = "stats" });
        int heard = (await session.Peer.ReadAsync("stats")).GetProperty("packetsReceived").GetInt32() - before;
        Assert.InRange(heard, 5, 100);
        Assert.False(session.Stream.Closed.IsCompleted);
        await session.TouchAsync();
    }

    [Fact]
    public async Task Readers_that_stop_for_five_seconds_lose_nothing()
    {
        const int Length = 10_000_000;
        await using var session = await Session.OpenAsync(paused: true, options: new UdxOptions { ReceiveWindow = 1024 * 1024 });
        session.Peer.Send(new { command = "send", seed = 7, length = Length, end = true });
        byte[] ours = TestBytes.Create(8, Length);
        var sending = Send(session.Stream.Output, ours);
        await Task.Delay(TimeSpan.FromSeconds(5));
        Assert.InRange(session.Stream.BytesReceived, 1, 1200 * 1024);
        session.Peer.Send(new { command = "resume" });
        Assert.Equal(TestBytes.Sha256(TestBytes.Create(7, Length)), (await Receive(session.Stream.Input).WaitAsync(s_limit)).Sha256);
        await sending.WaitAsync(s_limit);
        Assert.Equal(TestBytes.Sha256(ours), (await session.Peer.ReadAsync("end", s_limit)).GetProperty("sha256").GetString());
    }

    [Fact]
    public async Task Both_sides_move_to_another_path_in_the_middle_of_a_transfer()
    {
        const int Length = 5_000_000;
        await using var session = await Session.OpenAsync();
        byte[] ours = TestBytes.Create(9, Length);
        session.Peer.Send(new { command = "send", seed = 10, length = Length, end = true });
        var sending = Send(session.Stream.Output, ours);
        var receiving = Receive(session.Stream.Input);
        var host = session.Socket.Transport.Host;
        var second = host.Bind(UdpEndPoint.Loopback(0));
        session.Stream.ChangeRemote(second, TheirId, session.PeerEndPoint);
        session.Peer.Send(new { command = "move", remoteId = OurId, port = host.GetLocalEndPoint(second).Port });
        Assert.Equal(TestBytes.Sha256(TestBytes.Create(10, Length)), (await receiving.WaitAsync(s_limit)).Sha256);
        await sending.WaitAsync(s_limit);
        Assert.Equal(TestBytes.Sha256(ours), (await session.Peer.ReadAsync("end", s_limit)).GetProperty("sha256").GetString());
    }

    private static async Task Send(PipeWriter output, byte[] bytes)
    {
        for (int at = 0; at < bytes.Length; at += 64 * 1024)
            await output.WriteAsync(bytes.AsMemory(at, Math.Min(64 * 1024, bytes.Length - at)), TestContext.Current.CancellationToken);
        await output.CompleteAsync();
    }

    private static async Task<(long Length, string Sha256)> Receive(PipeReader input)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        long length = 0;
        while (true)
        {
            var result = await input.ReadAsync(TestContext.Current.CancellationToken);
            foreach (var memory in result.Buffer) hash.AppendData(memory.Span);
            length += result.Buffer.Length;
            input.AdvanceTo(result.Buffer.End);
            if (result.IsCompleted) return (length, Convert.ToHexStringLower(hash.GetHashAndReset()));
        }
    }

    /// <summary>A stream of ours connected to one of theirs, maybe through a proxy.</summary>
    private sealed class Session : IAsyncDisposable
    {
        public UdpProxy? Proxy { get; init; }

        public required UdxSocket Socket { get; init; }
        public required IReliableStream Stream { get; init; }
        public required NodePeer Peer { get; init; }

        /// <summary>Where the peer is reached, which is the proxy if there is one.</summary>
        public required UdpEndPoint PeerEndPoint { get; init; }

        public static async Task<Session> OpenAsync(UdxOptions? options = null, ProxyFaults? faults = null, int keepAlive = 0,
            bool paused = false, MessageHandler? onMessage = null, DatagramHandler? onDatagram = null)
        {
            Npm.RequireNode();
            options ??= new UdxOptions();
            options.Linger = TimeSpan.FromMilliseconds(500);
            var socket = UdxSocket.Bind(UdpEndPoint.Loopback(0), onDatagram, options);
            var proxy = faults is null ? null : new UdpProxy(faults);
            var stream = socket.CreateStream(new ReliableStreamOptions
            {
                LocalId = OurId,
                OnMessage = onMessage,
                AcceptPath = (IReliableStream _, in DatagramSource _) => true, // it may be faster than our connect, or change its path first
            });
            var (peer, ready) = await NodePeer.StartReadyAsync("udx/stream.js",
                new { id = TheirId, remoteId = OurId, remotePort = proxy?.FarPort ?? socket.LocalEndPoint.Port, keepalive = keepAlive, paused });
            ushort port = (ushort)ready.GetProperty("port").GetInt32();
            proxy?.Start(socket.LocalEndPoint.Port, port);
            var remote = UdpEndPoint.Loopback(proxy?.NearPort ?? port);
            stream.Connect(socket.Id, TheirId, remote);
            return new Session { Socket = socket, Stream = stream, Peer = peer, PeerEndPoint = remote, Proxy = proxy };
        }

        /// <summary>Sends a byte and sees it acknowledged: the peer is there.</summary>
        public async Task TouchAsync()
        {
            await Stream.Output.WriteAsync(new byte[1]);
            await Stream.FlushAcknowledgedAsync().AsTask().WaitAsync(s_limit);
        }

        public async ValueTask DisposeAsync()
        {
            await Socket.DisposeAsync();
            await Peer.DisposeAsync();
            Proxy?.Dispose();
        }
    }
}
