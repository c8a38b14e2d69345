namespace PeopleSwarm.Testing;

/// <summary>What happens to datagrams on one direction of a link. A value out of its range is an <see cref="ArgumentOutOfRangeException"/>.</summary>
public sealed record LinkOptions
{
    /// <summary>Bytes of the IPv4 and UDP headers, which count for <see cref="Mtu"/> and <see cref="BytesPerSecond"/>.</summary>
    public const int HeaderSize = 28;

    /// <summary>No delay, no loss, no limit.</summary>
    public static LinkOptions Perfect { get; } = new();

    /// <summary>A local network: a tenth of a millisecond.</summary>
    public static LinkOptions Lan { get; } = new() { Latency = TimeSpan.FromMicroseconds(100) };

    /// <summary>Time under way. Default zero.</summary>
    public TimeSpan Latency { get; init => field = Require.NotNegative(value); }

    /// <summary>Up to this is added to <see cref="Latency"/> at random; it reorders nothing. Default zero.</summary>
    public TimeSpan Jitter { get; init => field = Require.NotNegative(value); }

    /// <summary>Share of datagrams lost, each on its own, 0 to 1. Default 0.</summary>
    public double LossRate { get; init => field = Require.Share(value); }

    /// <summary>Loss that comes in bursts; null for none. Default null.</summary>
    public BurstLoss? BurstLoss { get; init; }

    /// <summary>Share of datagrams held back by <see cref="ReorderDelay"/>, so that later ones overtake them, 0 to 1. Default 0.</summary>
    public double ReorderRate { get; init => field = Require.Share(value); }

    /// <summary>At most how long a datagram is held back. Default 20 ms.</summary>
    public TimeSpan ReorderDelay { get; init => field = Require.NotNegative(value); } = TimeSpan.FromMilliseconds(20);

    /// <summary>Share of datagrams that arrive twice, the second time up to <see cref="ReorderDelay"/> later, 0 to 1. Default 0.</summary>
    public double DuplicateRate { get; init => field = Require.Share(value); }

    /// <summary>Share of datagrams that arrive with one bit flipped, 0 to 1. Default 0.</summary>
    public double CorruptionRate { get; init => field = Require.Share(value); }

    /// <summary>Bytes a second, headers included, 1 and up; null for no limit. Default null.</summary>
    public long? BytesPerSecond { get; init => field = value is { } rate ? Require.Range(rate, 1, long.MaxValue) : null; }

    /// <summary>Bytes that may wait for their turn where there is a rate; what comes on top is dropped; 0 and up. Default 256 KiB.</summary>
    public long QueueBytes { get; init => field = Require.Range(value, 0, long.MaxValue); } = 256 * 1024;

    /// <summary>Largest packet in bytes, headers included, from those alone to 65,535; larger ones vanish. Default 65,535.</summary>
    public int Mtu { get; init => field = (int)Require.Range(value, HeaderSize, 65_535); } = 65_535;

    /// <summary>Whether it does no more than delay.</summary>
    internal bool IsPlain => Jitter == default && LossRate <= 0 && BurstLoss is null && ReorderRate <= 0 && DuplicateRate <= 0 && CorruptionRate <= 0
        && BytesPerSecond is null;
}

/// <summary>A link that is good or bad in turns (Gilbert-Elliott); it changes from one datagram to the next.</summary>
/// <param name="GoodToBad">Chance that a good link turns bad, 0 to 1.</param>
/// <param name="BadToGood">Chance that a bad link turns good, 0 to 1; the mean burst is its inverse.</param>
/// <param name="LossWhileBad">Share lost while bad. Default all.</param>
/// <param name="LossWhileGood">Share lost while good. Default none.</param>
public sealed record BurstLoss(double GoodToBad, double BadToGood, double LossWhileBad = 1, double LossWhileGood = 0)
{
    /// <summary>Chance that a good link turns bad, 0 to 1.</summary>
    public double GoodToBad { get; init => field = Require.Share(value); } = Require.Share(GoodToBad);

    /// <summary>Chance that a bad link turns good, 0 to 1.</summary>
    public double BadToGood { get; init => field = Require.Share(value); } = Require.Share(BadToGood);

    /// <summary>Share lost while bad, 0 to 1.</summary>
    public double LossWhileBad { get; init => field = Require.Share(value); } = Require.Share(LossWhileBad);

    /// <summary>Share lost while good, 0 to 1.</summary>
    public double LossWhileGood { get; init => field = Require.Share(value); } = Require.Share(LossWhileGood);
}
