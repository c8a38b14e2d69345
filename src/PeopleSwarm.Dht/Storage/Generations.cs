namespace PeopleSwarm.Dht.Storage;

/// <summary>A generation of a store.</summary>
internal interface IGeneration
{
    /// <summary>Drops everything.</summary>
    void Clear();
}

/// <summary>
/// The fresh and the stale half of a store (spec hyperdht, 4.2): every 2/3 of <paramref name="maxAge"/>, and whenever the fresh one is
/// full, fresh becomes stale and what was stale is dropped. So what nobody touches lives between 2/3 and 4/3 of that age.
/// </summary>
internal sealed class Generations<T>(TimeSpan maxAge) where T : IGeneration, new()
{
    private readonly TimeSpan _interval = TimeSpan.FromMilliseconds(Math.Ceiling(maxAge.TotalMilliseconds * 2 / 3));
    private Timestamp? _rotateAt;

    public T Fresh { get; private set; } = new();

    public T Stale { get; private set; } = new();

    /// <summary>Drops what is too old.</summary>
    public void Advance(Timestamp now)
    {
        _rotateAt ??= now + _interval;
        if (now < _rotateAt) return;
        if (now >= _rotateAt + _interval) Fresh.Clear();
        Rotate(now);
    }

    /// <summary>The fresh half is full.</summary>
    public void Rotate(Timestamp now)
    {
        (Fresh, Stale) = (Stale, Fresh);
        Fresh.Clear();
        _rotateAt = now + _interval;
    }
}
