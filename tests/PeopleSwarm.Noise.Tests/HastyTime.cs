namespace PeopleSwarm;

/// <summary>A clock whose timers call back before the caller goes on, as a busy machine makes them do; each timer once.</summary>
internal sealed class HastyTime : TimeProvider
{
    public TimeSpan LastDue { get; private set; }

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        Timer timer = new(this, callback, state);
        timer.Change(dueTime, period);
        return timer;
    }

    private sealed class Timer(HastyTime time, TimerCallback callback, object? state) : ITimer
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
