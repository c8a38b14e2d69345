using System.Diagnostics;
using System.IO.Pipelines;
using System.Reflection;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using PeopleSwarm.Udx;

namespace PeopleSwarm;

/// <summary>Small messages to and fro, whose readers go on on the thread that received, which then polls for the next message.</summary>
[Collection(nameof(Alone))]
public sealed class BusyPollTests : IDisposable
{
    private const int Rounds = 1000;
    private static readonly TimeSpan s_limit = HostKit.Limit;
    private static readonly byte[] s_message = new byte[64];

    private readonly ServiceProvider _services;

    public BusyPollTests()
    {
        ServiceCollection services = new();
        services.AddSingleton<TimeProvider>(new SlowClock()).AddUdx();
        _services = services.BuildServiceProvider();
    }

    public void Dispose() => _services.Dispose();

    [Fact]
    public async Task A_reader_that_keeps_its_thread_stops_nobody_else()
    {
        await using var pair = Pair();
        var (ping, pong) = pair.Connect();
        var (other, otherEnd) = pair.Connect(id: 11);
        using ManualResetEventSlim release = new();
        var pings = PingAsync(ping, Rounds);
        var pongs = PongAsync(pong, Rounds, () => Assert.True(release.Wait(s_limit)));
        while (pong.BytesReceived < Rounds * s_message.Length) await Task.Delay(1);
        var otherPongs = PongAsync(otherEnd, Rounds);
        await PingAsync(other, Rounds).WaitAsync(s_limit);
        Assert.False(pongs.IsCompleted);
        release.Set();
        await Task.WhenAll(pings, pongs, otherPongs).WaitAsync(s_limit);
    }

    [Fact]
    public async Task A_reader_may_wait_for_another_stream_of_its_host_by_blocking()
    {
        await using var pair = Pair();
        var (ping, pong) = pair.Connect();
        var (other, otherEnd) = pair.Connect(id: 11);
        var pings = PingAsync(ping, Rounds);
        var pongs = PongAsync(pong, Rounds, () => new DuplexStream(otherEnd).ReadExactly(new byte[s_message.Length]));
        while (pong.BytesReceived < Rounds * s_message.Length) await Task.Delay(1);
        await other.Output.WriteAsync(s_message);
        await Task.WhenAll(pings, pongs).WaitAsync(s_limit);
    }

    [Fact]
    public async Task A_reader_may_dispose_its_host_and_wait_for_that()
    {
        await using var pair = Pair();
        var (ping, pong) = pair.Connect();
        var pings = PingAsync(ping, int.MaxValue);
        bool isDisposed = false;
        var pongs = PongAsync(pong, Rounds, () =>
        {
            pong.Abort();
            isDisposed = pair.Right.DisposeAsync().AsTask().Wait(s_limit);
        });
        await Task.WhenAny(pongs).WaitAsync(s_limit);
        Assert.True(isDisposed);
        await Assert.ThrowsAnyAsync<IOException>(() => pings.WaitAsync(s_limit));
    }

    [Fact]
    public async Task A_host_is_disposed_while_it_polls()
    {
        var pair = Pair();
        var (ping, pong) = pair.Connect();
        var pings = PingAsync(ping, int.MaxValue);
        var pongs = PongAsync(pong, int.MaxValue);
        while (ping.BytesReceived < Rounds * s_message.Length) await Task.Delay(1);
        await pair.DisposeAsync().AsTask().WaitAsync(s_limit);
        await Assert.ThrowsAnyAsync<Exception>(() => pings.WaitAsync(s_limit));
        await Assert.ThrowsAnyAsync<Exception>(() => pongs.WaitAsync(s_limit));
    }

