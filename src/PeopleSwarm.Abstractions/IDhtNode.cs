using System.Net.Sockets;

namespace PeopleSwarm;

/// <summary>
/// A node of the DHT: requests, queries, announcements, and encrypted connections to peers by their public key.
/// Members are safe on any thread; what is read is a snapshot.
/// </summary>
/// <remarks>Spec: dht-rpc, 20; spec hyperdht, 12. Every operation starts the node if nobody did.</remarks>
public interface IDhtNode : IAsyncDisposable
{
    /// <summary>The key pair used where a call names none.</summary>
    KeyPair KeyPair { get; }

    /// <summary>What the node knows of itself and its network.</summary>
    DhtNodeStatus Status { get; }

    /// <summary>Counters since the start.</summary>
    DhtStatistics Statistics { get; }

    /// <summary>The status changed: bootstrapped, persistent, ephemeral, another address or relay, online or offline. Raised on a pool thread.</summary>
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

    /// <summary>As <see cref="PingAsync"/>, but the node answers after a delay: shows how long a NAT keeps a mapping, or a node its word.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The delay is negative, or more than <c>DhtOptions.MaxPingDelay</c> of ours.</exception>
    /// <exception cref="DhtException">No answer within the delay and a second, four times; or the node was suspended or disposed.</exception>
    Task<DhtResponse> DelayedPingAsync(UdpEndPoint to, TimeSpan delay, CancellationToken cancellationToken = default);

    /// <summary>The nodes of the routing table, the one heard last first.</summary>
    /// <param name="limit">At most so many, 1 or more.</param>
    /// <param name="cancellationToken">Gives up waiting.</param>
    Task<IReadOnlyList<UdpEndPoint>> ListNodesAsync(int limit = int.MaxValue, CancellationToken cancellationToken = default);

    /// <summary>Puts a node into the routing table unasked; it gives way to any that answers.</summary>
    /// <exception cref="ArgumentException">It is not an IPv4 address with a port.</exception>
    Task AddNodeAsync(UdpEndPoint node, CancellationToken cancellationToken = default);

    /// <summary>Begins a walk to a random place, by which the routing table is filled; the node does so by itself every five minutes.</summary>
    Task RefreshAsync(CancellationToken cancellationToken = default);

    /// <summary>Walks to the nodes closest to a target.</summary>
    IDhtQuery<DhtResponse> FindNode(NodeId target, DhtQueryOptions? options = null);

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

    /// <summary>Stores a value on the nodes closest to its hash, for about two days.</summary>
    /// <param name="value">At most <see cref="ImmutableRecord.MaxValueSize"/> bytes, also none.</param>
    /// <param name="options">How the query runs; its commit is not used.</param>
    /// <param name="cancellationToken">Gives it up; nodes may have it by then.</param>
    /// <exception cref="ArgumentException">The value is too large.</exception>
    /// <exception cref="DhtException">No node took it.</exception>
    Task<ImmutablePutResult> PutImmutableAsync(ReadOnlyMemory<byte> value, DhtQueryOptions? options = null, CancellationToken cancellationToken = default);

    /// <summary>Looks for the value with this hash; null if no node has it.</summary>
    /// <exception cref="DhtException">No node answered, or the node was suspended or disposed.</exception>
    Task<ImmutableRecord?> GetImmutableAsync(NodeId target, DhtQueryOptions? options = null, CancellationToken cancellationToken = default);

    /// <summary>Stores the value of a key on the nodes closest to the key's hash, in place of one with a lower sequence number.</summary>
    /// <param name="keyPair">Whose value; it signs.</param>
    /// <param name="value">At most <see cref="MutableRecord.MaxValueSize"/> bytes, also none.</param>
    /// <param name="seq">Its sequence number, 0 to 2^53 - 1, higher than that of the value it replaces.</param>
    /// <param name="options">How the query runs; its commit is not used.</param>
    /// <param name="cancellationToken">Gives it up; nodes may have it by then.</param>
    /// <exception cref="ArgumentException">The value is too large, the sequence number out of range, or the key pair cannot sign.</exception>
    /// <exception cref="DhtException">
    /// A node has a higher sequence number (<see cref="DhtError.SeqTooLow"/>) or another value of this one
    /// (<see cref="DhtError.SeqReused"/>), and then nothing was stored; or no node took it; or the signature function failed.
    /// </exception>
    Task<MutablePutResult> PutMutableAsync(KeyPair keyPair, ReadOnlyMemory<byte> value, long seq = 0, DhtQueryOptions? options = null,
        CancellationToken cancellationToken = default);

