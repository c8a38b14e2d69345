namespace PeopleSwarm.Swarm.Policy;

/// <summary>Who waits for which peers to be connected or to have failed.</summary>
/// <remarks>Spec: hyperswarm, 9, but by key and not by count: a dial of any origin settles its peer.</remarks>
internal sealed class FlushSet
{
    private readonly List<Flush> _flushes = [];

    /// <summary>Waits for <paramref name="keys"/>; completed at once if there are none.</summary>
    public Flush? Add(HashSet<PublicKey> keys, Action<bool> completed)
    {
        if (keys.Count == 0)
        {
            completed(true);
            return null;
        }
        var flush = new Flush(keys, completed);
        _flushes.Add(flush);
        return flush;
    }

    /// <summary>Nobody waits for it any more.</summary>
    public void Remove(Flush flush) => _flushes.Remove(flush);

    /// <summary>A peer connected, failed or was dropped.</summary>
    public void Settle(PublicKey key)
    {
        for (int i = _flushes.Count - 1; i >= 0; i--)
        {
            var flush = _flushes[i];
            if (!flush.Keys.Remove(key) || flush.Keys.Count > 0) continue;
            _flushes.RemoveAt(i);
            flush.Completed(true);
        }
    }

    public void CompleteAll(bool result)
    {
        foreach (var flush in _flushes) flush.Completed(result);
        _flushes.Clear();
    }

    /// <summary>One waiter.</summary>
    internal sealed record Flush(HashSet<PublicKey> Keys, Action<bool> Completed);
}
