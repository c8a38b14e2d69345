namespace PeopleSwarm.Swarm.Policy;

/// <summary>Peers to dial: the highest priority first, in random order within one.</summary>
/// <remarks>Spec: hyperswarm, 6.2.</remarks>
internal sealed class PeerQueue(IRandomSource random, int capacity)
{
    private readonly List<PeerInfo>[] _levels = [[], [], [], [], []];

    public int Count { get; private set; }

    /// <summary>Adds a peer at its present priority; false if it stands there already or the queue is full.</summary>
    public bool TryAdd(PeerInfo peer)
    {
        if (peer.IsQueued || Count >= capacity) return false;
        _levels[(int)peer.Priority].Add(peer);
        peer.IsQueued = true;
        Count++;
        return true;
    }

    /// <summary>Takes the next peer that <paramref name="eligible"/> accepts; the others stay.</summary>
    public PeerInfo? Take(Func<PeerInfo, bool> eligible)
    {
        for (int priority = _levels.Length - 1; priority >= 0; priority--)
        {
            var level = _levels[priority];
            for (int i = 0; i < level.Count; i++)
            {
                int chosen = i + random.Next(level.Count - i);
                (level[i], level[chosen]) = (level[chosen], level[i]);
                if (eligible(level[i])) return RemoveAt(level, i);
            }
        }
        return null;
    }

    /// <summary>Removes a peer; false if it is not there.</summary>
    public bool Remove(PeerInfo peer)
    {
        if (!peer.IsQueued) return false;
        foreach (var level in _levels)
        {
            int index = level.IndexOf(peer);
            if (index < 0) continue;
            RemoveAt(level, index);
            return true;
        }
        return false;
    }

    /// <summary>Removes the peers that <paramref name="unwanted"/> accepts and returns them.</summary>
    public List<PeerInfo> RemoveAll(Func<PeerInfo, bool> unwanted)
    {
        List<PeerInfo> removed = [];
        foreach (var level in _levels)
            for (int i = level.Count - 1; i >= 0; i--)
                if (unwanted(level[i])) removed.Add(RemoveAt(level, i));
        return removed;
    }

    /// <summary>The keys of all peers.</summary>
    public IEnumerable<PublicKey> Keys => _levels.SelectMany(level => level).Select(peer => peer.PublicKey);

    private PeerInfo RemoveAt(List<PeerInfo> level, int index)
    {
        var peer = level[index];
        level[index] = level[^1];
        level.RemoveAt(level.Count - 1);
        peer.IsQueued = false;
        Count--;
        return peer;
    }
}
