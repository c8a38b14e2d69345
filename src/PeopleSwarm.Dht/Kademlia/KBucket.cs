namespace PeopleSwarm.Dht.Kademlia;

/// <summary>A row of the routing table: at most <see cref="Size"/> nodes, ascending by id.</summary>
internal sealed class KBucket
{
    /// <summary>k of this network.</summary>
    public const int Size = 20;

    private KnownNode[] _nodes = []; // of at most Size, which a list would exceed by half

    public IReadOnlyList<KnownNode> Nodes => new ArraySegment<KnownNode>(_nodes, 0, Count);

    public int Count { get; private set; }

    public KnownNode this[int index] => _nodes[index];

    public bool IsFull => Count >= Size;

    public KnownNode? Find(in NodeId id)
    {
        int index = IndexOf(id);
        return index < 0 ? null : _nodes[index];
    }

    /// <summary>Adds the node, or puts it in the place of the one with its id.</summary>
    /// <returns>False if the row is full.</returns>
    public bool TryAdd(KnownNode node)
    {
        int index = IndexOf(node.Id);
        if (index >= 0)
        {
            _nodes[index] = node;
            return true;
        }
        if (IsFull) return false;
        if (Count == _nodes.Length) Array.Resize(ref _nodes, Math.Clamp(2 * Count, 2, Size));
        Array.Copy(_nodes, ~index, _nodes, ~index + 1, Count++ - ~index);
        _nodes[~index] = node;
        return true;
    }

    public bool Remove(in NodeId id)
    {
        int index = IndexOf(id);
        if (index < 0) return false;
        Array.Copy(_nodes, index + 1, _nodes, index, --Count - index);
        _nodes[Count] = null!;
        return true;
    }

    private int IndexOf(in NodeId id)
    {
        int low = 0, high = Count - 1;
        while (low <= high)
        {
            int middle = (low + high) >> 1;
            int order = _nodes[middle].Id.CompareTo(id);
            if (order == 0) return middle;
            if (order < 0) low = middle + 1;
            else high = middle - 1;
        }
        return ~low;
    }
}
