namespace PeopleSwarm.Dht.Storage;

/// <summary>Where handshakes for a target go.</summary>
/// <param name="Relay">The node that announced itself here; null for a server of our own.</param>
/// <param name="Record">The encoded record, as FIND_PEER answers it.</param>
internal readonly record struct PeerRoute(UdpEndPoint? Relay, byte[] Record);

/// <summary>
/// Target → where the peer announced itself from (spec hyperdht, 4.2). A route lives by its announcements alone: asking for it
/// does not renew it. Servers of our own are pinned and cannot be overwritten or withdrawn from outside.
/// </summary>
/// <param name="maxRoutes">Routes of one generation; at most twice as many exist.</param>
/// <param name="maxAge">Age a route has when it goes, on average.</param>
/// <param name="maxPerSource">Routes of one generation to one address; its oldest give way.</param>
internal sealed class RouteTable(int maxRoutes, TimeSpan maxAge, int maxPerSource = int.MaxValue)
{
    private readonly TwoGenerationCache<NodeId, PeerRoute> _announced = new(maxRoutes, maxAge, maxPerSource);
    private readonly Dictionary<NodeId, PeerRoute> _own = [];

    /// <summary>Routes learned from others.</summary>
    public int Count => _announced.Count;

    public bool TryGet(Timestamp now, in NodeId target, out PeerRoute route) =>
        _own.TryGetValue(target, out route) || _announced.TryGet(now, target, out route);

    public void Set(Timestamp now, in NodeId target, UdpEndPoint relay, byte[] record)
    {
        if (!_own.ContainsKey(target)) _announced.Set(now, target, new(relay, record), relay.IPv4);
    }

    public void Remove(in NodeId target) => _announced.Remove(target);

    /// <summary>Pins a server of our own; false if there is one.</summary>
    public bool TryPin(in NodeId target, byte[] record)
    {
        if (!_own.TryAdd(target, new(null, record))) return false;
        _announced.Remove(target);
        return true;
    }

    public void Unpin(in NodeId target) => _own.Remove(target);

    public void Advance(Timestamp now) => _announced.Advance(now);
}
