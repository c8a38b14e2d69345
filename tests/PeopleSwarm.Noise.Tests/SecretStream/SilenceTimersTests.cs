using PeopleSwarm.Noise.SecretStream;

namespace PeopleSwarm.Noise;

public class SilenceTimersTests
{
    [Fact]
    public void A_keep_alive_that_is_due_at_once_is_sent()
    {
        int sent = 0;
        using KeepAliveTimer timer = new(new HastyTime(), TimeSpan.Zero, _ => sent++, null);
        Assert.Equal(1, sent);
    }

    [Fact]
    public void A_silence_that_is_looked_at_too_early_is_looked_at_again()
    {
        HastyTime time = new();
        using SilenceTimer timer = new(time, TimeSpan.FromHours(1), () => Assert.Fail("An hour is not over."));
        Assert.InRange(time.LastDue, TimeSpan.FromMinutes(59), TimeSpan.FromHours(1));
    }

    /// <summary>A clock whose timers call back before the caller goes on, as a busy machine makes them do; each timer once.</summary>
    private sealed class HastyTime : TimeProvider
    {
        public TimeSpan LastDue { get; set; }

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            HastyTimer timer = new(this, callback, state);
            timer.Change(dueTime, period);
            return timer;
        }
    }

    private sealed class HastyTimer(HastyTime time, TimerCallback callback, object? state) : ITimer
    {
        private bool _isOver;

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            time.LastDue = dueTime;
            if (dueTime == Timeout.InfiniteTimeSpan || _isOver) return true;
            _isOver = true;
            callback(state);
            return true;
        }

        public void Dispose() { }

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
