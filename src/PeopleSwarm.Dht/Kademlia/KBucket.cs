namespace PeopleSwarm.Dht.Kademlia;

/// <summary>A row of the routing table: at most <see cref="Size"/> nodes, ascending by id.</summary>
internal sealed class KBucket
{
    /// <summary>k of this network.</summary>
    public const int Size = 20;

    private readonly List<KnownNode> _nodes = [];

    public IReadOnlyList<KnownNode> Nodes => _nodes;

    public int Count => _nodes.Count;

    public KnownNode this[int index] => _nodes[index];

    public bool IsFull => _nodes.Count >= Size;

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
        _nodes.Insert(~index, node);
        return true;
    }

    public bool Remove(in NodeId id)
    {
        int index = IndexOf(id);
        if (index < 0) return false;
        _nodes.RemoveAt(index);
        return true;
    }

    private int IndexOf(in NodeId id)
    {
        int low = 0, high = _nodes.Count - 1;
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
