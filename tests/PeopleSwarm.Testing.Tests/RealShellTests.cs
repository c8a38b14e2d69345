using System.Buffers;
using System.IO.Pipelines;
using System.Security.Cryptography;
using Microsoft.Extensions.DependencyInjection;

namespace PeopleSwarm.Testing;

/// <summary>The thread pool is watched here, so nothing else may use it meanwhile.</summary>
[CollectionDefinition(DisableParallelization = true)]
public class AloneOnThePool;

[Collection<AloneOnThePool>]
public class RealShellTests
{
    private static readonly UdpEndPoint s_alice = UdpEndPoint.Parse("5.0.0.1:1000"), s_bob = UdpEndPoint.Parse("5.0.0.2:2000");

    [Theory, InlineData(1), InlineData(2)]
    public void A_real_stream_carries_bytes_over_a_lossy_simulated_link(long seed)
    {
        var net = NewNetwork(seed);
        byte[] sent = RandomNumberGenerator.GetBytes(300_000);
        Assert.Equal(sent, Transfer(net, sent));
        Assert.True(net.Statistics.DroppedFor(DropReason.Lost) > 0);
    }

    [Fact]
    public void A_real_stream_runs_the_same_from_the_same_seed()
    {
        Assert.Equal(Run(7), Run(7));
        Assert.NotEqual(Run(7), Run(8));

        static string Run(long seed)
        {
            var net = NewNetwork(seed);
            net.Trace.Capacity = 10_000;
            string packets = "";
            Transfer(net, new byte[100_000], whenRead: () => packets = net.Trace.ToString());
            return packets;
        }
    }

    [Fact]
    public void Time_goes_on_only_when_the_application_waits()
    {
        var net = new SimulatedNetwork(1);
        var start = net.Now;
        var order = net.Run(async () =>
        {
            List<string> order = [];
            await Task.WhenAll(Sleeper("late", 3), Sleeper("early", 1), OnThePool());
            return order;

            async Task Sleeper(string name, int hours)
            {
                await Task.Delay(TimeSpan.FromHours(hours), net.TimeProvider);
                order.Add(name);
            }

            async Task OnThePool()
            {
                int sum = await Task.Run(() => Enumerable.Range(0, 1_000_000).Select(i => i % 7).Sum());
                order.Add(sum > 0 && net.Now == start ? "pool first" : "pool late");
            }
        }, TimeSpan.FromHours(4));
        Assert.Equal(["pool first", "early", "late"], order);
        Assert.Equal(start + TimeSpan.FromHours(3), net.Now);
    }

    [Fact]
    public void An_application_that_fails_fails_the_run_with_its_own_exception() =>
        Assert.Throws<InvalidOperationException>(() => new SimulatedNetwork(1).Run(async () =>
        {
            await Task.Yield();
            throw new InvalidOperationException("mine");
        }, TimeSpan.FromSeconds(1)));

    [Fact]
    public void An_application_that_does_not_end_in_time_is_reported()
    {
        var net = new SimulatedNetwork(5);
        var never = new TaskCompletionSource();
        Assert.Equal(5, Assert.Throws<SimulationException>(() => net.Run(() => never.Task, TimeSpan.FromDays(1))).Seed);
    }

    private static SimulatedNetwork NewNetwork(long seed) =>
        new(seed) { Latency = TimeSpan.FromMilliseconds(30), Jitter = TimeSpan.FromMilliseconds(5), LossRate = 0.05, ReorderRate = 0.02 };

    private static byte[] Transfer(SimulatedNetwork net, byte[] bytes, Action? whenRead = null)
    {
        using var alice = Services(net, s_alice);
        using var bob = Services(net, s_bob);
        return net.Run(async () =>
        {
            await using var from = Bind(alice, s_alice);
            await using var to = Bind(bob, s_bob);
            var receiver = to.Connect(2, 1, s_alice);
            var sender = from.Connect(1, 2, s_bob);
            var reading = ReadAllAsync(receiver.Input);
            await sender.Output.WriteAsync(bytes);
            await sender.Output.CompleteAsync();
            byte[] read = await reading;
            whenRead?.Invoke();
            await receiver.Output.CompleteAsync();
            await sender.Closed;
            return read;
        }, TimeSpan.FromMinutes(2));
    }

    private static ServiceProvider Services(SimulatedNetwork net, UdpEndPoint address) =>
        new ServiceCollection().AddSimulatedInternet(net, net.AddHost(address)).AddUdx().BuildServiceProvider();

    private static UdxSocket Bind(ServiceProvider services, UdpEndPoint local) =>
        UdxSocket.Bind(services.GetRequiredService<IDatagramHostFactory>(), services.GetRequiredService<IReliableTransportFactory>(), local);

    private static async Task<byte[]> ReadAllAsync(PipeReader input)
    {
        while (true)
        {
            var result = await input.ReadAsync();
            if (result.IsCompleted) return result.Buffer.ToArray();
            input.AdvanceTo(result.Buffer.Start, result.Buffer.End);
        }
    }
}
