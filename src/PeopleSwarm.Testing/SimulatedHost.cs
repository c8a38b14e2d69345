using System.Net.Sockets;

namespace PeopleSwarm.Testing;

/// <summary>A computer: addresses, sockets by port, and the loops that run on it.</summary>
public sealed partial class SimulatedHost
{
    private const int FirstEphemeralPort = 32_768, EphemeralPorts = 28_232; // Linux
    private readonly Lock _gate = new();
    private readonly Dictionary<ushort, List<SimulatedPort>> _ports = [];
    private readonly List<Attachment> _attachments = [];
    private readonly List<SimulatedLoop> _loops = [];
    private readonly SeededRandom _random;
    private int _applications;

    internal SimulatedHost(SimulatedNetwork network, string name)
    {
        (Network, Name) = (network, name);
        _random = network.Random.Fork(unchecked(0x5EED_0000_0000 + network.Hosts.Count));
    }

    /// <summary>The network it is part of.</summary>
    public SimulatedNetwork Network { get; }

    /// <summary>Its name in messages; the first address unless another was given.</summary>
    public string Name { get; }

    /// <summary>The first address that is up, port 0; default while it has none.</summary>
    public UdpEndPoint Address => Route(null)?.Address ?? default;

    /// <summary>The addresses that are up, port 0, the default route's first.</summary>
    public IReadOnlyList<UdpEndPoint> Addresses => [.. _attachments.Where(a => a.IsUp).Select(a => a.Address)];

    /// <summary>What everything the host sends shares: rate and queue of its line. Default null, which is no limit.</summary>
    public LinkOptions? Uplink { get; set; }

    /// <summary>What everything that reaches the host shares. Default null, which is no limit.</summary>
    public LinkOptions? Downlink { get; set; }

    /// <summary>Adds a loop without sockets or machines.</summary>
    public SimulatedLoop AddLoop()
    {
        var loop = new SimulatedLoop(this);
        _loops.Add(loop);
        return loop;
    }

    /// <summary>Adds a machine with one socket, id 0, on a port of any address.</summary>
    /// <returns>The machine.</returns>
    public T Add<T>(ushort port, T machine) where T : IDatagramMachine
    {
        var loop = AddLoop();
        loop.Bind(UdpEndPoint.AnyIPv4.WithPort(port));
        loop.Attach(machine);
        return machine;
    }

    /// <inheritdoc/>
    public override string ToString() => Name;

    internal bool IsAt(Realm realm, UdpEndPoint address) => _attachments.Exists(a => a.Realm == realm && a.Address.HasSameAddress(address));

    internal Attachment Attach(Realm realm, UdpEndPoint address)
    {
        Attachment? attachment = null;
        attachment = new Attachment(address, realm, packet => Arrive(packet, attachment!))
        {
            Host = this,
            Uplink = new Link(_random.Fork(1), () => Uplink),
            Downlink = new Link(_random.Fork(2), () => Downlink),
        };
        realm.Add(attachment);
        _attachments.Add(attachment);
        return attachment;
    }

    /// <summary>Chance for an application on this host; each call begins another sequence.</summary>
    internal SeededRandom CreateRandom() => _random.Fork(1000 + ++_applications);

    internal void TurnLoops()
    {
        for (int i = 0; i < _loops.Count; i++) _loops[i].Turn();
    }

