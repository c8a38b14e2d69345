using System.IO.Pipelines;
using Microsoft.Extensions.Logging;
using PeopleSwarm.Udx;

namespace PeopleSwarm;

public class UdxStreamTests
{
    private static readonly TimeSpan s_limit = HostKit.Limit;

    [Fact]
    public async Task Both_ways_at_once_arrive_whole_and_the_stream_closes_cleanly()
    {
        await using var pair = UdxPair.Create();
        var (left, right) = pair.Connect();
        const long Length = 20_000_000;
        var sends = Task.WhenAll(UdxPair.SendAsync(left.Output, 1, Length), UdxPair.SendAsync(right.Output, 2, Length));
        var atRight = UdxPair.ReceiveAsync(right.Input);
        var atLeft = UdxPair.ReceiveAsync(left.Input);
        await sends.WaitAsync(s_limit);
        var (rightLength, rightHash) = await atRight.WaitAsync(s_limit);
        var (leftLength, leftHash) = await atLeft.WaitAsync(s_limit);
        Assert.Equal((Length, Length), (leftLength, rightLength));
        Assert.Equal(UdxPair.Expected(1, Length), rightHash);
        Assert.Equal(UdxPair.Expected(2, Length), leftHash);
        Assert.Equal(StreamCloseReason.Completed, (await left.Closed.WaitAsync(s_limit)).Reason);
        Assert.Equal(StreamCloseReason.Completed, (await right.Closed.WaitAsync(s_limit)).Reason);
        Assert.Equal((Length, Length), (left.BytesAcknowledged, right.BytesReceived));
        Assert.Equal((0, 0), (pair.Left.Transport.StreamCount, pair.Right.Transport.StreamCount));
    }

    [Fact]
    public async Task One_direction_ends_and_the_other_goes_on()
    {
        await using var pair = UdxPair.Create();
        var (left, right) = pair.Connect();
        await left.Output.WriteAsync("ping"u8.ToArray());
        await left.Output.CompleteAsync();
        var (length, _) = await UdxPair.ReceiveAsync(right.Input);
        Assert.Equal(4, length);
        Assert.False(right.Closed.IsCompleted);
        await UdxPair.SendAsync(right.Output, 3, 500_000);
        Assert.Equal(UdxPair.Expected(3, 500_000), (await UdxPair.ReceiveAsync(left.Input)).Hash);
        Assert.Equal(StreamCloseReason.Completed, (await left.Closed.WaitAsync(s_limit)).Reason);
        Assert.Equal(StreamCloseReason.Completed, (await right.Closed.WaitAsync(s_limit)).Reason);
    }

    [Fact]
    public async Task Who_waits_for_the_peer_goes_on_with_its_first_packet()
    {
        await using var pair = UdxPair.Create();
        var (left, right) = pair.Connect();
        var (atLeft, atRight) = (left.WaitForPeerAsync().AsTask(), right.WaitForPeerAsync().AsTask());
        await Task.Delay(50);
        Assert.False(atLeft.IsCompleted || atRight.IsCompleted);
        await left.Output.WriteAsync(new byte[10]);
        await Task.WhenAll(atLeft, atRight).WaitAsync(s_limit);
        await left.WaitForPeerAsync();
    }

