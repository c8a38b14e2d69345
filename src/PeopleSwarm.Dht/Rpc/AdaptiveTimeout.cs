namespace PeopleSwarm.Dht.Rpc;

/// <summary>Times to wait for an answer, learned for each address (spec dht-rpc, 9.3). Off unless asked for.</summary>
internal sealed class AdaptiveTimeout(IRandomSource random)
{
    private const int MaxKeys = 65536, MinMs = 300, MaxMs = 4000, MaxJitterMs = 255, MaxSendsOfASample = 2;
    private static readonly TimeSpan s_generation = TimeSpan.FromMinutes(10);
    private static readonly int[] s_unknownMs = [250, 500, 1000, 2000, 4000];

    private Dictionary<UdpEndPoint, Estimate> _young = [], _old = [];
    private Timestamp _generationEnd;

    /// <summary>Learns from an answer to a request that was sent <paramref name="sends"/> times.</summary>
    public void Learn(Timestamp now, in UdpEndPoint address, TimeSpan roundTrip, int sends)
    {
        if (sends > MaxSendsOfASample) return;
        Age(now);
        int rtt = (int)Math.Min(roundTrip.TotalMilliseconds, 1 << 20);
        bool known = _young.TryGetValue(address, out var estimate) || _old.TryGetValue(address, out estimate);
        _young[address] = known ? estimate.With(rtt) : new(rtt, rtt >> 1);
        if (_young.Count >= MaxKeys / 2) Turn(now);
    }

    /// <summary>The wait for the send with this number, from 1.</summary>
    public TimeSpan For(Timestamp now, in UdpEndPoint address, int attempt)
    {
        Age(now);
        int jitter = random.Next(MaxJitterMs + 1);
        return TimeSpan.FromMilliseconds(_young.TryGetValue(address, out var estimate) || _old.TryGetValue(address, out estimate)
            ? estimate.TimeoutMs(attempt, jitter)
            : s_unknownMs[Math.Min(attempt, s_unknownMs.Length) - 1] + jitter);
    }

    private void Age(Timestamp now)
    {
        if (now >= _generationEnd) Turn(now);
    }

    private void Turn(Timestamp now)
    {
        (_old, _young) = (_young, []);
        _generationEnd = now + s_generation;
    }

    /// <summary>Average and variance in whole milliseconds, with the shifts of the reference.</summary>
    internal readonly record struct Estimate(int AverageMs, int VarianceMs)
    {
        public Estimate With(int rttMs) =>
            new(AverageMs + ((rttMs - AverageMs) >> 3), VarianceMs + ((Math.Abs(AverageMs - rttMs) - VarianceMs) >> 2));

        public int TimeoutMs(int attempt, int jitterMs) => Math.Clamp((AverageMs + 2 * VarianceMs) * attempt + jitterMs, MinMs, MaxMs);
    }
}
