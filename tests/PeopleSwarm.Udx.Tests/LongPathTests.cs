using System.IO.Pipelines;
using Microsoft.Extensions.DependencyInjection;
using PeopleSwarm.Testing;

namespace PeopleSwarm;

/// <summary>The whole shell over a long and fast link on virtual time, with timers that are as late as those of a busy computer.</summary>
[Collection(nameof(Alone))] // the thread pool is watched
public class LongPathTests
{
    private const int Rate = 12_500_000; // 100 Mbit/s
    private static readonly UdpEndPoint s_alice = UdpEndPoint.Parse("5.0.0.1:1000"), s_bob = UdpEndPoint.Parse("5.0.1.1:2000");
    private static readonly TimeSpan s_latency = TimeSpan.FromMilliseconds(25), s_start = TimeSpan.FromSeconds(1), s_measured = TimeSpan.FromSeconds(2);

    /// <summary>Loss each way, how late timers are, and the least share of what the link carries in full packets.</summary>
    [Theory]
    [InlineData(0, 0, 0.97)]
    [InlineData(0, 3, 0.97)]
    [InlineData(0.01, 3, 0.96)]
    [InlineData(0.05, 3, 0.90)]
    public void A_stream_fills_a_link_that_holds_more_than_its_first_buffer(double loss, double lateMs, double least)
    {
        SimulatedNetwork net = new(11) { Link = new() { Latency = s_latency, BytesPerSecond = Rate, QueueBytes = (long)(Rate * 2 * s_latency.TotalSeconds), LossRate = loss } };
        using var alice = Services(net, s_alice, lateMs);
        using var bob = Services(net, s_bob, lateMs);
        long received = 0;
        net.Run(async () =>
        {
            await using var left = Bind(alice, s_alice);
            await using var right = Bind(bob, s_bob);
            var to = right.Connect(2, 1, s_alice);
            var from = left.Connect(1, 2, s_bob);
            var writing = WriteAsync(from.Output);
            var reading = ReadAsync(to.Input);
            await Task.Delay(s_start, net.TimeProvider);
            long before = to.BytesReceived;
            await Task.Delay(s_measured, net.TimeProvider);
            received = to.BytesReceived - before;
            from.Abort();
            await Assert.ThrowsAnyAsync<IOException>(() => writing);
            await Assert.ThrowsAnyAsync<IOException>(() => reading);
        }, TimeSpan.FromMinutes(1));
        double share = received / (Rate * s_measured.TotalSeconds * 1452 / 1500);
        Assert.True(share >= least, $"{share:P1} of the link.");
    }

    private static async Task WriteAsync(PipeWriter output)
    {
        byte[] chunk = new byte[64 * 1024];
        while (true) await output.WriteAsync(chunk);
    }

    private static async Task ReadAsync(PipeReader input)
    {
        while (true)
        {
            var result = await input.ReadAsync();
            input.AdvanceTo(result.Buffer.End);
        }
    }

    private static ServiceProvider Services(SimulatedNetwork net, UdpEndPoint address, double lateMs)
    {
        ServiceCollection services = new();
        services.AddSimulatedInternet(net, net.AddHost(address)).AddUdx();
        services.AddSingleton<TimeProvider>(new LateTimers(net.TimeProvider, TimeSpan.FromMilliseconds(lateMs)));
        return services.BuildServiceProvider();
    }

    private static UdxSocket Bind(ServiceProvider services, UdpEndPoint local) =>
        UdxSocket.Bind(services.GetRequiredService<IDatagramHostFactory>(), services.GetRequiredService<IReliableTransportFactory>(), local);

    /// <summary>A clock whose timers fire by up to <paramref name="most"/> too late.</summary>
    private sealed class LateTimers(TimeProvider inner, TimeSpan most) : TimeProvider
    {
        private readonly Random _random = new(5);

        public override long TimestampFrequency => inner.TimestampFrequency;

        public override long GetTimestamp() => inner.GetTimestamp();

        public override DateTimeOffset GetUtcNow() => inner.GetUtcNow();

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
            new Late(inner.CreateTimer(callback, state, Delay(dueTime), period), this);

        private TimeSpan Delay(TimeSpan dueTime) => dueTime < TimeSpan.Zero ? dueTime : dueTime + _random.NextDouble() * most;

        private sealed class Late(ITimer inner, LateTimers timers) : ITimer
        {
            public bool Change(TimeSpan dueTime, TimeSpan period) => inner.Change(timers.Delay(dueTime), period);

            public void Dispose() => inner.Dispose();

            public ValueTask DisposeAsync() => inner.DisposeAsync();
        }
    }
}
