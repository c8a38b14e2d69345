namespace PeopleSwarm.Dht.Storage;

/// <summary>A token bucket for each key: <paramref name="burst"/> at once, then <paramref name="perSecond"/>. Memory is bounded.</summary>
internal sealed class RateLimiter<TKey>(double perSecond, int burst, int maxKeys) where TKey : notnull
{
    // A bucket untouched for as long as it takes to fill is as good as none: two thirds of this age is that long.
    private readonly TwoGenerationCache<TKey, Bucket> _buckets = new(maxKeys, TimeSpan.FromSeconds(Math.Max(1, 1.5 * burst / perSecond)));

    /// <summary>Takes one; false while the key is over its limit.</summary>
    public bool TryTake(Timestamp now, TKey key)
    {
        if (!_buckets.TryGet(now, key, out var bucket)) bucket = new(now, burst);
        bool taken = Bucket.TryTake(now, ref bucket, perSecond, burst);
        _buckets.Set(now, key, bucket);
        return taken;
    }
}