    [Fact]
    public async Task Messages_allocate_nothing()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Other sockets are received from in a call of the system, whose thread is not lent.");
        Assert.SkipWhen(typeof(UdxStream).Assembly.GetCustomAttribute<DebuggableAttribute>() is { IsJITOptimizerDisabled: true },
            "In a debug build each call of an asynchronous method is an object.");
        const int Round = 1000;
        await using var pair = Pair();
        var (ping, pong) = pair.Connect();
        var pongs = PongAsync(pong, int.MaxValue);
        await PingAsync(ping, Rounds);
        List<long> rounds = [];
        // A reader that was interrupted for long is off the loop for a while; what a message costs, it costs in every round.
        while (rounds.Count < 20 && rounds.LastOrDefault(long.MaxValue) > Round * 8)
        {
            long before = GC.GetTotalAllocatedBytes(precise: true);
            await PingAsync(ping, Round).WaitAsync(s_limit);
            rounds.Add(GC.GetTotalAllocatedBytes(precise: true) - before);
        }
        Assert.True(rounds[^1] <= Round * 8, $"Bytes for {Round} round trips: {string.Join(", ", rounds)}.");
        pong.Abort();
        await Assert.ThrowsAnyAsync<IOException>(() => pongs.WaitAsync(s_limit));
    }

    [Fact]
    public async Task Hosts_at_rest_take_no_processor_time()
    {
        await using var pair = Pair();
        var (ping, pong) = pair.Connect();
        await Task.WhenAll(PongAsync(pong, Rounds), PingAsync(ping, Rounds)).WaitAsync(s_limit);
        for (int tries = 0; await BusyShareAsync() > 0.05; tries++) Assert.True(tries < 20); // the JIT compiler may have something to do
    }

    [Fact]
    public async Task Writers_that_waited_for_room_go_on_on_the_thread_of_the_turn_that_made_it()
    {
        await using var host = HostKit.Create();
        RoomMaker machine = new(host.WriterScheduler);
        host.Attach(machine);
        Assert.True(await machine.WentOnAfterwards.Task.WaitAsync(s_limit));
    }

    [Theory, InlineData(0, true), InlineData(1000, true), InlineData(-1, false), InlineData(1001, false)]
    public void The_time_to_poll_is_at_most_a_millisecond(int microseconds, bool isValid)
    {
        ServiceCollection services = new();
        services.AddUdx().Configure<DatagramHostOptions>(o => o.SpinTime = TimeSpan.FromMicroseconds(microseconds));
        using var provider = services.BuildServiceProvider();
        var error = Record.Exception(() => provider.GetRequiredService<IOptions<DatagramHostOptions>>().Value);
        Assert.Equal(isValid, error is null);
        if (!isValid) Assert.IsType<OptionsValidationException>(error);
    }

    /// <summary>Lets a writer go on in a turn, and gives it time to do so elsewhere.</summary>
    private sealed class RoomMaker(PipeScheduler writers) : IHostedMachine
    {
        private bool _isMade;

        /// <summary>Whether the writer went on on the turn's thread, and not before the turn was over.</summary>
        public TaskCompletionSource<bool> WentOnAfterwards { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Timestamp? NextTimeout => null;

        public bool Deliver(Timestamp now)
        {
            if (_isMade) return false;
            _isMade = true;
            int thread = Environment.CurrentManagedThreadId;
            writers.Schedule(_ => WentOnAfterwards.TrySetResult(Environment.CurrentManagedThreadId == thread), null);
            WentOnAfterwards.Task.Wait(50);
            return false;
        }

        public void OnHostClosing(Timestamp now)
        {
        }

        public bool Receive(Timestamp now, ReadOnlySpan<byte> datagram, in DatagramSource source) => false;

        public void HandleTimeout(Timestamp now)
        {
        }

        public bool PollTransmit(Timestamp now, Span<byte> buffer, out Transmit transmit)
        {
            transmit = default;
            return false;
        }
    }

    private UdxPair Pair() => new(Bind(), Bind());

    private UdxSocket Bind() =>
        UdxSocket.Bind(_services.GetRequiredService<IDatagramHostFactory>(), _services.GetRequiredService<IReliableTransportFactory>(), HostKit.AnyLoopback);

    /// <summary>Sends messages and awaits the answers.</summary>
    private static Task PingAsync(UdxStream stream, int rounds) => Task.Run(async () =>
    {
        for (int i = 1; i <= rounds; i++)
        {
            await stream.Output.WriteAsync(s_message);
            Take(stream, await stream.Input.ReadAsync());
        }
    });

    /// <summary>Answers messages; <paramref name="last"/> is done by the reader of the last one before it answers.</summary>
    private static Task PongAsync(UdxStream stream, int rounds, Action? last = null) => Task.Run(async () =>
    {
        for (int i = 1; i <= rounds; i++)
        {
            Take(stream, await stream.Input.ReadAsync());
            if (i == rounds) last?.Invoke();
            await stream.Output.WriteAsync(s_message);
        }
    });

    /// <summary>How much of one processor this process takes.</summary>
    private static async Task<double> BusyShareAsync()
    {
        var (start, before) = (Stopwatch.GetTimestamp(), Environment.CpuUsage.TotalTime);
        await Task.Delay(200);
        return (Environment.CpuUsage.TotalTime - before) / Stopwatch.GetElapsedTime(start);
    }

    private static void Take(UdxStream stream, ReadResult read)
    {
        if (read.Buffer.IsEmpty) throw new IOException("The stream has ended.");
        stream.Input.AdvanceTo(read.Buffer.End);
    }

    /// <summary>A clock by which answers are in time on a busy machine, too.</summary>
    private sealed class SlowClock : TimeProvider
    {
        public override long GetTimestamp() => base.GetTimestamp() / 20;
    }
}
