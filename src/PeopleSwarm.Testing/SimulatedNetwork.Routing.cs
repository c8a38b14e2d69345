namespace PeopleSwarm.Testing;

public sealed partial class SimulatedNetwork
{
    private static readonly TimeSpan s_loopbackLatency = TimeSpan.FromMicroseconds(20);
    internal const int MaxTransmit = 65_507;

    private readonly Dictionary<(Attachment, Attachment), Link> _links = [];
    private readonly Dictionary<(UdpEndPoint, UdpEndPoint), LinkOptions> _overrides = [];

    /// <summary>Called with each datagram a host sends, at the instant it does; null for none.</summary>
    public DatagramTap? Tap { get; set; }

    /// <summary>Puts a forged datagram before a public address, at once and with any source.</summary>
    public void Inject(UdpEndPoint from, UdpEndPoint to, ReadOnlySpan<byte> datagram)
    {
        byte[] data = datagram.ToArray();
        Post(() =>
        {
            var target = _internet.Find(to);
            if (target is null) return;
            target.Arrive(new Packet(data, from, to, byte.MaxValue, Origin: null));
        });
    }

    /// <summary>Sets both directions between two public addresses; ports do not count. Null goes back to <see cref="Link"/>.</summary>
    public void SetLink(UdpEndPoint one, UdpEndPoint other, LinkOptions? options)
    {
        SetOneWayLink(one, other, options);
        SetOneWayLink(other, one, options);
    }

    /// <summary>Sets one direction between two public addresses; ports do not count. Null goes back to <see cref="Link"/>.</summary>
    public void SetOneWayLink(UdpEndPoint from, UdpEndPoint to, LinkOptions? options)
    {
        var key = (from.WithPort(0), to.WithPort(0));
        if (options is null) _overrides.Remove(key);
        else _overrides[key] = options;
    }

    /// <summary>What loops poll into; they run one after the other.</summary>
    internal byte[] TransmitBuffer { get; } = new byte[MaxTransmit];

    /// <summary>A host sends: to itself, to its neighbours, or through its gateway.</summary>
    internal void Send(Packet packet, Attachment from)
    {
        Count(packet);
        Forward(packet, from);
    }

    internal void SendToSelf(Packet packet, SimulatedHost host)
    {
        Count(packet);
        At(Now + s_loopbackLatency, new SimulatedEvent(static (host, packet) => ((SimulatedHost)host).Deliver((Packet)packet!), host, packet));
    }

    private void Count(Packet packet)
    {
        Statistics.Sent++;
        Statistics.SentBytes += packet.Data.Length;
        Trace.Sent(Now, packet);
        Tap?.Invoke(packet.From, packet.To, packet.Data);
    }

    internal void Forward(Packet packet, Attachment from)
    {
        var to = from.Realm.Find(packet.To) ?? from.Realm.Gateway;
        int hops = from.Realm.Hops;
        if (to is null || to == from) Drop(packet, DropReason.NoRoute);
        else if (packet.Ttl <= hops) Drop(packet, DropReason.HopLimit);
        else if (from.Uplink?.Options is null && to.Downlink?.Options is null && from.Realm.Link.IsPlain && _overrides.Count == 0
            && packet.WireSize <= from.Realm.Link.Mtu && !_links.ContainsKey((from, to)))
        {
            // Nothing to remember and nothing to draw: large networks have more pairs than memory has room for links.
            var arriving = packet with { Ttl = packet.Ttl - hops };
            At(Now + from.Realm.Link.Latency, new SimulatedEvent(static (to, packet) => ((Attachment)to).Arrive((Packet)packet!), to, arriving));
        }
        else PassAll(packet with { Ttl = packet.Ttl - hops }, from, to);
    }

    private void PassAll(Packet packet, Attachment from, Attachment to) =>
        Pass(from.Uplink, packet, p => Pass(LinkBetween(from, to), p, q => Pass(to.Downlink, q, to.Arrive)));

    internal void Drop(Packet packet, DropReason reason)
    {
        Statistics.CountDrop(reason);
        Trace.Dropped(Now, packet, reason);
    }

    private void Pass(Link? link, Packet packet, Action<Packet> then)
    {
        if (link?.Options is null)
        {
            then(packet);
            return;
        }
        var fate = link.Enter(Now, packet);
        if (fate.Dropped is { } reason)
        {
            Drop(packet, reason);
            return;
        }
        var arriving = fate.Packet!;
        At(fate.Arrival, () => then(arriving));
        if (fate.Again is { } again) At(again, () => then(arriving));
    }

    private Link LinkBetween(Attachment from, Attachment to)
    {
        if (_links.TryGetValue((from, to), out var link)) return link;
        var realm = from.Realm;
        var key = (from.Address, to.Address);
        Func<LinkOptions> options = realm == _internet ? () => _overrides.GetValueOrDefault(key) ?? realm.Link : () => realm.Link;
        return _links[(from, to)] = new Link(Random.Fork(Label(from.Address) * 31 + Label(to.Address)), options);
    }

    // Chance on a link follows from its two ends, so that one link's traffic does not disturb another's.
    private static long Label(in UdpEndPoint address)
    {
        Span<byte> bytes = stackalloc byte[16];
        address.WriteAddress16(bytes);
        long label = 17;
        foreach (byte b in bytes) label = unchecked(label * 1_000_003 + b);
        return label;
    }
}
