using System.Diagnostics.Metrics;
using System.IO.Pipelines;
using System.Net.Sockets;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace PeopleSwarm;

public class UdxTransportTests
{
    private static readonly TimeSpan s_limit = HostKit.Limit;

    [Fact]
    public async Task Everything_else_on_the_socket_goes_to_the_datagram_handler()
    {
        List<byte[]> raw = [];
        TaskCompletionSource done = new(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var pair = UdxPair.Create(onRight: (datagram, _) =>
        {
            raw.Add(datagram.ToArray());
            if (raw.Count == 6) done.SetResult();
        });
        var (left, right) = pair.Connect();
        byte[] unknownStream = new byte[24];
        (unknownStream[0], unknownStream[1], unknownStream[4]) = (0xFF, 1, 77);
        byte[] wrongVersion = [.. unknownStream];
        wrongVersion[1] = 2;
        byte[][] others = [[0], [3, 1, 2], new byte[19], unknownStream, wrongVersion, new byte[1400]];
        foreach (byte[] datagram in others) Assert.True(pair.Left.TrySend(datagram, pair.Right.LocalEndPoint));
        await done.Task.WaitAsync(s_limit);
        Assert.Equal(others, raw);
        await left.Output.WriteAsync(new byte[10]);
        await UdxPair.ReadAsync(right.Input, 10);
        Assert.Equal(6, raw.Count);
    }

    [Fact]
    public void A_stream_made_while_the_transport_goes_away_is_refused()
    {
        var host = HostKit.Create();
        var random = new Interrupting(() => host.DisposeAsync().AsTask().Wait(s_limit));
        var transport = new Udx.UdxTransport(host, new(), random, PipeScheduler.ThreadPool, HostKit.Metrics, NullLogger<Udx.UdxTransport>.Instance);
        Assert.Throws<ObjectDisposedException>(() => transport.CreateStream()); // one that was handed out would never close
        Assert.Equal(0, transport.StreamCount);
    }

    [Fact]
    public void A_socket_that_cannot_be_bound_leaves_no_meter_behind()
    {
        using var taken = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        taken.Bind(new System.Net.IPEndPoint(System.Net.IPAddress.Loopback, 0));
        int thread = Environment.CurrentManagedThreadId, published = 0, completed = 0;
        using MeterListener listener = new()
        {
            InstrumentPublished = (instrument, listener) =>
            {
                if (Environment.CurrentManagedThreadId != thread || instrument.Meter.Name != Udx.UdxMetrics.MeterName) return;
                published++;
                listener.EnableMeasurementEvents(instrument);
            },
            MeasurementsCompleted = (_, _) => completed++,
        };
        listener.Start();
        (published, completed) = (0, 0); // those of other tests
        Assert.Throws<SocketException>(() => UdxSocket.Bind(UdpEndPoint.From((System.Net.IPEndPoint)taken.LocalEndPoint!)));
        Assert.InRange(published, 1, completed);
    }

    private sealed class Interrupting(Action interrupt) : IRandomSource
    {
        public void Fill(Span<byte> destination) => destination.Clear();

        public uint NextUInt32()
        {
            interrupt();
            return 7;
        }
    }

    [Fact]
    public async Task Junk_does_not_disturb_a_transfer()
    {
        await using var pair = UdxPair.Create();
        var (left, right) = pair.Connect();
        using CancellationTokenSource stop = new();
        var junk = Task.Run(() =>
        {
            Random random = new(1);
            using Socket socket = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
            var to = pair.Right.LocalEndPoint.ToIPEndPoint();
            for (int i = 0; i < 20_000 && !stop.IsCancellationRequested; i++)
            {
                byte[] datagram = new byte[random.Next(0, 200)];
                random.NextBytes(datagram);
                if (datagram.Length >= 8 && random.Next(2) == 0)
                {
                    // A header that may name no stream or the real one, but never in a way that a stranger could not send.
                    (datagram[0], datagram[1], datagram[2]) = (0xFF, 1, (byte)(datagram[2] & 0xC0));
                }
                socket.SendTo(datagram, to);
            }
        });
        await UdxPair.SendAsync(left.Output, 4, 3_000_000);
        Assert.Equal(UdxPair.Expected(4, 3_000_000), (await UdxPair.ReceiveAsync(right.Input).WaitAsync(s_limit)).Hash);
        await stop.CancelAsync();
        await junk;
    }

    [Fact]
    public async Task Disposing_a_transport_delivers_what_was_flushed()
    {
        await using var pair = UdxPair.Create();
        var (left, right) = pair.Connect();
        await UdxPair.SendAsync(left.Output, 3, 200_000, end: false);
        var receiving = UdxPair.ReceiveAsync(right.Input);
        await pair.Left.DisposeAsync().AsTask().WaitAsync(s_limit);
        Assert.Equal(UdxPair.Expected(3, 200_000), (await receiving.WaitAsync(s_limit)).Hash);
        Assert.True(left.Closed.IsCompleted);
        Assert.Throws<ObjectDisposedException>(() => pair.Left.CreateStream());
    }

    [Fact]
    public async Task Disposing_a_transport_whose_streams_have_delivered_everything_ends_them_in_order_for_the_peer()
    {
        for (int round = 0; round < 20; round++)
        {
            await using var pair = UdxPair.Create();
            var (left, right) = pair.Connect();
            await left.Output.WriteAsync(new byte[10]);
            await left.FlushAcknowledgedAsync();
            var receiving = UdxPair.ReceiveAsync(right.Input);
            await pair.Left.DisposeAsync().AsTask().WaitAsync(s_limit);
            Assert.Equal(10, (await receiving.WaitAsync(s_limit)).Length);
        }
    }

    [Fact]
    public async Task Disposing_a_transport_closes_its_streams_with_that_reason_also_those_without_a_peer()
    {
        await using var pair = UdxPair.Create();
        var (left, right) = pair.Connect();
        var alone = pair.Left.CreateStream();
        await left.Output.WriteAsync(new byte[1]);
        await UdxPair.ReadAsync(right.Input, 1);
        await pair.Left.DisposeAsync().AsTask().WaitAsync(s_limit);
        Assert.Equal((StreamCloseReason.TransportClosed, StreamCloseReason.TransportClosed), ((await left.Closed).Reason, (await alone.Closed).Reason));
    }

    [Fact]
    public async Task A_writer_whose_transport_was_disposed_is_told_so()
    {
        await using var pair = UdxPair.Create();
        var (left, right) = pair.Connect();
        var alone = pair.Left.CreateStream();
        await left.Output.WriteAsync(new byte[1]);
        await UdxPair.ReadAsync(right.Input, 1);
        var disposal = pair.Left.DisposeAsync().AsTask(); // while it lasts, too
        foreach (var stream in (IReliableStream[])[left, alone])
        {
            var error = await Assert.ThrowsAsync<UdxException>(async () => await stream.Output.WriteAsync(new byte[1]));
            Assert.Equal(StreamCloseReason.TransportClosed, error.Reason);
        }
        await disposal.WaitAsync(s_limit);
        Assert.Equal(StreamCloseReason.TransportClosed, Assert.Throws<UdxException>(() => left.Output.GetMemory()).Reason);
    }

    [Fact]
    public async Task Disposing_the_host_closes_streams_with_a_reason_and_tells_the_peer()
    {
        await using var pair = UdxPair.Create();
        var (left, right) = pair.Connect();
        await left.Output.WriteAsync(new byte[1]);
        await UdxPair.ReadAsync(right.Input, 1);
        var reading = left.Input.ReadAsync().AsTask();
        await pair.Left.Transport.Host.DisposeAsync().AsTask().WaitAsync(s_limit);
        Assert.Equal(StreamCloseReason.TransportClosed, (await left.Closed.WaitAsync(s_limit)).Reason);
        Assert.Equal(StreamCloseReason.RemoteAbort, (await right.Closed.WaitAsync(s_limit)).Reason);
        await Assert.ThrowsAsync<UdxException>(() => reading.WaitAsync(s_limit));
    }

    [Fact]
    public async Task Everything_ends_when_disposed_in_the_middle_of_everything()
    {
        for (int round = 0; round < 8; round++)
        {
            var pair = UdxPair.Create(new UdxOptions { Linger = TimeSpan.FromMilliseconds(100) });
            List<Task> work = [];
            for (uint id = 1; id < 20; id += 2)
            {
                var (left, right) = pair.Connect(id);
                foreach (var stream in new[] { left, right })
                {
                    work.Add(Ignore(Task.Run(() => UdxPair.SendAsync(stream.Output, 1, 50_000_000))));
                    work.Add(Ignore(Task.Run(() => UdxPair.ReceiveAsync(stream.Input))));
                    work.Add(Ignore(Task.Run(() => stream.FlushAcknowledgedAsync().AsTask())));
                    work.Add(stream.Closed);
                }
            }
            await Task.Delay(10 * round);
            await pair.DisposeAsync().AsTask().WaitAsync(s_limit);
            await Task.WhenAll(work).WaitAsync(s_limit);
        }

        static async Task Ignore(Task task)
        {
            try
            {
                await task;
            }
            catch (Exception error) when (error is UdxException or InvalidOperationException)
            {
                Assert.NotNull(error.Message);
            }
        }
    }

    [Fact]
    public async Task Services_build_a_working_transport_and_keep_what_was_registered_first()
    {
        TimeProviderProbe time = new();
        ServiceCollection services = new();
        services.AddSingleton<TimeProvider>(time);
        services.AddUdx(o => o.ReceiveWindow = 128 * 1024);
        await using var provider = services.BuildServiceProvider();
        await using var left = UdxSocket.Bind(provider.GetRequiredService<IDatagramHostFactory>(),
            provider.GetRequiredService<IReliableTransportFactory>(), UdpEndPoint.Loopback(0));
        await using var right = UdxSocket.Bind(UdpEndPoint.Loopback(0));
        var a = left.Connect(1, 2, right.LocalEndPoint);
        var b = right.Connect(2, 1, left.LocalEndPoint);
        var sending = UdxPair.SendAsync(a.Output, 1, 1_000_000);
        Assert.Equal(UdxPair.Expected(1, 1_000_000), (await UdxPair.ReceiveAsync(b.Input).WaitAsync(s_limit)).Hash);
        await sending;
        await b.DisposeAsync();
        Assert.Same(time, left.Transport.Host.TimeProvider);
    }

    [Theory, InlineData(0, false), InlineData(1024 * 1024, true)]
    public async Task A_buffer_serves_the_next_stream_where_it_may_be_kept(int maxKeptBytes, bool isKept)
    {
        await using var pair = UdxPair.Create(new() { MaxKeptBytes = maxKeptBytes });
        var first = await BufferOfNewStreamAsync(1);
        var second = await BufferOfNewStreamAsync(3);
        Assert.Equal(isKept, first.Span.Overlaps(second.Span));

        async Task<Memory<byte>> BufferOfNewStreamAsync(uint id)
        {
            var (left, right) = pair.Connect(id);
            var buffer = left.Output.GetMemory(60_000);
            left.Output.Advance(1);
            await left.Output.CompleteAsync();
            await right.Output.CompleteAsync();
            await right.Input.CompleteAsync();
            await left.Closed.WaitAsync(s_limit);
            return buffer;
        }
    }

    [Fact]
    public void Options_that_break_a_rule_are_refused()
    {
        Action<UdxOptions>[] mistakes =
        [
            o => o.ReceiveWindow = 1, o => o.SendBuffer = 0, o => o.Linger = TimeSpan.FromDays(1), o => o.MinRto = TimeSpan.Zero,
            o => o.MaxReorderBytes = 64 * 1024, o => o.BaseMtu = 1600, o => (o.BaseMtu, o.MaxMtu) = (1400, 1300),
            o => (o.MinRto, o.MaxRto) = (TimeSpan.FromSeconds(5), TimeSpan.FromSeconds(1)),
        ];
        foreach (var mistake in mistakes)
        {
            UdxOptions options = new();
            mistake(options);
            Assert.Throws<OptionsValidationException>(() => UdxSocket.Bind(UdpEndPoint.Loopback(0), options: options));
            using var provider = new ServiceCollection().AddUdx(mistake).BuildServiceProvider();
            Assert.Throws<OptionsValidationException>(() => { provider.GetRequiredService<IReliableTransportFactory>(); });
        }
    }

    private sealed class TimeProviderProbe : TimeProvider;
}
