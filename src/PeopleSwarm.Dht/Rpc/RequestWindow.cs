namespace PeopleSwarm.Dht.Rpc;

/// <summary>Limits requests in flight: four slots of 750 ms each (spec dht-rpc, 9.4).</summary>
internal sealed class RequestWindow(int maxWindow, Timestamp start)
{
    public const int Slots = 4;

    /// <summary>Length of a slot.</summary>
    public static readonly TimeSpan SlotInterval = TimeSpan.FromMilliseconds(750);

    private readonly int[] _slots = new int[Slots];
    private Timestamp _slotEnd = start + SlotInterval;

    public int Current { get; private set; }

    public int Total { get; private set; }

    public bool IsFull => Total >= 2 * maxWindow || _slots[Current] >= maxWindow;

    /// <summary>When the next slot begins.</summary>
    public Timestamp NextSlot => _slotEnd;

    public IReadOnlyList<int> Counts => _slots;

    public void Sent()
    {
        Total++;
        _slots[Current]++;
    }

    /// <summary>A request that was sent is over.</summary>
    public void Settled()
    {
        if (_slots[Current] == 0) return;
        _slots[Current]--;
        Total--;
    }

    /// <summary>Moves to the slot <paramref name="now"/> belongs to.</summary>
    public void Advance(Timestamp now)
    {
        for (int i = 0; i < Slots && now >= _slotEnd; i++)
        {
            Drain();
            _slotEnd += SlotInterval;
        }
        if (now >= _slotEnd) _slotEnd = now + SlotInterval; // all slots are empty, the phase does not matter
    }

    /// <summary>Begins the next slot and forgets what was sent four slots ago.</summary>
    public void Drain()
    {
        Current = (Current + 1) % Slots;
        Total -= _slots[Current];
        _slots[Current] = 0;
    }

    public void Clear()
    {
        Array.Clear(_slots);
        (Current, Total) = (0, 0);
    }
}
