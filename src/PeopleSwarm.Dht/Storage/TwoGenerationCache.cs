namespace PeopleSwarm.Dht.Storage;

/// <summary>
/// A bounded map whose untouched entries live between 2/3 and 4/3 of <paramref name="maxAge"/> (spec hyperdht, 4.2): every
/// 2/3 of it, and whenever the fresh generation is full, fresh becomes stale and what was stale is dropped.
/// </summary>
/// <param name="maxSize">Entries of one generation; at most twice as many exist.</param>
/// <param name="maxAge">Age an entry has when it goes, on average.</param>
internal sealed class TwoGenerationCache<TKey, TValue>(int maxSize, TimeSpan maxAge) where TKey : notnull
{
    private readonly TimeSpan _interval = Generations.Interval(maxAge);
    private Dictionary<TKey, TValue> _fresh = [], _stale = [];
    private Timestamp? _rotateAt;

    /// <summary>Entries of both generations.</summary>
    public int Count => _fresh.Count + _stale.Count;

    /// <summary>The entries, those of the older generation first.</summary>
    public IEnumerable<KeyValuePair<TKey, TValue>> Entries => _stale.Concat(_fresh);

    /// <summary>Finds an entry; <paramref name="renew"/> lets it live as long as a new one.</summary>
    public bool TryGet(Timestamp now, TKey key, [System.Diagnostics.CodeAnalysis.MaybeNullWhen(false)] out TValue value, bool renew = false)
    {
        Advance(now);
        if (_fresh.TryGetValue(key, out value)) return true;
        if (!_stale.TryGetValue(key, out value)) return false;
        if (renew) Set(now, key, value);
        return true;
    }

    public void Set(Timestamp now, TKey key, TValue value)
    {
        Advance(now);
        _stale.Remove(key);
        _fresh[key] = value;
        if (_fresh.Count >= maxSize) Rotate(now);
    }

    public bool Remove(TKey key) => _fresh.Remove(key) | _stale.Remove(key);

    /// <summary>Drops what is too old.</summary>
    public void Advance(Timestamp now)
    {
        _rotateAt ??= now + _interval;
        if (now < _rotateAt) return;
        if (now >= _rotateAt + _interval) _fresh.Clear();
        Rotate(now);
    }

    private void Rotate(Timestamp now)
    {
        (_fresh, _stale) = (_stale, _fresh);
        _fresh.Clear();
        _rotateAt = now + _interval;
    }
}

/// <summary>The rhythm all two-generation stores share.</summary>
internal static class Generations
{
    /// <summary>2/3 of the age, rounded up to a millisecond.</summary>
    public static TimeSpan Interval(TimeSpan maxAge) => TimeSpan.FromMilliseconds(Math.Ceiling(maxAge.TotalMilliseconds * 2 / 3));
}
