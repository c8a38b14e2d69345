namespace PeopleSwarm.Testing;

public class SimulatedTimeProviderTests
{
    [Fact]
    public void A_timer_fires_at_its_instants_and_not_after_dispose()
    {
        var net = new SimulatedNetwork(1);
        var start = net.Now;
        List<TimeSpan> fired = [];
        var timer = net.TimeProvider.CreateTimer(_ => fired.Add(net.Now - start), null, TimeSpan.FromSeconds(3), TimeSpan.FromSeconds(2));
        net.RunFor(TimeSpan.FromSeconds(8));
        timer.Dispose();
        net.RunFor(TimeSpan.FromSeconds(8));
        Assert.Equal([3, 5, 7], fired.Select(f => (int)f.TotalSeconds));
        Assert.False(timer.Change(TimeSpan.Zero, TimeSpan.Zero));
    }

    [Fact]
    public void The_wall_clock_can_be_set_without_touching_the_monotonic_one()
    {
        var net = new SimulatedNetwork(1);
        var (wall, before) = (net.TimeProvider.GetUtcNow(), Timestamp.Now(net.TimeProvider));
        net.TimeProvider.WallClockShift = TimeSpan.FromHours(-1);
        Assert.Equal(wall.AddHours(-1), net.TimeProvider.GetUtcNow());
        Assert.Equal(before, Timestamp.Now(net.TimeProvider));
        Assert.Equal(net.Now, before);
    }

    [Fact]
    public async Task A_delay_completes_in_virtual_time()
    {
        var net = new SimulatedNetwork(1);
        var delay = Task.Delay(TimeSpan.FromDays(1), net.TimeProvider, TestContext.Current.CancellationToken);
        Assert.False(delay.IsCompleted);
        net.RunFor(TimeSpan.FromDays(1));
        await delay.WaitAsync(TimeSpan.FromSeconds(5), TestContext.Current.CancellationToken);
    }
}
