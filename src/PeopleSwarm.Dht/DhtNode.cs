using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using PeopleSwarm.Dht.Connect;
using PeopleSwarm.Dht.HolePunch;
using PeopleSwarm.Dht.Messages;
using PeopleSwarm.Dht.Rpc;

namespace PeopleSwarm.Dht;

/// <summary>A node of the DHT: one loop that drives the RPC machine, the peer layer and the streams.</summary>
internal sealed partial class DhtNode
{
    private readonly DhtOptions _options;
    private readonly PeerDhtOptions _peerOptions;
    private readonly DhtServices _services;
    private readonly ILogger _logger;
    private readonly IDatagramHost _host;
    private readonly IReliableTransport _transport;
    private readonly RawStreams _rawStreams;
    private readonly RpcMachine _machine;
    private readonly PeerDht _peers;
    private readonly NodeSockets _sockets;
    private readonly RelayDirectory _relays;
    private readonly RelayDialler _relayDialler;
    private readonly RelayKeeper _relayKeeper;
    private readonly LocalAddressProof? _localProof;
    private readonly SemaphoreSlim _transitions = new(1, 1);
    private readonly CancellationTokenSource _lifetime = new();
    private readonly TaskCompletionSource _bootstrapped = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Lock _gate = new();
    private RpcStatus _status;
    private SleepWatch? _sleepWatch;
    private Task? _start, _disposal;
    private UdpEndPoint _home; // the address of the default route; on the loop
    private bool _isSocketLost; // likewise

    public DhtNode(DhtOptions options, PeerDhtOptions peerOptions, DhtServices services)
    {
        (_options, _peerOptions, _services) = (options, peerOptions, services);
        _logger = (services.Loggers ?? NullLoggerFactory.Instance).CreateLogger<DhtNode>();
        KeyPair = options.KeyPair ?? CreateKeyPair(options.Seed);
        _host = services.Hosts.Create();
        _transport = services.Transports.Create(_host);
        _rawStreams = new(_transport);
        _sockets = new(_host, options);
        _machine = new(_host.Now, Settings(options), default, services.Crypto, services.Random) { StatusChanged = OnStatusChanged, ResolveName = ResolveName };
        _relays = new(this, services.Crypto, services.Random, services.Time);
        _relayDialler = new(this, services.Multiplexers, peerOptions, services.Time, _logger);
        _relayKeeper = new(_relays, _relayDialler, services.Time, () => RaiseLater(StatusChanged, nameof(StatusChanged)));
        if (peerOptions.ValidateLocalAddresses) _localProof = new(TryBind, _host.Close);
        var punching = new PunchMachine(new PunchSockets(_host, NodeSockets.LocalOf(options), services.Time, peerOptions.MaxPunchSockets),
            services.Random, peerOptions.RandomPunchInterval);
        _peers = new(new PeerContext
        {
            Engine = _machine,
            Crypto = services.Crypto,
            Handshakes = services.Handshakes,
            Random = services.Random,
            Options = peerOptions,
            CreateStream = _transport.CreateStream,
            LocalAddresses = ListLocalAddresses,
            Now = () => _host.Now,
            UnixMilliseconds = () => services.Time.GetUtcNow().ToUnixTimeMilliseconds(),
            Namespaces = new PeerNamespaces(services.Crypto),
            Punching = punching,
            Routes = peerOptions.MaxReusableSockets == 0 ? null : new ReusableRoutes(peerOptions.MaxReusableSockets, peerOptions.ReusableSocketLinger, () => _host.Now),
            Relays = peerOptions.MaxRelayPairings == 0 ? null : _relayDialler,
        });
        _machine.Handler = new OverlayCommands(_machine, _peers, options.ServePeers, [.. services.Overlays], [.. services.Plugins], _logger);
        _status = _machine.Status;
        if (_localProof is not null) _host.Attach(_localProof); // before what takes any single byte
        _host.Attach(punching);
        _host.Attach(_machine);
        _host.Attach(_peers);
        services.Metrics.Add(this);
    }

