using System.Runtime.CompilerServices;

namespace PeopleSwarm.Udx.Protocol;

/// <summary>The deadlines of a stream.</summary>
internal enum StreamTimer
{
    /// <summary>A packet that others overtook counts as lost (RFC 8985, 6.2).</summary>
    Reorder,

    /// <summary>Nothing was heard of the last packets: probe (RFC 8985, 7).</summary>
    TailLoss,

    /// <summary>Nothing at all was heard: start over (RFC 6298).</summary>
    Retransmission,

    /// <summary>The pacer lets the next quantum go.</summary>
    Pacing,

    /// <summary>The peer's window is closed: ask whether it is still.</summary>
    ZeroWindow,

    /// <summary>A quiet stream sends a heartbeat.</summary>
    KeepAlive,

    /// <summary>Silence has lasted too long.</summary>
    Idle,
}

/// <summary>A due instant for each timer, in microseconds.</summary>
[InlineArray(Count)]
internal struct StreamTimers
{
    public const long Never = long.MaxValue;
    public const int Count = (int)StreamTimer.Idle + 1;

    private long _first;

    public static StreamTimers Stopped
    {
        get
        {
            StreamTimers timers = default;
            ((Span<long>)timers).Fill(Never);
            return timers;
        }
    }

    public long this[StreamTimer timer]
    {
        readonly get => this[(int)timer];
        set => this[(int)timer] = value;
    }

    public readonly bool IsSet(StreamTimer timer) => this[(int)timer] != Never;

    public void Stop(StreamTimer timer) => this[(int)timer] = Never;

    /// <summary>Whether the timer is due; if so, it is stopped.</summary>
    public bool TakeDue(StreamTimer timer, long now)
    {
        if (this[(int)timer] > now) return false;
        Stop(timer);
        return true;
    }

    public readonly long Earliest
    {
        get
        {
            long earliest = Never;
            foreach (long due in this) earliest = Math.Min(earliest, due);
            return earliest;
        }
    }
}
