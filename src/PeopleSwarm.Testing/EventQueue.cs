namespace PeopleSwarm.Testing;

/// <summary>What happens next: events by instant, and in the order they were added where instants are equal. Safe on any thread.</summary>
internal sealed class EventQueue(Timestamp start)
{
    private readonly Lock _gate = new();
    private readonly PriorityQueue<SimulatedEvent, (long At, long Order)> _events = new();
    private long _order, _now = start.Microseconds;

    public Timestamp Now => new(Volatile.Read(ref _now));

    /// <summary>Adds an event; one for the past happens now.</summary>
    public void Add(Timestamp at, in SimulatedEvent happening)
    {
        lock (_gate) _events.Enqueue(happening, (Math.Max(at.Microseconds, _now), _order++));
    }

    /// <summary>Takes the next event that happens no later than <paramref name="limit"/> and moves the clock there.</summary>
    public bool TryTake(Timestamp limit, out SimulatedEvent happening)
    {
        lock (_gate)
        {
            happening = default;
            if (!_events.TryPeek(out _, out var key) || key.At > limit.Microseconds) return false;
            happening = _events.Dequeue();
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

/// <summary>A function that captures nothing and what it works on: a large network sends millions of datagrams, and none needs a closure.</summary>
internal readonly struct SimulatedEvent(Action<object, object?> function, object target, object? argument = null)
{
    public static SimulatedEvent Of(Action action) => new(static (target, _) => ((Action)target)(), action);

    public void Happen() => function(target, argument);
}
