using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Console;

namespace PeopleSwarm.Cli;

/// <summary>What a peer's command was told.</summary>
/// <param name="KeyPair">Who we are; null for a random key pair.</param>
/// <param name="Bootstrap"><c>host:port</c> each; empty for the public nodes.</param>
/// <param name="Verbose">Whether the layers log to stderr.</param>
/// <param name="Host">Address to bind; null for any.</param>
/// <param name="RelayThrough">The relay of every connection of the swarm; null for none of ours.</param>
/// <param name="TellWaiting">Whether a long wait is told on stderr; not where a program reads that.</param>
internal sealed record PeerSettings(
    KeyPair? KeyPair, IReadOnlyList<string> Bootstrap, bool Verbose, IPAddress? Host = null, PublicKey? RelayThrough = null, bool TellWaiting = true);

/// <summary>What a node's command was told.</summary>
internal sealed record NodeSettings(IReadOnlyList<string> Bootstrap, IPAddress Host, bool Persistent, bool Verbose);

/// <summary>The layers under one command, composed by their own registrations.</summary>
internal sealed class Layers : IAsyncDisposable
{
    // Parts of the 3 s in which an interrupted command ends: for peers to take the last bytes, for nodes to take withdrawals.
    private static readonly TimeSpan s_goodbye = TimeSpan.FromSeconds(1.5);

    private readonly ServiceProvider _services;

    private Layers(ServiceProvider services) => _services = services;

    public IDhtNode Dht => _services.GetRequiredService<IDhtNode>();

    public INetworkInterfaces Interfaces => _services.GetRequiredService<INetworkInterfaces>();

    public IPeerSwarm Swarm => _services.GetRequiredService<IPeerSwarm>();

    /// <summary>A peer's layers, entered into the DHT.</summary>
    /// <exception cref="TroubleException">No bootstrap node answered.</exception>
    public static async Task<Layers> EnterAsync(PeerSettings settings, CancellationToken cancellation)
    {
        var layers = CreatePeer(settings);
        try
        {
            await layers.EnterAsync(settings.Bootstrap, settings.TellWaiting, cancellation);
            return layers;
        }
        catch
        {
            await layers.DisposeAsync();
            throw;
        }
    }

    /// <summary>A peer's layers, at rest.</summary>
    public static Layers CreatePeer(PeerSettings settings) => Create(settings.Verbose, services => services.AddSwarm(swarm =>
    {
        if (settings.RelayThrough is { } relay) swarm.ChooseRelay = _ => relay;
    }), dht =>
    {
        dht.KeyPair = settings.KeyPair;
        if (settings.Bootstrap.Count > 0) (dht.Bootstrap, dht.Firewalled) = ([.. settings.Bootstrap], !AreOnLoopback(settings.Bootstrap));
        if (settings.Host is null) return;
        (dht.Host, dht.Port) = (settings.Host.ToString(), 0);
    });

    /// <summary>A node of a network that exists.</summary>
    public static Layers CreateNode(NodeSettings settings, ushort port) => Create(settings.Verbose, services => services.AddDht(), dht =>
    {
        dht.Bootstrap = [.. settings.Bootstrap];
        (dht.Host, dht.Port, dht.PortCount, dht.AnyPort) = (settings.Host.ToString(), port, 1, false);
        dht.Firewalled = !AreOnLoopback(settings.Bootstrap);
        if (settings.Persistent) dht.Ephemeral = EphemeralMode.Never;
    });

    /// <summary>The first node of a network, reached by others at <paramref name="host"/>.</summary>
    public static Layers CreateBootstrapNode(IPAddress host, ushort port, bool verbose) => Create(verbose, services => services.AddDht(), dht =>
    {
        (dht.Host, dht.Port) = (host.ToString(), port == 0 ? FindPort(host) : port);
        (dht.Bootstrap, dht.IsBootstrapper) = ([], true);
    });

    /// <summary>Enters the DHT by these nodes, the public ones if none.</summary>
    /// <exception cref="TroubleException">None of them answered.</exception>
    public async Task EnterAsync(IReadOnlyList<string> bootstrap, bool tellWaiting, CancellationToken cancellation)
    {
        await Patience.WaitAsync(Dht.WhenBootstrappedAsync(cancellation), tellWaiting
            ? $"Waiting for {(bootstrap.Count == 0 ? "the public bootstrap nodes" : string.Join(", ", bootstrap))} to answer."
            : null);
        if (Dht.Statistics.Responses > 0) return;
        throw new TroubleException(
            bootstrap.Count == 0 ? "None of the public bootstrap nodes answered." : $"No bootstrap node answered ({string.Join(", ", bootstrap)}).",
            "Check the network, the addresses, and that UDP is not blocked. 'peopleswarm dht bootstrap' runs a node of your own.");
    }

    public ValueTask DisposeAsync() => _services.DisposeAsync();

    private static Layers Create(bool verbose, Action<ServiceCollection> add, Action<DhtOptions> configure)
    {
        var services = new ServiceCollection();
        services.AddLogging(logging =>
        {
            if (!verbose) return;
            logging.SetMinimumLevel(LogLevel.Debug).AddSimpleConsole(o => (o.SingleLine, o.TimestampFormat) = (true, "HH:mm:ss.fff "));
            services.Configure<ConsoleLoggerOptions>(o => o.LogToStandardErrorThreshold = LogLevel.Trace);
        });
        add(services);
        services.Configure(configure);
        services.Configure<SwarmOptions>(o => o.CloseTimeout = s_goodbye);
        services.Configure<UdxOptions>(o => o.Linger = s_goodbye);
        return new(services.BuildServiceProvider());
    }

    // Nothing on this machine stands between its programs, so no probe is needed to know it.
    private static bool AreOnLoopback(IReadOnlyList<string> bootstrap) => bootstrap.All(b => b.StartsWith("127.", StringComparison.Ordinal));

    // A bootstrap node is part of addresses that are written down, so it has to name its port before it binds.
    private static ushort FindPort(IPAddress host)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        socket.Bind(new IPEndPoint(host, 0));
        return (ushort)((IPEndPoint)socket.LocalEndPoint!).Port;
    }
}
