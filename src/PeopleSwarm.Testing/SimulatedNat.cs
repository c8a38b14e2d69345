using System.Net;

namespace PeopleSwarm.Testing;

/// <summary>A router with one outside address and a network behind it.</summary>
public sealed class SimulatedNat
{
    private const int FirstPort = 1024;
    private readonly SimulatedNetwork _network;
    private readonly Realm _parent, _inner = new(LinkOptions.Lan, hops: 0);
    private readonly Attachment _inside;
    private readonly Dictionary<(UdpEndPoint Inside, UdpEndPoint Scope), NatMapping> _byInside = [];
    private readonly Dictionary<ushort, NatMapping> _byPort = [];
    private readonly Dictionary<ushort, UdpEndPoint> _forwarded = [];
    private readonly SeededRandom _random;
    private Attachment _outside;
    private int _nextPort;

    internal SimulatedNat(SimulatedNetwork network, Realm parent, UdpEndPoint address, NatOptions options, SeededRandom random)
    {
        (_network, _parent, Options, _random) = (network, parent, options, random);
        _inside = new Attachment(UdpEndPoint.AnyIPv4, _inner, Leave);
        _inner.Gateway = _inside;
        _outside = AttachOutside(address);
        _nextPort = FirstPort + random.Next(ushort.MaxValue - FirstPort);
    }

    /// <summary>How it behaves; may change on the way.</summary>
    public NatOptions Options { get; set; }

    /// <summary>The outside address, port 0.</summary>
    public UdpEndPoint Address => _outside.Address;

    /// <summary>The links behind it. Default <see cref="LinkOptions.Lan"/>.</summary>
    public LinkOptions Lan { get => _inner.Link; set => _inner.Link = value; }

    /// <summary>What everything that leaves shares: rate and queue of the access line. Default null, which is no limit.</summary>
    public LinkOptions? Uplink { get; set; }

    /// <summary>What everything that comes in shares. Default null, which is no limit.</summary>
    public LinkOptions? Downlink { get; set; }

    /// <summary>Mappings in use.</summary>
    public int MappingCount => _byPort.Values.Count(m => !IsStale(m.LastUsed));

    internal Realm Inner => _inner;

    /// <summary>Adds a host behind it, with an address such as <c>10.0.0.2</c>.</summary>
    public SimulatedHost AddHost(string address, string? name = null) => AddHost(UdpEndPoint.From(IPAddress.Parse(address), 0), name);

    /// <summary>Adds a host behind it; the port does not count.</summary>
    public SimulatedHost AddHost(UdpEndPoint address, string? name = null) => _network.AddHost(_inner, address, name);

    /// <summary>Adds a NAT behind it.</summary>
    public SimulatedNat AddNat(string address, NatOptions? options = null) => _network.AddNat(_inner, address, options);

    /// <summary>Opens an outside port for good, as its owner would by hand.</summary>
    public void Forward(ushort outsidePort, UdpEndPoint inside) => _forwarded[outsidePort] = inside;

    /// <summary>Forgets all mappings, as after a restart.</summary>
    public void Restart()
    {
        _byInside.Clear();
        _byPort.Clear();
    }

    /// <summary>Gets another outside address and forgets all mappings.</summary>
    public void MoveTo(UdpEndPoint address)
    {
        _outside.IsUp = false;
        _parent.Remove(_outside);
        _outside = AttachOutside(address);
        Restart();
    }

    private Attachment AttachOutside(UdpEndPoint address)
    {
        Attachment? outside = null;
        outside = new Attachment(address, _parent, packet => Enter(packet, outside!))
        {
            Uplink = new Link(_random.Fork(1), () => Uplink),
            Downlink = new Link(_random.Fork(2), () => Downlink),
        };
        _parent.Add(outside);
        return outside;
    }

    private void Leave(Packet packet)
    {
        if (packet.Ttl <= 1)
        {
            _network.Drop(packet, DropReason.HopLimit);
            return;
        }
        bool isHairpin = packet.To.HasSameAddress(Address);
        if ((isHairpin && !Options.Hairpin) || Map(packet) is not { } outsidePort)
        {
            _network.Drop(packet, DropReason.Filtered);
            return;
        }
        var translated = packet with { From = Address.WithPort(outsidePort), Ttl = packet.Ttl - 1 };
        if (isHairpin) Enter(translated, _outside);
        else _network.Forward(translated, _outside);
    }

