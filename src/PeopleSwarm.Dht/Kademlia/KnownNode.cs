namespace PeopleSwarm.Dht.Kademlia;

/// <summary>A node of the routing table and how fresh it is, in ticks of 5 s (spec dht-rpc, 12).</summary>
internal sealed class KnownNode(NodeId id, UdpEndPoint endPoint)
{
    private const int Never = int.MinValue;

    // A node knows a hundred or two others, so these fields are most of its memory. Ticks of 5 s fit into 32 bits for centuries.
    private readonly ushort _port = endPoint.Port;
    private int _added, _pinged, _seen, _sampled = Never;

    public NodeId Id { get; } = id;

    /// <summary>Its address, which is IPv4.</summary>
    public uint IPv4 { get; } = endPoint.IPv4;

    public UdpEndPoint EndPoint => new(IPv4, _port);

    /// <summary>Tick it entered the table.</summary>
    public long Added { get => _added; set => _added = (int)value; }

    /// <summary>Tick of the last ping sent or message heard.</summary>
    public long Pinged { get => _pinged; set => _pinged = (int)value; }

    /// <summary>Tick it was last heard.</summary>
    public long Seen { get => _seen; set => _seen = (int)value; }

    /// <summary>Tick its view of our address was last sampled; null for never.</summary>
    public long? Sampled { get => _sampled == Never ? null : _sampled; set => _sampled = (int)(value ?? Never); }

    /// <summary>Times it was heard: tells an answer from none within one tick.</summary>
    public int TimesHeard { get; set; }

    /// <summary>Whether it is there on somebody's word alone and was never heard: it gives way to any that answers.</summary>
    public bool IsHearsay { get; set; }

    /// <summary>Times others told it was down.</summary>
    public int DownHints { get; set; }

    internal KnownNode? Older { get; set; }

    internal KnownNode? Newer { get; set; }
}
