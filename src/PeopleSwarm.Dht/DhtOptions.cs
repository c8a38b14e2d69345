using System.ComponentModel.DataAnnotations;

namespace PeopleSwarm;

/// <summary>When a node keeps out of others' tables and stores nothing for them (spec dht-rpc, 16.3).</summary>
public enum EphemeralMode
{
    /// <summary>Becomes a full member once it has been reachable on one address for 20 minutes.</summary>
    Adaptive,

    /// <summary>Never becomes one.</summary>
    Always,

    /// <summary>Becomes one as soon as it is proved reachable, and keeps trying.</summary>
    Never,
}

/// <summary>How a DHT node behaves.</summary>
public sealed class DhtOptions
{
    /// <summary>
    /// Nodes to join the network by: <c>address:port</c>, <c>name:port</c> or <c>address@name:port</c>, where the address is tried first.
    /// At most 64. Default: the public nodes of the network. Empty for the first node of a network of its own.
    /// </summary>
    public IList<string> Bootstrap { get; set; } =
    [
        "88.99.3.86@node1.hyperdht.org:49737",
        "142.93.90.113@node2.hyperdht.org:49737",
        "138.68.147.8@node3.hyperdht.org:49737",
    ];

    /// <summary>Nodes known from before, best first; they enter the routing table unasked. Default none.</summary>
    public IList<UdpEndPoint> Nodes { get; set; } = [];

    /// <summary>
    /// A file that keeps the routing table and the relays of known peers from one run to the next, so that the node finds its network although every
    /// bootstrap node is down. Written every 5 min and at the end, at most 1 MiB; a file that is damaged or of another set of bootstrap nodes
    /// is ignored. One node to a file. Null for none. Default null.
    /// </summary>
    public string? StateFile { get; set; }

    /// <summary>The IPv4 address to bind. Default <c>0.0.0.0</c>. A bootstrap node's is its public address.</summary>
    [Required]
    public string Host { get; set; } = "0.0.0.0";

    /// <summary>First port tried for the server socket; 0 for any. Default 49737.</summary>
    [Range(0, 65535)]
    public int Port { get; set; } = 49737;

    /// <summary>Ports tried, from <see cref="Port"/> on. Default 5.</summary>
    [Range(1, 1024)]
    public int PortCount { get; set; } = 5;

    /// <summary>Take any port when those are in use; otherwise the start fails. Default true.</summary>
    public bool AnyPort { get; set; } = true;

    /// <summary>When to keep out of others' tables. Default <see cref="EphemeralMode.Adaptive"/>.</summary>
    public EphemeralMode Ephemeral { get; set; } = EphemeralMode.Adaptive;

    /// <summary>Whether strangers are taken not to reach us until a probe shows otherwise. Default true.</summary>
    public bool Firewalled { get; set; } = true;

    /// <summary>Whether to ask the first node that answers to try our server socket. Default true.</summary>
    public bool QuickFirewall { get; set; } = true;

    /// <summary>
    /// A node others join the network by: persistent at once, on exactly <see cref="Host"/> and <see cref="Port"/>, which must be
    /// its public address; <see cref="Bootstrap"/> is not used. Default false.
    /// </summary>
    public bool IsBootstrapper { get; set; }

    /// <summary>
    /// Whether to serve the commands 0 to 10 of the peer DHT for others. Without, their numbers are free for overlays, and nobody finds
    /// peers through this node. Default true.
    /// </summary>
    public bool ServePeers { get; set; } = true;

    /// <summary>The key pair used where a call names none; null makes one of <see cref="Seed"/>. Not disposed by the node.</summary>
    public KeyPair? KeyPair { get; set; }

    /// <summary>32 bytes the node's key pair is made of; null for random ones. Default null.</summary>
    public byte[]? Seed { get; set; }

    /// <summary>Requests a query has in flight. Default 10.</summary>
    [Range(1, 64)]
    public int Concurrency { get; set; } = 10;