    /// <summary>Opens a port; the way of both the loops and the simulated sockets.</summary>
    internal SimulatedPort Open(UdpEndPoint local, DatagramSocketOptions options, Action<Packet> deliver, Action<Exception> fail)
    {
        bool isAny = local.WithPort(0) == UdpEndPoint.AnyIPv4 || local.WithPort(0) == UdpEndPoint.AnyIPv6;
        lock (_gate)
        {
            if (!isAny && !IsLoopback(local) && !_attachments.Exists(a => a.Address.HasSameAddress(local)))
                throw new SocketException((int)SocketError.AddressNotAvailable);
            ushort number = local.Port != 0 ? local.Port : FreePort();
            if (!_ports.TryGetValue(number, out var sharing)) _ports[number] = sharing = [];
            if (sharing.Exists(p => Clash(p, local, isAny) && !(p.Options.ReuseAddress && options.ReuseAddress)))
                throw new SocketException((int)SocketError.AddressAlreadyInUse);
            var port = new SimulatedPort(this, local.WithPort(number), isAny, options, deliver, fail);
            sharing.Add(port);
            return port;
        }
    }

    internal void Close(SimulatedPort port)
    {
        lock (_gate)
            if (_ports.TryGetValue(port.LocalEndPoint.Port, out var sharing) && sharing.Remove(port) && sharing.Count == 0)
                _ports.Remove(port.LocalEndPoint.Port);
    }

    internal void Send(SimulatedPort port, ReadOnlySpan<byte> datagram, UdpEndPoint to, byte ttl, bool mayFragment)
    {
        byte[] data = datagram.ToArray();
        if (IsLoopback(to))
        {
            Network.SendToSelf(new Packet(data, UdpEndPoint.Loopback(port.LocalEndPoint.Port), to, ttl, this), this);
            return;
        }
        var from = IsAsleep ? null : port.IsAny ? Route(to) : FindUp(port.LocalEndPoint);
        var packet = new Packet(data, (from?.Address ?? port.LocalEndPoint).WithPort(port.LocalEndPoint.Port), to, ttl, this, mayFragment);
        if (from is null) Network.Drop(packet, DropReason.HostDown);
        else if (FindUp(to) is not null) Network.SendToSelf(packet, this);
        else Network.Send(packet, from);
    }

    private void Arrive(Packet packet, Attachment through)
    {
        if (!through.IsUp) Network.Drop(packet, DropReason.HostDown);
        else if (packet.Origin is { } origin && Network.IsCut(origin, this)) Network.Drop(packet, DropReason.Partitioned);
        else Deliver(packet);
    }

    internal void Deliver(Packet packet)
    {
        if (IsAsleep)
        {
            Network.Drop(packet, DropReason.HostDown);
            return;
        }
        if (FindPort(packet.To) is not { } port)
        {
            Network.Drop(packet, DropReason.NoSocket);
            return;
        }
        Network.Statistics.Delivered++;
        Network.Trace.Delivered(Network.Now, packet);
        port.Deliver(packet);
    }

    private SimulatedPort? FindPort(in UdpEndPoint to)
    {
        lock (_gate)
        {
            if (!_ports.TryGetValue(to.Port, out var sharing)) return null;
            foreach (var port in sharing)
                if (port.IsAny || port.LocalEndPoint.HasSameAddress(to)) return port;
            return null;
        }
    }

    private Attachment? FindUp(in UdpEndPoint address)
    {
        foreach (var attachment in _attachments)
            if (attachment.IsUp && attachment.Address.HasSameAddress(address)) return attachment;
        return null;
    }

    private Attachment? Route(UdpEndPoint? to) =>
        (to is { } address ? _attachments.Find(a => a.IsUp && a.Realm.Find(address) is not null) : null) ?? _attachments.Find(a => a.IsUp);

    private ushort FreePort()
    {
        for (int i = 0; i < EphemeralPorts; i++)
        {
            ushort port = (ushort)(FirstEphemeralPort + _random.Next(EphemeralPorts));
            if (!_ports.ContainsKey(port)) return port;
        }
        throw new SocketException((int)SocketError.AddressAlreadyInUse);
    }

    private static bool Clash(SimulatedPort port, in UdpEndPoint local, bool isAny) => isAny || port.IsAny || port.LocalEndPoint.HasSameAddress(local);

    private static bool IsLoopback(in UdpEndPoint address) => address.IsIPv4 && address.IPv4 >> 24 == 127;
}
