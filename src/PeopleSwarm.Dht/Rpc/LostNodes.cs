namespace PeopleSwarm.Dht.Rpc;

/// <summary>
/// Nodes of the table that fell silent, the latest 64 for a quarter of an hour. One that answers again shows that a cut has ended:
/// both halves may have forgotten each other, and nobody else would tell.
/// </summary>
internal sealed class LostNodes
{
    private const int Capacity = 64;
    private const long Lifetime = 180; // ticks, 15 min
    private const int QuietInterval = 12; // ticks between questions while losses are few, 1 min
    private const int FewLosses = 4, CutShare = 4; // lost at once by churn, and the share of the table that only a cut takes

    private readonly Queue<Lost> _nodes = new();

    public void Add(long tick, in UdpEndPoint node)
    {
        if (_nodes.Count == Capacity) _nodes.Dequeue();
        _nodes.Enqueue(new(node, tick));
    }

    /// <summary>Whether so many were lost that the network may be cut.</summary>
    public bool MayBeCut(int tableCount) => _nodes.Count > Math.Max(FewLosses, Math.Min(Capacity / 2, tableCount / CutShare));

    /// <summary>Whom to ask in this tick, in turn; null for nobody. All the time while the network may be cut, now and then else.</summary>
    public UdpEndPoint? Next(long tick, int tableCount)
    {
        while (_nodes.TryPeek(out var oldest) && tick - oldest.At > Lifetime) _nodes.Dequeue();
        if (_nodes.Count == 0 || !MayBeCut(tableCount) && tick % QuietInterval != 0) return null;
        var node = _nodes.Dequeue();
        _nodes.Enqueue(node);
        return node.EndPoint;
    }

    /// <summary>Hands all of them over and forgets them.</summary>
    public UdpEndPoint[] TakeAll()
    {
        UdpEndPoint[] nodes = [.. _nodes.Select(n => n.EndPoint)];
        _nodes.Clear();
        return nodes;
    }

    private readonly record struct Lost(UdpEndPoint EndPoint, long At);
}
