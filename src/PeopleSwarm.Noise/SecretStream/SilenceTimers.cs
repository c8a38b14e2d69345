namespace PeopleSwarm.Noise.SecretStream;

/// <summary>Calls back after a time in which nothing was written. Restarting it costs a clock reading, not a timer.</summary>
internal sealed class KeepAliveTimer : IDisposable
{
    private readonly TimeProvider _time;
    private readonly TimeSpan _interval;
    private readonly Action<object?> _send;
    private readonly object? _state;
    private readonly ITimer _timer;
    private long _lastWrite;

    public KeepAliveTimer(TimeProvider time, TimeSpan interval, Action<object?> send, object? state)
    {
        (_time, _interval, _send, _state, _lastWrite) = (time, interval, send, state, time.GetTimestamp());
        _timer = time.CreateTimer(static state => ((KeepAliveTimer)state!).OnDue(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _timer.Change(interval, Timeout.InfiniteTimeSpan); // not before it is in its field, where the callback looks for it
    }

    public void Restart() => Volatile.Write(ref _lastWrite, _time.GetTimestamp());

    public void Dispose() => _timer.Dispose();

    private void OnDue()
    {
        var rest = _interval - _time.GetElapsedTime(Volatile.Read(ref _lastWrite));
        if (rest <= TimeSpan.Zero)
        {
            rest = _interval;
            Restart();
            _send(_state);
        }
        _timer.Change(rest, Timeout.InfiniteTimeSpan);
    }
}

/// <summary>
/// Calls back once when reads have waited for a time without a byte. Time in which nobody reads does not count: then the silence is
/// our own.
/// </summary>
internal sealed class SilenceTimer : IDisposable
{
    private readonly TimeProvider _time;
    private readonly TimeSpan _limit;
    private readonly Action _expired;
    private readonly ITimer _timer;
    private readonly Lock _lock = new();
    private TimeSpan _waited;
    private long _waitingSince;
    private bool _waiting;

    public SilenceTimer(TimeProvider time, TimeSpan limit, Action expired)
    {
        (_time, _limit, _expired) = (time, limit, expired);
        _timer = time.CreateTimer(static state => ((SilenceTimer)state!).OnDue(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _timer.Change(limit, Timeout.InfiniteTimeSpan); // not before it is in its field, where the callback looks for it
    }

    public void BeginWait()
    {
        lock (_lock) (_waiting, _waitingSince) = (true, _time.GetTimestamp());
    }

    public void EndWait()
    {
        lock (_lock)
        {
            if (_waiting) _waited += _time.GetElapsedTime(_waitingSince);
            _waiting = false;
        }
    }

    /// <summary>A byte arrived.</summary>
    public void Restart()
    {
        lock (_lock) (_waited, _waiting) = (TimeSpan.Zero, false);
    }

    public void Dispose() => _timer.Dispose();

    private void OnDue()
    {
        TimeSpan rest;
        lock (_lock) rest = _limit - _waited - (_waiting ? _time.GetElapsedTime(_waitingSince) : TimeSpan.Zero);
        if (rest > TimeSpan.Zero) _timer.Change(rest, Timeout.InfiniteTimeSpan);
        else _expired();
    }
}