    public event EventHandler? StatusChanged;

    public event EventHandler? NetworkChanged;

    public KeyPair KeyPair { get; }

    /// <summary>Set when the node ends.</summary>
    internal CancellationToken Lifetime => _lifetime.Token;

    /// <summary>Disposed after the node: the container of a node made without a host.</summary>
    public IAsyncDisposable? Owner { get; set; }

    public DhtNodeStatus Status
    {
        get
        {
            RpcStatus status;
            lock (_gate) status = _status;
            return new()
            {
                Id = status.Id,
                LocalEndPoint = _sockets.Local,
                Socket = _sockets.Default(status.IsFirewalled),
                ObservedEndPoint = status.ObservedEndPoint is { Port: not 0 } observed ? observed : null,
                PublicEndPoint = status.PublicEndPoint,
                IsEphemeral = status.IsEphemeral,
                IsFirewalled = status.IsFirewalled,
                IsRandomized = status.ObservedEndPoint is { Port: 0 },
                IsBootstrapped = status.IsBootstrapped,
                IsOnline = status.IsOnline,
                IsDegraded = status.IsDegraded,
                IsSuspended = status.IsSuspended,
                KnownNodes = _machine.Table.Count,
                Relay = _relayKeeper.Current,
            };
        }
    }

    public DhtStatistics Statistics
    {
        get
        {
            var counters = _machine.Counters;
            return new()
            {
                Requests = counters.Requests,
                Responses = counters.Responses,
                Timeouts = counters.Timeouts,
                Retries = counters.Retries,
                Served = counters.Served,
                Dropped = _machine.Dropped,
                Queries = counters.Queries,
                ActiveQueries = _machine.ActiveQueries,
            };
        }
    }

    private KeyPair CreateKeyPair(byte[]? seed)
    {
        if (seed is not null) return _services.Crypto.CreateKeyPair(seed);
        Span<byte> random = stackalloc byte[PeopleSwarm.KeyPair.SeedSize];
        _services.Random.Fill(random);
        return _services.Crypto.CreateKeyPair(random);
    }

    private static RpcSettings Settings(DhtOptions options)
    {
        bool isBootstrapper = options.IsBootstrapper;
        var entries = new List<BootstrapEntry>();
        foreach (string text in isBootstrapper ? [] : options.Bootstrap)
        {
            if (BootstrapEntry.TryParse(text, out var entry)) entries.Add(entry!);
        }
        return new()
        {
            Bootstrap = entries,
            Nodes = [.. options.Nodes],
            Ephemeral = isBootstrapper ? EphemeralMode.Never : options.Ephemeral,
            Firewalled = !isBootstrapper && options.Firewalled,
            QuickFirewall = options.QuickFirewall,
            KnownEndPoint = isBootstrapper && DhtOptionsRules.TryParseHost(options.Host, out var host) ? host.WithPort((ushort)options.Port) : null,
            Concurrency = options.Concurrency,
            MaxWindow = options.MaxWindow,
            MaxRequests = options.MaxRequests,
            MaxQueuedDatagrams = options.MaxQueuedDatagrams,
            MaxQueryNodes = options.MaxQueryNodes,
            MaxDelayedPings = options.MaxDelayedPings,
            MaxPingDelay = options.MaxPingDelay,
            MaxNodesPerAddress = options.MaxNodesPerAddress,
            MaxNodesPerNetwork = options.MaxNodesPerNetwork,
            MaxNodesPerNetworkInRow = options.MaxNodesPerNetworkInRow,
            DisjointPaths = options.DisjointPaths,
            UnprovedBytesPerSecond = options.UnprovedBytesPerSecond,
            RequestsPerSourcePerSecond = options.RequestsPerSourcePerSecond,
            RequestsPerSecond = options.RequestsPerSecond,
            MaxTrackedAddresses = options.MaxTrackedAddresses,
            DownHintsPerTick = options.DownHintsPerTick,
            AdaptiveTimeout = options.AdaptiveTimeout,
            Filter = NodeFilter.With(options.NodeFilter),
        };
    }
}