    [Fact]
    public async Task Who_waits_for_a_peer_that_never_comes_hears_of_the_end()
    {
        await using var pair = UdxPair.Create();
        var stream = (UdxStream)pair.Left.Connect(1, 2, UdpEndPoint.Loopback(9));
        using CancellationTokenSource patience = new(50);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => stream.WaitForPeerAsync(patience.Token).AsTask());
        var waiting = stream.WaitForPeerAsync().AsTask();
        stream.Abort();
        Assert.Equal(StreamCloseReason.LocalAbort, (await Assert.ThrowsAsync<UdxException>(() => waiting.WaitAsync(s_limit))).Reason);
        await Assert.ThrowsAsync<UdxException>(() => stream.WaitForPeerAsync().AsTask());
    }

    [Theory, InlineData(true), InlineData(false)]
    public async Task An_abort_is_seen_on_both_sides_with_its_reason(bool byCompletingOutput)
    {
        await using var pair = UdxPair.Create();
        var (left, right) = pair.Connect();
        await left.Output.WriteAsync(new byte[10]);
        await UdxPair.ReadAsync(right.Input, 10);
        var reading = right.Input.ReadAsync().AsTask();
        InvalidOperationException cause = new("enough");
        if (byCompletingOutput) await left.Output.CompleteAsync(cause);
        else left.Abort(cause);

        var atLeft = await left.Closed.WaitAsync(s_limit);
        Assert.Equal((StreamCloseReason.LocalAbort, cause), (atLeft.Reason, atLeft.Error));
        Assert.Equal(StreamCloseReason.RemoteAbort, (await right.Closed.WaitAsync(s_limit)).Reason);
        var read = await Assert.ThrowsAsync<UdxException>(() => reading.WaitAsync(s_limit));
        Assert.Equal(StreamCloseReason.RemoteAbort, read.Reason);
        var write = await Assert.ThrowsAsync<UdxException>(async () => await right.Output.WriteAsync(new byte[1]));
        Assert.Equal(StreamCloseReason.RemoteAbort, write.Reason);
        var local = await Assert.ThrowsAsync<UdxException>(async () => await left.Input.ReadAsync());
        Assert.Equal((StreamCloseReason.LocalAbort, cause), (local.Reason, local.InnerException));
        Assert.Throws<InvalidOperationException>(() => left.ChangeRemote(pair.Left.Id, 2, pair.Right.LocalEndPoint));
    }

    [Fact]
    public async Task A_reader_that_stops_stops_the_writer_and_loses_nothing()
    {
        UdxOptions options = new() { ReceiveWindow = 256 * 1024, SendBuffer = 128 * 1024 };
        await using var pair = UdxPair.Create(options);
        var (left, right) = pair.Connect();
        const long Length = 3_000_000;
        var sending = UdxPair.SendAsync(left.Output, 5, Length);
        await Until(() => right.BytesReceived > options.ReceiveWindow / 2);
        await Task.Delay(200);
        Assert.False(sending.IsCompleted);
        Assert.InRange(right.BytesReceived, 1, options.ReceiveWindow + 4096);
        var (_, hash) = await UdxPair.ReceiveAsync(right.Input).WaitAsync(s_limit);
        Assert.Equal(UdxPair.Expected(5, Length), hash);
        await sending.WaitAsync(s_limit);
    }

    private static async Task Until(Func<bool> condition)
    {
        using CancellationTokenSource timeout = new(s_limit);
        while (!condition()) await Task.Delay(10, timeout.Token);
    }

    [Fact]
    public async Task A_reader_may_wait_for_more_than_the_window_without_consuming()
    {
        await using var pair = UdxPair.Create(new UdxOptions { ReceiveWindow = 64 * 1024 });
        var (left, right) = pair.Connect();
        var sending = UdxPair.SendAsync(left.Output, 6, 1_000_000);
        using CancellationTokenSource timeout = new(s_limit);
        var result = await right.Input.ReadAtLeastAsync(1_000_000, timeout.Token);
        Assert.Equal(1_000_000, result.Buffer.Length);
        right.Input.AdvanceTo(result.Buffer.End);
        await sending;
    }

    [Fact]
    public async Task A_reader_that_completes_early_lets_the_peer_go_on_to_its_end()
    {
        await using var pair = UdxPair.Create(new UdxOptions { ReceiveWindow = 64 * 1024 });
        var (left, right) = pair.Connect();
        await right.Input.CompleteAsync();
        await UdxPair.SendAsync(left.Output, 7, 2_000_000).WaitAsync(s_limit);
        await right.Output.CompleteAsync();
        Assert.Equal(StreamCloseReason.Completed, (await left.Closed.WaitAsync(s_limit)).Reason);
        Assert.Equal(2_000_000, left.BytesAcknowledged);
    }

    [Fact]
    public async Task Messages_arrive_beside_the_stream()
    {
        TaskCompletionSource<byte[]> onLoop = new(TaskCreationOptions.RunContinuationsAsynchronously);
        TaskCompletionSource<byte[]> posted = new(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var pair = UdxPair.Create();
        var (left, right) = pair.Connect(1, m => onLoop.TrySetResult(m.ToArray()), m => posted.TrySetResult(m.ToArray()));
        await left.Output.WriteAsync(new byte[1]);
        await UdxPair.ReadAsync(right.Input, 1); // now both are connected
        Assert.True(left.TrySendMessage([1, 2, 3]));
        Assert.Equal([1, 2, 3], await posted.Task.WaitAsync(s_limit));
        bool isSent = false;
        await pair.Right.Transport.Host.OnLoop(() => isSent = right.TrySendMessage([4]));
        Assert.True(isSent);
        Assert.Equal([4], await onLoop.Task.WaitAsync(s_limit));
        Assert.False(left.TrySendMessage(new byte[3000]));
        Assert.False(pair.Left.CreateStream().TrySendMessage([1]));
    }

    [Fact]
    public async Task Messages_that_wait_for_the_loop_are_bounded()
    {
        await using var pair = UdxPair.Create(new UdxOptions { MaxPostedMessages = 3 });
        var (left, _) = pair.Connect();
        using ManualResetEventSlim isBlocked = new(), mayGo = new();
        pair.Left.Transport.Host.Post(_ =>
        {
            isBlocked.Set();
            mayGo.Wait(s_limit);
        }, null);
        Assert.True(isBlocked.Wait(s_limit));
        Assert.Equal([true, true, true, false], Enumerable.Range(0, 4).Select(_ => left.TrySendMessage(new byte[1])));
        mayGo.Set();
        await pair.Left.Transport.Host.OnLoop(() => { });
        Assert.True(left.TrySendMessage(new byte[1]));
    }

    [Fact]
    public async Task A_writer_waits_once_the_send_buffer_is_full()
    {
        await using var pair = UdxPair.Create(new UdxOptions { SendBuffer = 64 * 1024, Linger = TimeSpan.Zero });
        var left = pair.Left.Connect(1, 2, UdpEndPoint.Loopback(9)); // nobody acknowledges
        await left.Output.WriteAsync(new byte[32 * 1024]).AsTask().WaitAsync(s_limit);
        var waiting = left.Output.WriteAsync(new byte[32 * 1024]).AsTask();
        await Task.Delay(50);
        Assert.False(waiting.IsCompleted);
        left.Abort();
        await Assert.ThrowsAnyAsync<IOException>(() => waiting.WaitAsync(s_limit));
    }

    [Fact]
    public async Task A_path_with_nothing_under_way_takes_a_megabyte_whatever_the_send_buffer()
    {
        await using var pair = UdxPair.Create(new UdxOptions { Linger = TimeSpan.Zero });
        var left = pair.Left.Connect(1, 2, UdpEndPoint.Loopback(9)); // nobody acknowledges
        const int Chunk = 64 * 1024;
        for (int i = 1; i < 16; i++) await left.Output.WriteAsync(new byte[Chunk]).AsTask().WaitAsync(s_limit);
        var waiting = left.Output.WriteAsync(new byte[Chunk]).AsTask();
        await Task.Delay(50);
        Assert.False(waiting.IsCompleted);
        left.Output.CancelPendingFlush();
        Assert.True((await waiting.WaitAsync(s_limit)).IsCanceled);
        left.Output.CancelPendingFlush();
        Assert.True((await left.Output.FlushAsync()).IsCanceled); // one that is cancelled beforehand does not wait
        using CancellationTokenSource cancel = new(50);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => left.Output.FlushAsync(cancel.Token).AsTask().WaitAsync(s_limit));
    }

    [Fact]
    public async Task A_flush_can_be_waited_for_until_the_peer_has_it()
    {
        await using var pair = UdxPair.Create();
        var (left, right) = pair.Connect();
        await left.FlushAcknowledgedAsync();
        for (int i = 1; i <= 20; i++)
        {
            await left.Output.WriteAsync(new byte[1000 * i]);
            await left.FlushAcknowledgedAsync().AsTask().WaitAsync(s_limit);
            Assert.Equal(left.BytesAcknowledged, right.BytesReceived);
            await UdxPair.ReadAsync(right.Input, 1000 * i);
        }
    }

    [Fact]
    public async Task Waiting_for_an_acknowledgement_can_be_cancelled_and_fails_when_the_stream_breaks()
    {
        await using var pair = UdxPair.Create();
        var stream = pair.Left.Connect(9, 10, UdpEndPoint.Loopback(9));
        await stream.Output.WriteAsync(new byte[1]);
        using CancellationTokenSource cancel = new();
        var cancelled = stream.FlushAcknowledgedAsync(cancel.Token).AsTask();
        var broken = stream.FlushAcknowledgedAsync().AsTask();
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => cancelled.WaitAsync(s_limit));
        Assert.False(broken.IsCompleted);
        stream.Abort();
        var error = await Assert.ThrowsAsync<UdxException>(() => broken.WaitAsync(s_limit));
        Assert.Equal(StreamCloseReason.LocalAbort, error.Reason);
    }

    [Fact]
    public async Task Who_begins_to_wait_while_a_stream_closes_hears_the_same_reason()
    {
        Intruder intruder = new();
        await using var host = HostKit.Create();
        UdxTransport transport = new(host, new(), new SystemRandomSource(), PipeScheduler.ThreadPool, HostKit.Metrics, intruder);
        var stream = (UdxStream)transport.CreateStream();
        stream.Connect(host.Bind(HostKit.AnyLoopback), 1, UdpEndPoint.Loopback(9));
        await stream.Output.WriteAsync(new byte[1]);
        intruder.OnStreamClosed = () =>
        {
            Assert.False(stream.Closed.IsCompleted);
            return [stream.FlushAcknowledgedAsync().AsTask(), stream.WaitForPeerAsync().AsTask()];
        };
        await transport.DisposeAsync().AsTask().WaitAsync(s_limit);
        Assert.Equal(StreamCloseReason.TransportClosed, (await stream.Closed.WaitAsync(s_limit)).Reason);
        foreach (var waiting in await intruder.Waiting.WaitAsync(s_limit))
            Assert.Equal(StreamCloseReason.TransportClosed, (await Assert.ThrowsAsync<UdxException>(() => waiting.WaitAsync(s_limit))).Reason);
    }

    /// <summary>Comes in when a stream logs its end, just before it tells it.</summary>
    private sealed class Intruder : ILogger<UdxTransport>
    {
        private readonly TaskCompletionSource<Task[]> _waiting = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Func<Task[]>? OnStreamClosed { get; set; }

        public Task<Task[]> Waiting => _waiting.Task;

        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (eventId.Name == nameof(UdxLog.StreamClosed) && OnStreamClosed is { } comeIn) _waiting.TrySetResult(comeIn());
        }
    }

    [Fact]
    public async Task Nothing_flushed_is_lost_when_both_sides_dispose()
    {
        for (int round = 0; round < 10; round++)
        {
            await using var pair = UdxPair.Create();
            var (left, right) = pair.Connect();
            var receiving = UdxPair.ReceiveAsync(right.Input);
            await UdxPair.SendAsync(left.Output, round, 300_000, end: false);
            var disposing = left.DisposeAsync().AsTask();
            Assert.Equal(UdxPair.Expected(round, 300_000), (await receiving.WaitAsync(s_limit)).Hash);
            await right.DisposeAsync().AsTask().WaitAsync(s_limit);
            await disposing.WaitAsync(s_limit);
            Assert.Equal(StreamCloseReason.Completed, (await left.Closed).Reason);
        }
    }

    [Fact]
    public async Task A_disposed_stream_whose_peer_never_ends_is_cut_off_after_the_linger_time()
    {
        await using var pair = UdxPair.Create(new UdxOptions { Linger = TimeSpan.FromMilliseconds(200) });
        var (left, right) = pair.Connect();
        await left.Output.WriteAsync(new byte[1]);
        await left.DisposeAsync().AsTask().WaitAsync(s_limit);
        Assert.Equal(StreamCloseReason.LocalAbort, (await left.Closed).Reason);
        Assert.Equal(StreamCloseReason.RemoteAbort, (await right.Closed.WaitAsync(s_limit)).Reason);
    }

    [Fact]
    public async Task Reads_and_writes_can_be_cancelled_and_go_on_afterwards()
    {
        await using var pair = UdxPair.Create(new UdxOptions { SendBuffer = 64 * 1024, ReceiveWindow = 64 * 1024 });
        var (left, right) = pair.Connect();
        using CancellationTokenSource cancel = new(50);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await right.Input.ReadAsync(cancel.Token));
        using CancellationTokenSource cancelWrite = new(200);
        long written = 0;
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            while (written < 10_000_000)
            {
                written += 10_000;
                await left.Output.WriteAsync(new byte[10_000], cancelWrite.Token);
            }
        });
        var receiving = UdxPair.ReceiveAsync(right.Input);
        await left.Output.CompleteAsync();
        Assert.Equal(written, (await receiving.WaitAsync(s_limit)).Length);
        var pending = left.Input.ReadAsync().AsTask();
        left.Input.CancelPendingRead();
        Assert.True((await pending.WaitAsync(s_limit)).IsCanceled);
    }

    [Fact]
    public async Task Many_streams_share_a_socket()
    {
        await using var pair = UdxPair.Create();
        await Task.WhenAll(Enumerable.Range(0, 100).Select(i => Task.Run(async () =>
        {
            var (left, right) = pair.Connect((uint)(1000 + 2 * i));
            var sends = Task.WhenAll(UdxPair.SendAsync(left.Output, i, 100_000), UdxPair.SendAsync(right.Output, -i, 50_000));
            var atRight = UdxPair.ReceiveAsync(right.Input);
            var atLeft = UdxPair.ReceiveAsync(left.Input);
            await sends;
            Assert.Equal(UdxPair.Expected(i, 100_000), (await atRight).Hash);
            Assert.Equal(UdxPair.Expected(-i, 50_000), (await atLeft).Hash);
            await Task.WhenAll(left.Closed, right.Closed).WaitAsync(s_limit);
        })));
        Assert.Equal(0, pair.Left.Transport.StreamCount);
    }

    [Fact]
    public async Task A_stream_can_be_connected_from_the_first_packet_it_is_asked_about()
    {
        await using var pair = UdxPair.Create();
        var server = pair.Right.CreateStream(new ReliableStreamOptions
        {
            LocalId = 2,
            AcceptPath = (IReliableStream stream, in DatagramSource source) =>
            {
                stream.Connect(source.Socket, 1, source.From);
                return true;
            },
        });
        var client = pair.Left.Connect(1, 2, pair.Right.LocalEndPoint);
        await client.Output.WriteAsync("hello"u8.ToArray());
        Assert.Equal("hello"u8.ToArray(), await UdxPair.ReadAsync(server.Input, 5));
        Assert.True(server.IsConnected);
        Assert.Equal(new DatagramSource(pair.Left.LocalEndPoint, pair.Right.Id), server.Remote);
    }

    [Fact]
    public async Task A_stream_that_is_not_connected_refuses_packets_unless_told_otherwise()
    {
        await using var pair = UdxPair.Create();
        var server = pair.Right.CreateStream(new ReliableStreamOptions { LocalId = 2 });
        var client = pair.Left.Connect(1, 2, pair.Right.LocalEndPoint);
        await client.Output.WriteAsync(new byte[1]);
        await Task.Delay(100);
        Assert.Equal(0, server.BytesReceived);
        server.Abort();
        Assert.Equal(StreamCloseReason.LocalAbort, (await server.Closed.WaitAsync(s_limit)).Reason);
        client.Abort();
    }

    [Fact]
    public async Task A_callback_that_throws_aborts_its_stream_alone()
    {
        InvalidOperationException cause = new("callback");
        await using var pair = UdxPair.Create();
        var (left, right) = pair.Connect(1, onRight: _ => throw cause);
        var (otherLeft, otherRight) = pair.Connect(11);
        left.TrySendMessage([1]);
        var close = await right.Closed.WaitAsync(s_limit);
        Assert.Equal((StreamCloseReason.LocalAbort, cause), (close.Reason, close.Error));
        await otherLeft.Output.WriteAsync(new byte[3]);
        await UdxPair.ReadAsync(otherRight.Input, 3);
    }

    [Fact]
    public async Task Relays_forward_both_ways_without_reading()
    {
        await using var ends = UdxPair.Create();
        await using var relay = UdxSocket.Bind(UdpEndPoint.Loopback(0));
        var left = ends.Left.Connect(1, 101, relay.LocalEndPoint);
        var right = ends.Right.Connect(2, 102, relay.LocalEndPoint);
        var toLeft = relay.Connect(101, 1, ends.Left.LocalEndPoint);
        var toRight = relay.Connect(102, 2, ends.Right.LocalEndPoint);
        toLeft.RelayTo(toRight);
        toRight.RelayTo(toLeft);
        Assert.Throws<InvalidOperationException>(() => toLeft.RelayTo(toRight));
        var sends = Task.WhenAll(UdxPair.SendAsync(left.Output, 1, 1_000_000), UdxPair.SendAsync(right.Output, 2, 1_000_000));
        var atRight = UdxPair.ReceiveAsync(right.Input);
        var atLeft = UdxPair.ReceiveAsync(left.Input);
        await sends;
        Assert.Equal(UdxPair.Expected(1, 1_000_000), (await atRight).Hash);
        Assert.Equal(UdxPair.Expected(2, 1_000_000), (await atLeft).Hash);
        await Task.WhenAll(left.Closed, right.Closed).WaitAsync(s_limit);
        Assert.Equal(0, toLeft.BytesReceived);
    }

    [Fact]
    public async Task A_relay_learns_its_ends_from_their_first_packets_and_goes_when_one_end_is_destroyed()
    {
        await using var ends = UdxPair.Create();
        await using var relay = UdxSocket.Bind(UdpEndPoint.Loopback(0));
        IReliableStream Half(uint id, uint remoteId) => relay.CreateStream(new()
        {
            LocalId = id,
            AcceptPath = (IReliableStream stream, in DatagramSource source) =>
            {
                if (!stream.IsConnected) stream.Connect(source.Socket, remoteId, source.From);
                return true;
            },
        });
        var toLeft = Half(101, 1);
        var toRight = Half(102, 2);
        toLeft.RelayTo(toRight);
        toRight.RelayTo(toLeft);
        var left = ends.Left.Connect(1, 101, relay.LocalEndPoint);
        var right = ends.Right.Connect(2, 102, relay.LocalEndPoint);
        await left.Output.WriteAsync(new byte[3]);
        await right.Output.WriteAsync(new byte[5]);
        Assert.Equal(3, (await UdxPair.ReadAsync(right.Input, 3)).Length);
        Assert.Equal(5, (await UdxPair.ReadAsync(left.Input, 5)).Length);
        left.Abort();
        Assert.Equal(StreamCloseReason.RemoteAbort, (await right.Closed.WaitAsync(s_limit)).Reason);
        await Task.WhenAll(toLeft.Closed, toRight.Closed).WaitAsync(s_limit);
    }

    [Fact]
    public async Task A_relay_that_cannot_be_is_refused_with_the_reason()
    {
        await using var pair = UdxPair.Create();
        var stream = pair.Left.CreateStream();
        var closed = pair.Left.CreateStream();
        closed.Abort();
        await closed.Closed.WaitAsync(s_limit);
        Assert.Throws<ArgumentNullException>(() => stream.RelayTo(null!));
        Assert.Contains("itself", Assert.Throws<ArgumentException>(() => stream.RelayTo(stream)).Message);
        Assert.Contains("one transport", Assert.Throws<ArgumentException>(() => stream.RelayTo(pair.Right.CreateStream())).Message);
        Assert.Contains("closed", Assert.Throws<InvalidOperationException>(() => stream.RelayTo(closed)).Message);
        Assert.Contains("closed", Assert.Throws<InvalidOperationException>(() => closed.RelayTo(stream)).Message);
        stream.RelayTo(pair.Left.CreateStream());
        Assert.Contains("already", Assert.Throws<InvalidOperationException>(() => stream.RelayTo(pair.Left.CreateStream())).Message);
    }

    [Fact]
    public async Task A_stream_moves_to_another_socket_in_the_middle_of_a_transfer()
    {
        await using var pair = UdxPair.Create();
        var (left, right) = pair.Connect();
        var host = pair.Left.Transport.Host;
        var second = host.Bind(UdpEndPoint.Loopback(0));
        var sending = UdxPair.SendAsync(left.Output, 8, 5_000_000);
        var receiving = UdxPair.ReceiveAsync(right.Input);
        left.ChangeRemote(second, 2, pair.Right.LocalEndPoint);
        right.ChangeRemote(pair.Right.Id, 1, host.GetLocalEndPoint(second));
        Assert.Equal(UdxPair.Expected(8, 5_000_000), (await receiving.WaitAsync(s_limit)).Hash);
        await sending;
        Assert.Equal(second, left.Remote.Socket);
    }

    [Fact]
    public async Task Mistakes_of_the_caller_are_named()
    {
        await using var pair = UdxPair.Create(new UdxOptions { MaxStreams = 2 });
        var stream = pair.Left.CreateStream(new ReliableStreamOptions { LocalId = 5 });
        Assert.Throws<ArgumentException>(() => pair.Left.CreateStream(new ReliableStreamOptions { LocalId = 5 }));
        Assert.Throws<ArgumentException>(() => stream.Connect(pair.Left.Id, 1, UdpEndPoint.Loopback(0)));
        Assert.Throws<ArgumentException>(() => stream.Connect(new SocketId(99), 1, UdpEndPoint.Loopback(9)));
        Assert.Throws<InvalidOperationException>(() => stream.ChangeRemote(pair.Left.Id, 1, UdpEndPoint.Loopback(9)));
        stream.Connect(pair.Left.Id, 1, UdpEndPoint.Loopback(9));
        Assert.Throws<InvalidOperationException>(() => stream.Connect(pair.Left.Id, 1, UdpEndPoint.Loopback(9)));
        pair.Left.CreateStream();
        Assert.Throws<InvalidOperationException>(() => pair.Left.CreateStream());
        stream.Abort();
        await stream.Closed.WaitAsync(s_limit);
        pair.Left.CreateStream(new ReliableStreamOptions { LocalId = 5 }).Abort();
    }
}