    private void Enter(Packet packet, Attachment through)
    {
        var inside = through.IsUp ? FindInside(packet) : null;
        if (inside is not { } to) _network.Drop(packet, DropReason.Filtered);
        else if (packet.Ttl <= 1) _network.Drop(packet, DropReason.HopLimit);
        else _network.Forward(packet with { To = to, Ttl = packet.Ttl - 1 }, _inside);
    }

    private UdpEndPoint? FindInside(Packet packet)
    {
        if (_forwarded.TryGetValue(packet.To.Port, out var forwarded)) return forwarded;
        if (!_byPort.TryGetValue(packet.To.Port, out var mapping) || IsStale(mapping.LastUsed)) return null;
        if (!MayEnter(mapping, packet.From)) return null;
        if (Options.RefreshOnInbound)
        {
            mapping.LastUsed = _network.Now;
            if (mapping.WrittenTo.ContainsKey(packet.From)) mapping.WrittenTo[packet.From] = _network.Now;
        }
        return mapping.Inside;
    }

    private bool MayEnter(NatMapping mapping, UdpEndPoint from) => Options.Filtering switch
    {
        NatBehavior.EndpointIndependent => true,
        NatBehavior.AddressDependent => mapping.WrittenTo.Any(w => w.Key.HasSameAddress(from) && !IsStale(w.Value)),
        _ => mapping.WrittenTo.TryGetValue(from, out var at) && !IsStale(at),
    };

    private ushort? Map(Packet packet)
    {
        foreach (var (port, inside) in _forwarded)
            if (inside == packet.From) return port;
        var now = _network.Now;
        var scope = Options.Mapping switch
        {
            NatBehavior.EndpointIndependent => default,
            NatBehavior.AddressDependent => packet.To.WithPort(0),
            _ => packet.To,
        };
        if (_byInside.TryGetValue((packet.From, scope), out var mapping) && (IsStale(mapping.LastUsed) || now - mapping.Created >= Options.DriftAfter))
        {
            Remove(mapping);
            mapping = null;
        }
        if (mapping is null)
        {
            if (FreePort(packet.From.Port) is not { } port) return null;
            mapping = new NatMapping(packet.From, scope, port) { Created = now, LastUsed = now };
            _byInside[(packet.From, scope)] = _byPort[port] = mapping;
        }
        mapping.LastUsed = mapping.WrittenTo[packet.To] = now;
        return mapping.Port;
    }

    private ushort? FreePort(ushort insidePort)
    {
        if (_byPort.Count >= Options.MaxMappings)
            foreach (var stale in _byPort.Values.Where(m => IsStale(m.LastUsed)).ToList()) Remove(stale);
        if (_byPort.Count >= Options.MaxMappings) return null;
        int port = Options.Ports switch
        {
            NatPortAllocation.Preserving => insidePort,
            NatPortAllocation.Sequential => _nextPort,
            _ => FirstPort + _random.Next(ushort.MaxValue + 1 - FirstPort),
        };
        while (IsTaken((ushort)port)) port = Next(port);
        if (Options.Ports == NatPortAllocation.Sequential) _nextPort = Next(port);
        return (ushort)port;
    }

    private static int Next(int port) => port >= ushort.MaxValue ? FirstPort : port + 1;

    private bool IsTaken(ushort port) => _forwarded.ContainsKey(port) || (_byPort.TryGetValue(port, out var mapping) && !IsStale(mapping.LastUsed));

    private void Remove(NatMapping mapping)
    {
        _byInside.Remove((mapping.Inside, mapping.Scope));
        if (_byPort.GetValueOrDefault(mapping.Port) == mapping) _byPort.Remove(mapping.Port);
    }

    private bool IsStale(Timestamp lastUsed) => _network.Now - lastUsed >= Options.MappingTimeout;
}
