namespace PeopleSwarm.Testing;

/// <summary>What happens next: actions by instant, and in the order they were added where instants are equal. Safe on any thread.</summary>
internal sealed class EventQueue(Timestamp start)
{
    private readonly Lock _gate = new();
    private readonly PriorityQueue<Action, (long At, long Order)> _events = new();
    private long _order, _now = start.Microseconds;

    public Timestamp Now => new(Volatile.Read(ref _now));

    /// <summary>Adds an action; one for the past happens now.</summary>
    public void Add(Timestamp at, Action action)
    {
        lock (_gate) _events.Enqueue(action, (Math.Max(at.Microseconds, _now), _order++));
    }

    public Timestamp? NextAt
    {
        get
        {
            lock (_gate) return _events.TryPeek(out _, out var key) ? new(key.At) : null;
        }
    }

    /// <summary>Takes the next action that happens no later than <paramref name="limit"/> and moves the clock there.</summary>
    public bool TryTake(Timestamp limit, out Action? action)
    {
        lock (_gate)
        {
            action = null;
            if (!_events.TryPeek(out _, out var key) || key.At > limit.Microseconds) return false;
            action = _events.Dequeue();
            Volatile.Write(ref _now, Math.Max(_now, key.At));
            return true;
        }
    }

    /// <summary>Moves the clock without doing anything; what was due in between becomes due then.</summary>
    public void JumpTo(Timestamp instant)
    {
        lock (_gate) Volatile.Write(ref _now, Math.Max(_now, instant.Microseconds));
    }
}