    /// <summary>Stores a record again as its owner signed it. Anybody may, to keep it alive and to bring it to nodes with an older one.</summary>
    /// <exception cref="ArgumentException">The record is not signed by its key, or out of range.</exception>
    /// <exception cref="DhtException">As <see cref="PutMutableAsync(KeyPair, ReadOnlyMemory{byte}, long, DhtQueryOptions?, CancellationToken)"/>.</exception>
    Task<MutablePutResult> PutMutableAsync(MutableRecord record, DhtQueryOptions? options = null, CancellationToken cancellationToken = default);

    /// <summary>Looks for the value of a key; null if no node has one with the sequence number wanted.</summary>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
    /// <exception cref="DhtException">No node answered, or the node was suspended or disposed.</exception>
    Task<MutableRecord?> GetMutableAsync(PublicKey publicKey, MutableGetOptions? options = null, CancellationToken cancellationToken = default);

    /// <summary>Opens an encrypted connection to whoever listens on <paramref name="publicKey"/>.</summary>
    /// <exception cref="PeerConnectException">It failed; the exception says why and what was tried.</exception>
    Task<IPeerConnection> ConnectAsync(PublicKey publicKey, PeerConnectOptions? options = null, CancellationToken cancellationToken = default);

    /// <summary>Listens on a key pair: announced so that others find it, until the listener is disposed.</summary>
    /// <exception cref="InvalidOperationException">This node listens on that key already.</exception>
    Task<IPeerListener> ListenAsync(KeyPair? keyPair = null, PeerListenOptions? options = null, CancellationToken cancellationToken = default);

    /// <summary>
    /// Makes a raw stream: reliable, ordered and multiplexed over the node's sockets like those of connections, but neither encrypted nor authenticated.
    /// The application tells its <see cref="IReliableStream.LocalId"/> to the peer over a channel of its own, mostly a connection, and joins it to the peer's by
    /// <see cref="IPeerConnection.ConnectRawStream"/> or, without a connection, by <see cref="IReliableStream.Connect"/> from <see cref="DhtNodeStatus.Socket"/>.
    /// Two of them may relay to each other. Suspending or disposing the node ends them.
    /// </summary>
    /// <param name="options">How; null takes a random id and refuses packets before it is connected.</param>
    /// <exception cref="ArgumentException">The id asked for is in use.</exception>
    /// <exception cref="InvalidOperationException">The transport holds as many streams as its options allow.</exception>
    /// <exception cref="ObjectDisposedException">The node was disposed.</exception>
    IReliableStream CreateRawStream(ReliableStreamOptions? options = null);

    /// <summary>Relays ciphertext between peers that cannot reach each other, until the result is disposed.</summary>
    /// <exception cref="InvalidOperationException">This node listens on the key already.</exception>
    /// <exception cref="ArgumentOutOfRangeException">An option is outside its range.</exception>
    Task<IPeerRelay> RelayAsync(KeyPair? keyPair = null, RelayOptions? options = null, CancellationToken cancellationToken = default);

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

    /// <summary>The socket that requests leave through, by which a raw stream can be connected; null before start and while suspended.</summary>
    public SocketId? Socket { get; init; }

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

    /// <summary>Whether many requests were not answered lately, though some were.</summary>
    public bool IsDegraded { get; init; }

    /// <summary>Whether the node is suspended.</summary>
    public bool IsSuspended { get; init; }

    /// <summary>Nodes in the routing table.</summary>
    public int KnownNodes { get; init; }

    /// <summary>The relay we stay connected to, because our NAT gives each destination another port; null while we need or find none.</summary>
    public PublicKey? Relay { get; init; }
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
