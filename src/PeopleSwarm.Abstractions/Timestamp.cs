namespace PeopleSwarm;

/// <summary>An instant in microseconds on a monotonic clock. Comparable only with instants of the same clock.</summary>
public readonly record struct Timestamp(long Microseconds) : IComparable<Timestamp>
{
    /// <summary>Later than every instant a clock returns.</summary>
    public static Timestamp MaxValue => new(long.MaxValue);

    /// <summary>The current instant of <paramref name="time"/>.</summary>
    public static Timestamp Now(TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(time);
        long ticks = time.GetTimestamp(), frequency = time.TimestampFrequency;
        return new(ticks / frequency * 1_000_000 + ticks % frequency * 1_000_000 / frequency);
    }

    /// <summary>The instant <paramref name="delay"/> after <paramref name="instant"/>; sub-microsecond parts are cut.</summary>
    public static Timestamp operator +(Timestamp instant, TimeSpan delay) =>
        new(instant.Microseconds + delay.Ticks / TimeSpan.TicksPerMicrosecond);

    /// <summary>The instant <paramref name="delay"/> before <paramref name="instant"/>.</summary>
    public static Timestamp operator -(Timestamp instant, TimeSpan delay) =>
        new(instant.Microseconds - delay.Ticks / TimeSpan.TicksPerMicrosecond);

    /// <summary>The time from <paramref name="earlier"/> to <paramref name="later"/>.</summary>
    public static TimeSpan operator -(Timestamp later, Timestamp earlier) =>
        new((later.Microseconds - earlier.Microseconds) * TimeSpan.TicksPerMicrosecond);

    /// <summary>Whether <paramref name="left"/> comes before <paramref name="right"/>.</summary>
    public static bool operator <(Timestamp left, Timestamp right) => left.Microseconds < right.Microseconds;

    /// <summary>Whether <paramref name="left"/> comes after <paramref name="right"/>.</summary>
    public static bool operator >(Timestamp left, Timestamp right) => left.Microseconds > right.Microseconds;

    /// <summary>Whether <paramref name="left"/> does not come after <paramref name="right"/>.</summary>
    public static bool operator <=(Timestamp left, Timestamp right) => left.Microseconds <= right.Microseconds;

    /// <summary>Whether <paramref name="left"/> does not come before <paramref name="right"/>.</summary>
    public static bool operator >=(Timestamp left, Timestamp right) => left.Microseconds >= right.Microseconds;

    /// <summary>The instant after <paramref name="delay"/>, for languages without operators.</summary>
    public Timestamp Add(TimeSpan delay) => this + delay;

    /// <summary>The time since <paramref name="earlier"/>, for languages without operators.</summary>
    public TimeSpan Subtract(Timestamp earlier) => this - earlier;

    /// <summary>The earlier of two deadlines, where null means none.</summary>
    public static Timestamp? Earliest(Timestamp? left, Timestamp? right) =>
        left is not { } l ? right : right is not { } r ? left : l < r ? left : right;

    /// <inheritdoc/>
    public int CompareTo(Timestamp other) => Microseconds.CompareTo(other.Microseconds);

    /// <summary>The instant in seconds with six decimals.</summary>
    public override string ToString() =>
        string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{Microseconds / 1e6:F6}s");
}
