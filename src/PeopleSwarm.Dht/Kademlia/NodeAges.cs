namespace PeopleSwarm.Dht.Kademlia;

/// <summary>The nodes of the table in the order they were last heard.</summary>
internal sealed class NodeAges
{
    public KnownNode? Oldest { get; private set; }

    public KnownNode? Newest { get; private set; }

    public int Count { get; private set; }

    /// <summary>Puts a new node at the newest end.</summary>
    public void Add(KnownNode node)
    {
        node.Older = Newest;
        node.Newer = null;
        if (Newest is null) Oldest = node;
        else Newest.Newer = node;
        Newest = node;
        Count++;
    }

    public void Remove(KnownNode node)
    {
        if (node.Older is null) Oldest = node.Newer;
        else node.Older.Newer = node.Newer;
        if (node.Newer is null) Newest = node.Older;
        else node.Newer.Older = node.Older;
        (node.Older, node.Newer) = (null, null);
        Count--;
    }

    /// <summary>The node was heard.</summary>
    public void MoveToNewest(KnownNode node)
    {
        if (Newest == node) return;
        Remove(node);
        Add(node);
    }
}
