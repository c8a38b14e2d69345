namespace PeopleSwarm.Dht.Kademlia;

/// <summary>Nodes in rows by how many leading bits they share with us (spec dht-rpc, 11). Rows are made when first used.</summary>
internal sealed class RoutingTable(NodeId id)
{
    private const int Rows = 256;
    private readonly List<KBucket?> _rows = [];

    /// <summary>What the table is centred on.</summary>
    public NodeId Id { get; } = id;

    public int Count { get; private set; }

    /// <summary>The row of an id; an id equal to ours maps to the last one.</summary>
    public int RowOf(in NodeId id) => Math.Min(Id.CommonPrefix(id), Rows - 1);

    public KBucket? Row(int index) => index < _rows.Count ? _rows[index] : null;

    public KnownNode? Find(in NodeId id) => Row(RowOf(id))?.Find(id);

    /// <summary>Adds a node, or replaces the one with its id.</summary>
    /// <returns>False if its row is full.</returns>
    public bool TryAdd(KnownNode node)
    {
        int index = RowOf(node.Id);
        while (_rows.Count <= index) _rows.Add(null);
        var row = _rows[index] ??= new();
        int before = row.Count;
        if (!row.TryAdd(node)) return false;
        Count += row.Count - before;
        return true;
    }

    public bool Remove(in NodeId id)
    {
        if (Row(RowOf(id))?.Remove(id) != true) return false;
        Count--;
        return true;
    }

    /// <summary>A node, each as likely as the others; null if there is none.</summary>
    public KnownNode? Random(IRandomSource random)
    {
        if (Count == 0) return null;
        int left = random.Next(Count);
        foreach (var row in _rows)
        {
            if (row is null) continue;
            if (left < row.Count) return row[left];
            left -= row.Count;
        }
        return null;
    }

    /// <summary>Writes the nodes closest to <paramref name="target"/> by XOR distance, closest first; returns how many.</summary>
    public int Closest(in NodeId target, Span<KnownNode> nodes)
    {
        // Seen from the target, its own row is closest; all deeper rows differ from it in one bit and follow together; then come the rows above.
        int own = RowOf(target), count = Collect(Row(own), target, nodes, 0, 0);
        int group = count;
        for (int i = own + 1; i < _rows.Count && group < nodes.Length; i++) count = Collect(_rows[i], target, nodes, group, count);
        for (int i = Math.Min(own, _rows.Count) - 1; i >= 0 && count < nodes.Length; i--) count = Collect(_rows[i], target, nodes, count, count);
        return count;
    }

    /// <summary>All nodes, in no order.</summary>
    public IEnumerable<KnownNode> All() => _rows.Where(row => row is not null).SelectMany(row => row!.Nodes);

    /// <summary>Sorts the nodes of a row into <c>nodes[start..count]</c>, dropping the farthest where there is no room.</summary>
    private static int Collect(KBucket? row, in NodeId target, Span<KnownNode> nodes, int start, int count)
    {
        for (int i = 0; i < (row?.Count ?? 0); i++)
        {
            var node = row![i];
            int place = count;
            while (place > start && node.Id.CompareDistance(nodes[place - 1].Id, target) < 0) place--;
            if (place == nodes.Length) continue;
            int last = Math.Min(count, nodes.Length - 1);
            nodes[place..last].CopyTo(nodes[(place + 1)..]);
            nodes[place] = node;
            count = last + 1;
        }
        return count;
    }
}
