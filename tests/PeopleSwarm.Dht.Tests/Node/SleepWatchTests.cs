namespace PeopleSwarm.Dht.Node;

public class SleepWatchTests
{
    [Fact]
    public async Task C6_a_wall_clock_that_runs_ahead_of_the_monotonic_one_tells_of_a_sleep()
    {
        var clock = new TwoClocks();
        var slept = new List<TimeSpan>();
        await using (new SleepWatch(clock, slept.Add))
        {
            clock.Advance(monotonic: TimeSpan.FromSeconds(5), wall: TimeSpan.FromSeconds(5));
            clock.Advance(monotonic: TimeSpan.FromMinutes(5), wall: TimeSpan.FromMinutes(5)); // late, but the loop's own clock tells that
            clock.Advance(monotonic: TimeSpan.FromSeconds(5), wall: TimeSpan.FromSeconds(15)); // the clock was set
            Assert.Empty(slept);
            clock.Advance(monotonic: TimeSpan.FromSeconds(5), wall: TimeSpan.FromHours(8));
            Assert.InRange(Assert.Single(slept), TimeSpan.FromHours(7.9), TimeSpan.FromHours(8));
            clock.Advance(monotonic: TimeSpan.FromSeconds(5), wall: TimeSpan.FromSeconds(5));
            Assert.Single(slept);
        }
        Assert.True(clock.IsTimerGone);
    }

    /// <summary>A monotonic clock that stands still while the machine sleeps, and a wall clock that does not.</summary>
    private sealed class TwoClocks : TimeProvider, ITimer
    {
        private TimeSpan _monotonic;
        private DateTimeOffset _wall = DateTimeOffset.UnixEpoch;
        private Action? _fire;

        public bool IsTimerGone => _fire is null;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => _monotonic.Ticks;

        public override DateTimeOffset GetUtcNow() => _wall;

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            _fire = () => callback(state);
            return this;
        }

        public void Advance(TimeSpan monotonic, TimeSpan wall)
        {
            (_monotonic, _wall) = (_monotonic + monotonic, _wall + wall);
            _fire?.Invoke();
        }

        public bool Change(TimeSpan dueTime, TimeSpan period) => true;

        public void Dispose() => _fire = null;

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
