namespace PeopleSwarm.Dht.Storage;

/// <summary>A token bucket for each key: <paramref name="burst"/> at once, then <paramref name="perSecond"/>. Memory is bounded.</summary>
internal sealed class RateLimiter<TKey>(double perSecond, int burst, int maxKeys) where TKey : notnull
{
    // A bucket untouched for as long as it takes to fill is as good as none: two thirds of this age is that long.
    private readonly TwoGenerationCache<TKey, Bucket> _buckets = new(maxKeys, TimeSpan.FromSeconds(Math.Max(1, 1.5 * burst / perSecond)));

    private readonly record struct Bucket(Timestamp At, double Tokens);

    /// <summary>Takes one; false while the key is over its limit.</summary>
    public bool TryTake(Timestamp now, TKey key)
    {
        double tokens = burst;
        if (_buckets.TryGet(now, key, out var bucket)) tokens = Math.Min(burst, bucket.Tokens + (now - bucket.At).TotalSeconds * perSecond);
        bool taken = tokens >= 1;
        _buckets.Set(now, key, new(now, taken ? tokens - 1 : tokens));
        return taken;
    }
}
