namespace PeopleSwarm.Swarm.Policy;

/// <summary>Who began a connection.</summary>
internal enum LinkDirection
{
    /// <summary>We dialled.</summary>
    Client,

    /// <summary>The peer dialled us.</summary>
    Server,
}

/// <summary>A dial in progress or an open connection.</summary>
internal sealed class Link(PeerInfo peer, LinkDirection direction)
{
    public PeerInfo Peer { get; } = peer;

    public LinkDirection Direction { get; } = direction;

    /// <summary>The connection; null while dialling.</summary>
    public SwarmConnection? Connection { get; set; }

    /// <summary>Whether we gave it up and wait for its end.</summary>
    public bool IsBroken { get; set; }

    /// <summary>Whether the peer is dialled as soon as this is closed: it did not answer when asked to.</summary>
    public bool RedialsAtOnce { get; set; }

    /// <summary>The incoming connection that takes its place once it has closed.</summary>
    public IPeerConnection? Replacement { get; set; }

    /// <summary>Whether frames went both ways, so that a second connection means the peer has lost this one.</summary>
    public bool IsEstablished => Connection is { Channel: { RawBytesRead: > 0, RawBytesWritten: > 0 } };
}

/// <summary>At most one connection for each key, open or being dialled, within limits.</summary>
/// <remarks>Spec: hyperswarm, 6.2 and 6.5.</remarks>
internal sealed class ConnectionSet(int maxPeers, int maxClient, int maxServer, int maxParallel)
{
    private readonly Dictionary<PublicKey, Link> _links = [];

    /// <summary>All, dials in progress included.</summary>
    public int Count => _links.Count;

    /// <summary>Dials in progress.</summary>
    public int Connecting { get; private set; }

    /// <summary>Dialled connections, dials in progress included.</summary>
    public int ClientCount { get; private set; }

    /// <summary>Incoming connections.</summary>
    public int ServerCount => _links.Count - ClientCount;

    public IEnumerable<Link> Links => _links.Values;

    /// <summary>Whether another dial may begin at all.</summary>
    public bool HasFreeDial => Connecting < maxParallel;

    /// <summary>Whether an incoming connection of this key fits; one that replaces another always does.</summary>
    public bool HasRoomForIncoming(PublicKey key) =>
        ServerCount < maxServer || (_links.TryGetValue(key, out var link) && link.Direction == LinkDirection.Server);

    /// <summary>Whether a peer found on a topic may be dialled; explicit peers make the others yield.</summary>
    public bool HasRoomToDial(int explicitPeers)
    {
        int factor = explicitPeers switch { 0 => 1, 1 => 2, < 4 => 3, _ => 4 };
        return HasFreeDial && ClientCount < maxClient && (long)factor * Count < maxPeers;
    }

    /// <summary>Whether an incoming connection is kept where there is one to the same key already.</summary>
    /// <param name="own">Our key.</param>
    /// <param name="remote">The key of the peer that dialled.</param>
    /// <param name="isEstablished">Whether frames went both ways on the existing one.</param>
    public static bool KeepsIncoming(PublicKey own, PublicKey remote, bool isEstablished) => isEstablished || remote > own;

    public bool Contains(PublicKey key) => _links.ContainsKey(key);

    public Link? Find(PublicKey key) => _links.GetValueOrDefault(key);

    /// <summary>Adds a link to a key that has none.</summary>
    public void Add(Link link)
    {
        _links.Add(link.Peer.PublicKey, link);
        if (link.Direction == LinkDirection.Client) ClientCount++;
        if (link.Connection is null) Connecting++;
    }

    /// <summary>A dial opened.</summary>
    public void Open(Link link, SwarmConnection connection)
    {
        link.Connection = connection;
        Connecting--;
    }

    /// <summary>Removes a link; false if it is not, or no longer, there.</summary>
    public bool Remove(Link link)
    {
        if (Find(link.Peer.PublicKey) != link) return false;
        _links.Remove(link.Peer.PublicKey);
        if (link.Direction == LinkDirection.Client) ClientCount--;
        if (link.Connection is null) Connecting--;
        return true;
    }

    /// <summary>The open connections.</summary>
    public SwarmConnection[] Open() =>
        [.. _links.Values.Where(link => link is { Connection: not null, IsBroken: false }).Select(link => link.Connection!)];
}
