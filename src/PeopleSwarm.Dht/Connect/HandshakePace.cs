namespace PeopleSwarm.Dht.Connect;

/// <summary>
/// When the next first message of a handshake is read: each costs as much as a hundred packets of a stream, and strangers send them. On a loop at rest,
/// whose turns are short, soon; on a busy one at a rate that leaves the time to its connections.
/// </summary>
internal sealed class HandshakePace(PeerDhtOptions options)
{
    private const int LongTurns = 2; // that show a busy loop; a single one may be the system's doing
    private static readonly TimeSpan s_longTurn = TimeSpan.FromMicroseconds(100); // one without work takes a few
    private static readonly TimeSpan s_memory = TimeSpan.FromMilliseconds(10); // looking more often would cost a busy loop its batches

    private readonly int _burst = 2 * options.HandshakesPerSecond;
    private readonly TimeSpan _busyPause = TimeSpan.FromSeconds(1.0 / options.BusyHandshakesPerSecond);
    private double _left = 2 * options.HandshakesPerSecond;
    private Timestamp _at, _pauseEnd, _busyUntil;
    private Timestamp? _lastTurn;
    private int _longTurns;

    /// <summary>When <see cref="OnTurn"/> is to be called while messages wait: with the next turn, or later.</summary>
    public Timestamp Due => _left < 1 ? _at + TimeSpan.FromMicroseconds(Math.Ceiling(1e6 * (1 - _left) / options.HandshakesPerSecond))
        : _at < _busyUntil ? _pauseEnd : default;

    /// <summary>Whether one that has just come is read at once.</summary>
    public bool MayRead(Timestamp now)
    {
        _left = Math.Min(_burst, _left + (now - _at).TotalSeconds * options.HandshakesPerSecond);
        _at = now;
        return _left >= 1 && now >= _pauseEnd;
    }

    /// <summary>A turn of the loop while messages wait; whether one of them is read.</summary>
    public bool OnTurn(Timestamp now)
    {
        if (MayRead(now)) return true;
        if (_left < 1 || now < _busyUntil) return false;
        var last = _lastTurn;
        _lastTurn = now;
        if (last is not { } before) return false;
        if (now - before <= s_longTurn)
        {
            _longTurns = 0;
            return true;
        }
        if (++_longTurns == LongTurns) (_longTurns, _lastTurn, _busyUntil) = (0, null, now + s_memory);
        return false;
    }

    /// <summary>One was read, which makes this turn a long one.</summary>
    public void OnRead(Timestamp now)
    {
        _left--;
        (_pauseEnd, _lastTurn) = (now + _busyPause, null);
    }
}
