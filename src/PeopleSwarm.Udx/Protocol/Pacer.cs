namespace PeopleSwarm.Udx.Protocol;

/// <summary>
/// A byte budget that fills at the pacing rate and may be overdrawn by part of a quantum. Low rates wait for a few packets at
/// once, so timers are about a millisecond apart; high rates send up to 64 KiB at once. What a late timer missed is made up for,
/// within bounds.
/// </summary>
internal sealed class Pacer(int packetSize)
{
    private const long QuantumMicros = 1000, MakeUpMicros = 4000;
    private const int MaxQuantum = 64 * 1024, InitialPackets = 10;

    private double _budget = InitialPackets * packetSize, _rate;
    private long _filledAt;

    /// <summary>Sets the rate in bytes per second; 0 for no pacing.</summary>
    public void SetRate(long now, double bytesPerSecond)
    {
        Fill(now);
        _rate = bytesPerSecond;
    }

    /// <summary>Bytes that may leave now; 0 or less for none.</summary>
    public long Available(long now)
    {
        if (_rate <= 0) return long.MaxValue;
        Fill(now);
        return (long)_budget;
    }

    public void OnSent(int bytes)
    {
        if (_rate > 0) _budget -= bytes;
    }

    /// <summary>When the next quantum may leave, if nothing may now.</summary>
    public long NextAt(long now) => now + Math.Max(1, (long)Math.Ceiling((Quantum - _budget) / _rate * 1e6));

    /// <summary>Bytes worth a timer.</summary>
    public long Quantum => (long)Math.Clamp(_rate * QuantumMicros / 1e6, 2 * packetSize, MaxQuantum);

    private void Fill(long now)
    {
        double depth = Math.Max(InitialPackets * packetSize, _rate * MakeUpMicros / 1e6);
        _budget = Math.Min(depth, _budget + _rate * Math.Max(0, now - _filledAt) / 1e6);
        _filledAt = now;
    }
}
