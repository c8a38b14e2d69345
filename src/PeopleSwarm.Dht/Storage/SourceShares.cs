namespace PeopleSwarm.Dht.Storage;

/// <summary>Which address brought what, oldest first, so that none takes more than its share.</summary>
internal sealed class SourceShares<TKey>
{
    private Dictionary<uint, Share>? _shares; // most stores of a node never hold anything for anybody

    /// <summary>Addresses that brought something.</summary>
    public int Count => _shares?.Count ?? 0;

    /// <summary>Puts <paramref name="key"/> last in the share of <paramref name="source"/>.</summary>
    public LinkedListNode<TKey> Add(uint source, TKey key, long weight)
    {
        _shares ??= [];
        if (!_shares.TryGetValue(source, out var share)) _shares[source] = share = new();
        share.Weight += weight;
        return share.Keys.AddLast(key);
    }

    public void Remove(uint source, LinkedListNode<TKey> place, long weight)
    {
        var share = _shares![source];
        share.Weight -= weight;
        share.Keys.Remove(place);
        if (share.Keys.Count == 0) _shares.Remove(source);
    }

    /// <summary>What has to go first before <paramref name="source"/> may bring <paramref name="weight"/> more; false if nothing has to.</summary>
    public bool TryFindExcess(uint source, long weight, long limit, out TKey oldest)
    {
        oldest = default!;
        if (_shares is null || !_shares.TryGetValue(source, out var share) || share.Weight + weight <= limit) return false;
        oldest = share.Keys.First!.Value;
        return true;
    }

    public void Clear() => _shares = null;

    private sealed class Share
    {
        public LinkedList<TKey> Keys { get; } = [];

        public long Weight { get; set; }
    }
}