    /// <summary>Requests sent within 750 ms before more have to wait. Default 80.</summary>
    [Range(1, 65536)]
    public int MaxWindow { get; set; } = 80;

    /// <summary>Requests under way or waiting; more fail at once. Default 4,096.</summary>
    [Range(16, 16384)]
    public int MaxRequests { get; set; } = 4096;

    /// <summary>Datagrams made and not yet handed to a socket; more are lost. Default 4,096.</summary>
    [Range(16, 1_048_576)]
    public int MaxQueuedDatagrams { get; set; } = 4096;

    /// <summary>Nodes a query remembers; more are passed over. Default 4,096.</summary>
    [Range(64, 1_048_576)]
    public int MaxQueryNodes { get; set; } = 4096;

    /// <summary>Answers of a query kept for its reader before it pauses. Default 32.</summary>
    [Range(1, 65536)]
    public int QueryBuffer { get; set; } = 32;

    /// <summary>Delayed pings we wait to answer; more are ignored. Default 256.</summary>
    [Range(0, 65536)]
    public int MaxDelayedPings { get; set; } = 256;

    /// <summary>Longest delay others may ask for, 0 to 1 min. Default 10 s.</summary>
    public TimeSpan MaxPingDelay { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>Nodes of one public address in the routing table. Default 8.</summary>
    [Range(1, 65535)]
    public int MaxNodesPerAddress { get; set; } = 8;

    /// <summary>Nodes of one public /24 network in the routing table, so that whoever has many addresses cannot fill it. Default 10.</summary>
    [Range(1, 65535)]
    public int MaxNodesPerNetwork { get; set; } = 10;

    /// <summary>
    /// Nodes of one public /24 network in a row of the routing table, which holds 20, and among the 20 answers of a query, where more only fill
    /// empty places: so nobody takes a key over with one block of addresses. Default 2.
    /// </summary>
    [Range(1, 20)]
    public int MaxNodesPerNetworkInRow { get; set; } = 2;

    /// <summary>
    /// Disjoint paths of a look-up (S/Kademlia): all nodes of a public /16 are on one, and half of the 20 closest are dealt evenly to the paths. Who owns
    /// such a block, and so any number of nodes close to a key, takes at most the places that distance gives and those of one path. 1 for none; private
    /// ranges are free. Default 4.
    /// </summary>
    [Range(1, 10)]
    public int DisjointPaths { get; set; } = 4;

    /// <summary>
    /// Bytes a second that answers may take to an address that never proved itself, beyond three times what it sent; 0 for no limit.
    /// Keeps others from flooding a victim through us. Default 65,536.
    /// </summary>
    [Range(0, 1_073_741_824)]
    public int UnprovedBytesPerSecond { get; set; } = 64 * 1024;

    /// <summary>Requests of one public address looked at a second, twice as many at once; 0 for no limit. Default 1,000.</summary>
    [Range(0, 10_000_000)]
    public int RequestsPerSourcePerSecond { get; set; } = 1000;

    /// <summary>
    /// Requests of all public addresses looked at a second, twice as many at once; addresses that ask most wait first. 0 for no limit.
    /// Default 20,000, a fifth of what one core answers.
    /// </summary>
    [Range(0, 10_000_000)]
    public int RequestsPerSecond { get; set; } = 20_000;

    /// <summary>Addresses whose share of these is counted one by one. Default 4,096.</summary>
    [Range(16, 1_048_576)]
    public int MaxTrackedAddresses { get; set; } = 4096;

    /// <summary>Hints on dead nodes sent in 5 s; 0 for none. Default 50.</summary>
    [Range(0, 65536)]
    public int DownHintsPerTick { get; set; } = 50;

    /// <summary>Learn how long to wait for each node's answer instead of 1 s for all. Default false, as on the network.</summary>
    public bool AdaptiveTimeout { get; set; }

    /// <summary>Keeps nodes out of the table and of queries by returning false; null lets all in. Called on the node's loop.</summary>
    public Func<UdpEndPoint, bool>? NodeFilter { get; set; }
}
