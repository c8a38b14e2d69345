using System.Net.Sockets;

namespace PeopleSwarm;

/// <summary>
/// A node of the DHT: requests, queries, announcements, and encrypted connections to peers by their public key.
/// Members are safe on any thread; what is read is a snapshot.
/// </summary>
/// <remarks>Spec: dht-rpc and hyperdht. Every operation starts the node if nobody did.</remarks>
public interface IDhtNode : IAsyncDisposable
{
    /// <summary>The key pair used where a call names none.</summary>
    KeyPair KeyPair { get; }

    /// <summary>What the node knows of itself and its network.</summary>
    DhtNodeStatus Status { get; }

    /// <summary>Counters since the start.</summary>
    DhtStatistics Statistics { get; }

    /// <summary>The status changed: bootstrapped, persistent, ephemeral, another address, online or offline. Raised on a pool thread.</summary>
    event EventHandler? StatusChanged;

    /// <summary>The machine's interfaces changed, or the network came back. Raised on a pool thread.</summary>
    event EventHandler? NetworkChanged;

    /// <summary>Binds the sockets and begins to bootstrap. Later calls return the same task.</summary>
    /// <exception cref="SocketException">No port could be bound.</exception>
    Task StartAsync(CancellationToken cancellationToken = default);

    /// <summary>Completes when bootstrapping has ended, with or without a node found: see <see cref="Status"/>.</summary>
    Task WhenBootstrappedAsync(CancellationToken cancellationToken = default);

    /// <summary>Sends one request and waits for its answer; an answer with an error code is a result.</summary>
    /// <exception cref="DhtException">No answer in time, or the node was suspended or disposed.</exception>
    Task<DhtResponse> RequestAsync(DhtRequest request, UdpEndPoint to, DhtRequestOptions? options = null, CancellationToken cancellationToken = default);

    /// <summary>Asks whether a node is there; returns its answer with the round trip.</summary>
    /// <exception cref="DhtException">No answer in time, or the node was suspended or disposed.</exception>
    Task<DhtResponse> PingAsync(UdpEndPoint to, CancellationToken cancellationToken = default);

    /// <summary>Walks to the nodes closest to a target with any command. Enumerate the answers, or just finish it.</summary>
    IDhtQuery<DhtResponse> Query(DhtRequest request, DhtQueryOptions? options = null);

    /// <summary>Looks for the record of a peer that listens on <paramref name="publicKey"/>.</summary>
    IDhtQuery<FindPeerReply> FindPeer(PublicKey publicKey, DhtQueryOptions? options = null);

    /// <summary>Looks for the peers announced on <paramref name="topic"/>.</summary>
    IDhtQuery<LookupReply> Lookup(Topic topic, DhtQueryOptions? options = null);

    /// <summary>Looks the topic up and announces <paramref name="keyPair"/> on the closest nodes.</summary>
    /// <exception cref="DhtException">From the query's end: no node took the announcement.</exception>
    IDhtQuery<LookupReply> Announce(Topic topic, KeyPair keyPair, AnnounceOptions? options = null);

    /// <summary>Looks the topic up and withdraws <paramref name="keyPair"/> wherever it is listed.</summary>
    IDhtQuery<LookupReply> LookupAndUnannounce(Topic topic, KeyPair keyPair, DhtQueryOptions? options = null);

    /// <summary>Opens an encrypted connection to whoever listens on <paramref name="publicKey"/>.</summary>
    /// <exception cref="PeerConnectException">It failed; the exception says why and what was tried.</exception>
    Task<IPeerConnection> ConnectAsync(PublicKey publicKey, PeerConnectOptions? options = null, CancellationToken cancellationToken = default);

    /// <summary>Listens on a key pair: announced so that others find it, until the listener is disposed.</summary>
    /// <exception cref="InvalidOperationException">This node listens on that key already.</exception>
    Task<IPeerListener> ListenAsync(KeyPair? keyPair = null, PeerListenOptions? options = null, CancellationToken cancellationToken = default);

    /// <summary>Withdraws announcements, ends raw streams, fails requests under way and closes the sockets.</summary>
    Task SuspendAsync(CancellationToken cancellationToken = default);

    /// <summary>Binds again, on the same ports if possible, and picks everything up where it was.</summary>
    Task ResumeAsync(CancellationToken cancellationToken = default);
}

/// <summary>What a node knows of itself.</summary>
public sealed record DhtNodeStatus
{
    /// <summary>The id others know us by; null while ephemeral.</summary>
    public NodeId? Id { get; init; }

    /// <summary>The server socket's address; default before start and while suspended.</summary>
    public UdpEndPoint LocalEndPoint { get; init; }

    /// <summary>Our address as others see it; null while they disagree.</summary>
    public UdpEndPoint? ObservedEndPoint { get; init; }

    /// <summary>The address strangers can reach without hole punching; null unless proved.</summary>
    public UdpEndPoint? PublicEndPoint { get; init; }

    /// <summary>Whether we keep out of others' tables and store nothing.</summary>
    public bool IsEphemeral { get; init; } = true;

    /// <summary>Whether strangers' datagrams do not reach us, as far as known.</summary>
    public bool IsFirewalled { get; init; } = true;

    /// <summary>Whether our NAT gives each destination another port, as far as known.</summary>
    public bool IsRandomized { get; init; }

    /// <summary>Whether bootstrapping has ended.</summary>
    public bool IsBootstrapped { get; init; }

    /// <summary>Whether anybody answered lately.</summary>
    public bool IsOnline { get; init; } = true;

    /// <summary>Whether the node is suspended.</summary>
    public bool IsSuspended { get; init; }

    /// <summary>Nodes in the routing table.</summary>
    public int KnownNodes { get; init; }
}

/// <summary>Counters of a node since its start.</summary>
public sealed record DhtStatistics
{
    /// <summary>Requests sent, retries not counted.</summary>
    public long Requests { get; init; }

    /// <summary>Answers matched to a request.</summary>
    public long Responses { get; init; }

    /// <summary>Requests given up.</summary>
    public long Timeouts { get; init; }

    /// <summary>Requests sent again.</summary>
    public long Retries { get; init; }

    /// <summary>Requests of others served.</summary>
    public long Served { get; init; }

    /// <summary>Datagrams dropped because they were not understood, not asked for or over a limit.</summary>
    public long Dropped { get; init; }

    /// <summary>Queries begun.</summary>
    public long Queries { get; init; }

    /// <summary>Queries running.</summary>
    public int ActiveQueries { get; init; }
}
