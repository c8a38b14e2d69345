using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Runtime.CompilerServices;

namespace PeopleSwarm.Testing;

/// <summary>
/// An internet in one process: hosts, links and NATs on a virtual clock, all chance drawn from one seed.
/// The same seed and the same machines give the same run, packet for packet.
/// </summary>
/// <remarks>One thread builds and runs it. Sockets, timers and posted work may come from other threads.</remarks>
public sealed partial class SimulatedNetwork
{
    private static readonly Timestamp s_start = new(1_000_000_000); // not 0, so that nothing comes to rely on it
    private readonly Realm _internet = new(LinkOptions.Perfect, hops: 8);
    private readonly List<SimulatedHost> _hosts = [];
    private int _nats;

    /// <summary>Makes an empty network.</summary>
    public SimulatedNetwork(long seed)
    {
        Random = new SeededRandom(seed);
        _clock = new EventQueue(s_start);
        Trace = new PacketTrace(s_start);
        TimeProvider = new SimulatedTimeProvider(this);
    }

    /// <summary>What repeats this run.</summary>
    public long Seed => Random.Seed;

    /// <summary>The network's own chance. Give machines a <see cref="SeededRandom.Fork"/> of it.</summary>
    public SeededRandom Random { get; }

    /// <summary>The latest datagrams.</summary>
    public PacketTrace Trace { get; }

    /// <summary>The virtual clock for code that asks for a <see cref="System.TimeProvider"/>.</summary>
    public SimulatedTimeProvider TimeProvider { get; }

    /// <summary>Counters since the start.</summary>
    public NetworkStatistics Statistics { get; } = new();

    /// <summary>Hosts in the order they were added.</summary>
    public IReadOnlyList<SimulatedHost> Hosts => _hosts;

    /// <summary>Names that simulated applications can look up, such as those of bootstrap nodes.</summary>
    public IDictionary<string, UdpEndPoint> Names { get; } = new ConcurrentDictionary<string, UdpEndPoint>(StringComparer.OrdinalIgnoreCase);

    /// <summary>The links of the public internet where nothing else was set. Default: perfect.</summary>
    public LinkOptions Link
    {
        get => _internet.Link;
        set
        {
            ArgumentNullException.ThrowIfNull(value);
            _internet.Link = value;
        }
    }

    /// <summary>Time a datagram is under way on the public internet. Default zero.</summary>
    public TimeSpan Latency { get => Link.Latency; set => Link = Link with { Latency = value }; }

    /// <summary>Up to this is added to <see cref="Latency"/>. Default zero.</summary>
    public TimeSpan Jitter { get => Link.Jitter; set => Link = Link with { Jitter = value }; }

    /// <summary>Share of datagrams lost, 0 to 1. Default 0.</summary>
    public double LossRate { get => Link.LossRate; set => Link = Link with { LossRate = value }; }

    /// <summary>Share of datagrams overtaken by later ones, 0 to 1. Default 0.</summary>
    public double ReorderRate { get => Link.ReorderRate; set => Link = Link with { ReorderRate = value }; }

    /// <summary>Share of datagrams that arrive twice, 0 to 1. Default 0.</summary>
    public double DuplicateRate { get => Link.DuplicateRate; set => Link = Link with { DuplicateRate = value }; }

    /// <summary>Routers between any two public addresses, on top of the NATs, 0 to 254: a datagram with no more hops left dies. Default 8.</summary>
    public int Hops { get => _internet.Hops; set => _internet.Hops = (int)Require.Range(value, 0, 254); }

    /// <summary>Timers fire up to this late, at random, as they do on a busy host. Default zero.</summary>
    public TimeSpan TimerLateness { get; set => field = Require.NotNegative(value); }

    /// <summary>Adds a host with one public address; the port does not count.</summary>
    /// <exception cref="ArgumentException">The address is taken.</exception>
    public SimulatedHost AddHost(UdpEndPoint address, string? name = null) => AddHost(_internet, address, name);

    /// <summary>Adds a host with one public address such as <c>5.0.0.1</c>.</summary>
    /// <exception cref="FormatException">The text is not an address.</exception>
    public SimulatedHost AddHost(string address, string? name = null) => AddHost(UdpEndPoint.From(IPAddress.Parse(address), 0), name);

    /// <summary>Adds a NAT with a public address such as <c>5.0.0.1</c>. Default options: <see cref="NatOptions.PortRestricted"/>.</summary>
    public SimulatedNat AddNat(string address, NatOptions? options = null) => AddNat(_internet, address, options);

    /// <summary>Adds a machine with one socket, id 0, at a public address and port. The host is made if there is none with that address.</summary>
    /// <returns>The machine.</returns>
    public T Add<T>(UdpEndPoint address, T machine) where T : IDatagramMachine
    {
        AddLoop([address], machine);
        return machine;
    }

    /// <summary>Adds a loop with sockets at public addresses, ids from 0 in this order, and machines that datagrams are offered to in this order.</summary>
    /// <remarks>Hosts are found by the first address, or made; the other addresses are the same host's.</remarks>
    public SimulatedLoop AddLoop(ReadOnlySpan<UdpEndPoint> sockets, params ReadOnlySpan<IDatagramMachine> machines)
    {
        if (sockets.IsEmpty) throw new ArgumentException("A loop needs a socket to find its host by.", nameof(sockets));
        var host = _internet.Find(sockets[0])?.Host ?? AddHost(sockets[0]);
        var loop = host.AddLoop();
        foreach (var socket in sockets)
        {
            if (!host.IsAt(_internet, socket)) host.Attach(_internet, socket);
            loop.Bind(socket);
        }
        foreach (var machine in machines) loop.Attach(machine);
        return loop;
    }

    /// <summary>The run so far in words: seed, time, counters and the latest packets.</summary>
    public string Describe() => string.Create(CultureInfo.InvariantCulture,
        $"seed {Seed}, {(Now - s_start).TotalSeconds:F6} s after the start, {Statistics}{Environment.NewLine}{Trace}");

    /// <summary>Runs until the condition holds, and fails if it does not in time.</summary>
    /// <exception cref="SimulationException">It does not; the message says what, the seed and the latest packets.</exception>
    public void Expect(Func<bool> condition, TimeSpan limit, [CallerArgumentExpression(nameof(condition))] string? what = null)
    {
        if (!RunUntil(condition, limit)) throw Failure($"Not within {limit}: {what}");
    }

    internal Realm Internet => _internet;

    internal SimulatedHost AddHost(Realm realm, UdpEndPoint address, string? name)
    {
        var host = new SimulatedHost(this, name ?? address.HostText);
        host.Attach(realm, address);
        _hosts.Add(host);
        return host;
    }

    internal SimulatedNat AddNat(Realm realm, string address, NatOptions? options) => new(this, realm,
        UdpEndPoint.From(IPAddress.Parse(address), 0), options ?? NatOptions.PortRestricted, Random.Fork(unchecked(0x0AA7_0000_0000 + ++_nats)));

    internal SimulationException Failure(string message, Exception? cause = null) => new($"{message}{Environment.NewLine}{Describe()}", Seed, cause);
}
