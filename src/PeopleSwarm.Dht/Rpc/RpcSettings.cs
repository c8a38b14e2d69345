namespace PeopleSwarm.Dht.Rpc;

/// <summary>What an RPC machine runs with; checked beforehand.</summary>
internal sealed record RpcSettings
{
    public IReadOnlyList<BootstrapEntry> Bootstrap { get; init; } = [];

    /// <summary>Nodes put in the table at start, best first.</summary>
    public IReadOnlyList<UdpEndPoint> Nodes { get; init; } = [];

    public EphemeralMode Ephemeral { get; init; } = EphemeralMode.Adaptive;

    /// <summary>Whether strangers' datagrams are assumed not to reach us until a probe shows otherwise.</summary>
    public bool Firewalled { get; init; } = true;

    /// <summary>Whether the first node that answers is asked at once to try our server socket.</summary>
    public bool QuickFirewall { get; init; } = true;

    /// <summary>Our public address where it is known beforehand: of a bootstrap node.</summary>
    public UdpEndPoint? KnownEndPoint { get; init; }

    public int Concurrency { get; init; } = 10;

    public int MaxWindow { get; init; } = 80;

    public int MaxRequests { get; init; } = 4096;

    public int MaxQueuedDatagrams { get; init; } = 4096;

    public int MaxQueryNodes { get; init; } = 4096;

    public int MaxDelayedPings { get; init; } = 256;

    public TimeSpan MaxPingDelay { get; init; } = TimeSpan.FromSeconds(10);

    public int MaxNodesPerAddress { get; init; } = 8;

    public int MaxNodesPerNetwork { get; init; } = 10;

    public int MaxNodesPerNetworkInRow { get; init; } = 2;

    public int DisjointPaths { get; init; } = 4;

    /// <summary>Bytes a second that replies to an unproved address may take beyond three times its requests; 0 for no limit.</summary>
    public int UnprovedBytesPerSecond { get; init; } = 64 * 1024;

    public int RequestsPerSourcePerSecond { get; init; } = 1000;

    public int RequestsPerSecond { get; init; } = 20_000;

    public int MaxTrackedAddresses { get; init; } = 4096;

    /// <summary>Down hints sent in a tick; 0 for none.</summary>
    public int DownHintsPerTick { get; init; } = 50;

    public bool AdaptiveTimeout { get; init; }

    /// <summary>False keeps a node out of the table and of queries.</summary>
    public Func<UdpEndPoint, bool>? Filter { get; init; }

    public bool Allows(in UdpEndPoint node) => node.IsIPv4 && node.Port != 0 && (Filter is null || Filter(node));
}

/// <summary>The two sockets of a node (spec dht-rpc, 8).</summary>
internal readonly record struct RpcSockets(SocketId Server, ushort ServerPort, SocketId Client);
