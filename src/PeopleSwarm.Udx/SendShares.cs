namespace PeopleSwarm.Udx;

/// <summary>
/// How much a stream holds for a short path: a stream alone fills it with a megabyte, and many at once share a few, so that what they
/// hold stays in the processor's caches.
/// </summary>
internal sealed class SendShares
{
    /// <summary>Two full sends; also what a stream may hold before the loop knows of it.</summary>
    public const int Least = 128 * 1024;

    private const int Most = 1024 * 1024; // for a path of less than a millisecond: a gigabyte a second has less under way
    private const int All = 8 * 1024 * 1024;

    private int _busy;

    /// <summary>Bytes for each stream that sends now. On the loop.</summary>
    public int Each => _busy <= All / Most ? Most : Math.Max(All / _busy, Least);

    /// <summary>Counts a stream that has bytes unacknowledged. On the loop.</summary>
    public void Update(ref bool isBusy, bool value)
    {
        if (isBusy == value) return;
        isBusy = value;
        _busy += value ? 1 : -1;
    }
}
