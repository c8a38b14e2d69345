namespace PeopleSwarm.Dht.Storage;

/// <summary>A limit of its own: <paramref name="burst"/> at once, then <paramref name="perSecond"/>.</summary>
internal sealed class TokenBucket(double perSecond, int burst)
{
    private Bucket _bucket = new(default, burst);

    /// <summary>Takes one; false while the limit is reached.</summary>
    public bool TryTake(Timestamp now) => Bucket.TryTake(now, ref _bucket, perSecond, burst);
}

/// <summary>How full it was, and when.</summary>
internal readonly record struct Bucket(Timestamp At, double Tokens)
{
    /// <summary>Fills up to <paramref name="burst"/> for the time that has passed, and takes one if there is one.</summary>
    public static bool TryTake(Timestamp now, ref Bucket bucket, double perSecond, int burst)
    {
        double tokens = Math.Min(burst, bucket.Tokens + (now - bucket.At).TotalSeconds * perSecond);
        bool taken = tokens >= 1;
        bucket = new(now, taken ? tokens - 1 : tokens);
        return taken;
    }
}
