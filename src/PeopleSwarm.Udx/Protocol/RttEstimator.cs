namespace PeopleSwarm.Udx.Protocol;

/// <summary>Smoothed round trip and retransmission timeout (RFC 6298), in microseconds.</summary>
internal sealed class RttEstimator(UdxOptions options)
{
    private const long MinWindow = 300_000_000; // a minimum older than 300 s is forgotten (spec udx, 10.1)
    private const long Cap = 30_000_000;

    private readonly long _initialRto = Micros(options.InitialRto), _minRto = Micros(options.MinRto), _maxRto = Micros(options.MaxRto);
    private long _minAt;

    /// <summary>Zero before the first sample.</summary>
    public long Smoothed { get; private set; }

    public long Variance { get; private set; }

    public long Latest { get; private set; }

    /// <summary>The smallest recent sample; zero before the first.</summary>
    public long Minimum { get; private set; }

    public bool HasSample => Smoothed > 0;

    public void AddSample(long now, long rtt)
    {
        rtt = Math.Clamp(rtt, 1, Cap);
        Latest = rtt;
        if (Minimum == 0 || rtt <= Minimum || now - _minAt > MinWindow) (Minimum, _minAt) = (rtt, now);
        if (Smoothed == 0)
        {
            (Smoothed, Variance) = (rtt, rtt / 2);
            return;
        }
        Variance = (3 * Variance + Math.Abs(Smoothed - rtt)) / 4;
        Smoothed = Math.Max(1, (7 * Smoothed + rtt) / 8);
    }

    /// <summary>The timeout after so many expiries in a row, doubled by each.</summary>
    public long Rto(int expiries)
    {
        // The floor is on the variance, as in Linux: a steady path leaves no margin for a queue that fills.
        long rto = HasSample ? Smoothed + Math.Max(4 * Variance, _minRto) : _initialRto;
        return Math.Min(Math.Min(rto, _maxRto) << Math.Min(expiries, 20), _maxRto);
    }

    /// <summary>A new path has its own minimum.</summary>
    public void OnPathChanged() => Minimum = 0;

    public static long Micros(TimeSpan time) => time.Ticks / TimeSpan.TicksPerMicrosecond;
}
