namespace PeopleSwarm.Testing;

/// <summary>The virtual clock as a <see cref="TimeProvider"/>. Timers fire on the thread that runs the network.</summary>
public sealed class SimulatedTimeProvider : TimeProvider
{
    private static readonly DateTimeOffset s_epoch = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private readonly SimulatedNetwork _network;
    private readonly Timestamp _start;

    internal SimulatedTimeProvider(SimulatedNetwork network) => (_network, _start) = (network, network.Now);

    /// <summary>Added to the wall clock, not to the monotonic one; change it to set the clock of the machine. Default zero.</summary>
    public TimeSpan WallClockShift { get; set; }

    /// <inheritdoc/>
    public override long TimestampFrequency => 1_000_000;

    /// <inheritdoc/>
    public override TimeZoneInfo LocalTimeZone => TimeZoneInfo.Utc;

    /// <inheritdoc/>
    public override long GetTimestamp() => _network.Now.Microseconds;

    /// <summary>The first of January 2026 and the virtual time since the start.</summary>
    public override DateTimeOffset GetUtcNow() => s_epoch + (_network.Now - _start) + WallClockShift;

    /// <inheritdoc/>
    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        ArgumentNullException.ThrowIfNull(callback);
        var timer = new SimulatedTimer(_network, callback, state);
        timer.Change(dueTime, period);
        return timer;
    }

    private sealed class SimulatedTimer(SimulatedNetwork network, TimerCallback callback, object? state) : ITimer
    {
        private readonly Lock _gate = new();
        private readonly ExecutionContext? _context = ExecutionContext.Capture();
        private int _version;
        private TimeSpan _period;
        private bool _disposed;

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            lock (_gate)
            {
                if (_disposed) return false;
                _period = period;
                Arm(dueTime, ++_version);
                return true;
            }
        }

        public void Dispose()
        {
            lock (_gate) (_disposed, _version) = (true, _version + 1);
        }

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }

        private void Arm(TimeSpan delay, int version)
        {
            if (delay == Timeout.InfiniteTimeSpan) return;
            // Real timers are never early; a delay of part of a microsecond is a whole one here.
            var whole = TimeSpan.FromMicroseconds((delay.Ticks + TimeSpan.TicksPerMicrosecond - 1) / TimeSpan.TicksPerMicrosecond);
            network.At(network.Now + whole, () => Fire(version));
        }

        private void Fire(int version)
        {
            lock (_gate)
            {
                if (version != _version) return;
                if (_period > TimeSpan.Zero) Arm(_period, version);
            }
            if (_context is null) callback(state);
            else ExecutionContext.Run(_context, new ContextCallback(callback), state);
        }
    }
}
