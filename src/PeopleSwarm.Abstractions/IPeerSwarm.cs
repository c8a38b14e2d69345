namespace PeopleSwarm;

/// <summary>Topics in, encrypted connections out. Members are safe on any thread; what is read is a snapshot.</summary>
/// <remarks>Spec: hyperswarm. At most one connection per remote key; several topics share it.</remarks>
public interface IPeerSwarm : IAsyncDisposable
{
    /// <summary>Who we are.</summary>
    KeyPair KeyPair { get; }

    /// <summary>The node below.</summary>
    IDhtNode Dht { get; }

    /// <summary>Open connections.</summary>
    IReadOnlyCollection<ISwarmConnection> Connections { get; }

    /// <summary>Dials in progress.</summary>
    int Connecting { get; }

    /// <summary>Known peers.</summary>
    IReadOnlyCollection<IPeerInfo> Peers { get; }

    /// <summary>Counters since the start.</summary>
    SwarmStatistics Statistics { get; }

    /// <summary>Topics joined.</summary>
    IReadOnlyCollection<ITopicDiscovery> Topics { get; }

    /// <summary>Whether the swarm is suspended.</summary>
    bool IsSuspended { get; }

    /// <summary>A connection opened, in either direction. Raised on a pool thread, in order.</summary>
    event EventHandler<SwarmConnectionEventArgs>? Connected;

    /// <summary>A dial began, or a connection opened or closed. Raised on a pool thread.</summary>
    event EventHandler? Updated;

    /// <summary>The swarm banned a peer. Raised on a pool thread.</summary>
    event EventHandler<PeerBannedEventArgs>? PeerBanned;

    /// <summary>Connections as they open, beginning with those open and not yet handed to an enumeration. None is lost.</summary>
    IAsyncEnumerable<ISwarmConnection> AcceptAllAsync(CancellationToken cancellationToken = default);

    /// <summary>Joins a topic. Several sessions of a topic add up; disposing the last one leaves it.</summary>
    /// <exception cref="ObjectDisposedException">The swarm was disposed.</exception>
    /// <exception cref="ArgumentException">Neither server nor client mode is asked for, or the limit is below 1.</exception>
    ITopicSession Join(Topic topic, JoinOptions? options = null);

    /// <summary>Leaves a topic with all its sessions: withdraws the announcement, closes no connection.</summary>
    Task LeaveAsync(Topic topic, CancellationToken cancellationToken = default);

    /// <summary>The discovery of a joined topic, or null.</summary>
    ITopicDiscovery? GetTopic(Topic topic);

    /// <summary>Keeps a connection to one peer, whatever the topics. Our own key is ignored.</summary>
    /// <exception cref="ObjectDisposedException">The swarm was disposed.</exception>
    void JoinPeer(PublicKey publicKey);

    /// <summary>Ends <see cref="JoinPeer"/>; closes nothing.</summary>
    void LeavePeer(PublicKey publicKey);

    /// <summary>Listens without a topic, so that others can dial our key.</summary>
    /// <exception cref="InvalidOperationException">The swarm is suspended.</exception>
    /// <exception cref="ObjectDisposedException">The swarm was disposed.</exception>
    Task ListenAsync(CancellationToken cancellationToken = default);

    /// <summary>Completes when every peer found so far is connected or has failed. False if the swarm was disposed first.</summary>
    Task<bool> FlushAsync(CancellationToken cancellationToken = default);

    /// <summary>Leaves all topics.</summary>
    Task ClearAsync(CancellationToken cancellationToken = default);

    /// <summary>Withdraws everything and closes all connections, until <see cref="ResumeAsync"/>.</summary>
    Task SuspendAsync(CancellationToken cancellationToken = default);

    /// <summary>Takes everything up again.</summary>
    Task ResumeAsync(CancellationToken cancellationToken = default);
}

/// <summary>A connection of the swarm.</summary>
public interface ISwarmConnection : IPeerConnection
{
    /// <summary>The peer at the other end.</summary>
    IPeerInfo Peer { get; }
}

/// <summary>How a topic is joined.</summary>
public sealed record JoinOptions
{
    /// <summary>Announce us on the topic. Default true.</summary>
    public bool Server { get; init; } = true;

    /// <summary>Connect to the peers found on it. Default true.</summary>
    public bool Client { get; init; } = true;

    /// <summary>Most connections of this topic that we dial; null for no limit of its own.</summary>
    public int? Limit { get; init; }
}

/// <summary>One call of <see cref="IPeerSwarm.Join"/>. Disposing it leaves.</summary>
public interface ITopicSession : IAsyncDisposable
{
    /// <summary>The topic.</summary>
    Topic Topic { get; }

    /// <summary>Whether this session announces.</summary>
    bool IsServer { get; }

    /// <summary>Whether this session connects.</summary>
    bool IsClient { get; }

    /// <summary>What all sessions of the topic share.</summary>
    ITopicDiscovery Discovery { get; }

    /// <summary>
    /// Completes when we listen, if asked to, and the current announcement or look-up is done; false if nobody answered or the session ended.
    /// </summary>
    Task<bool> FlushedAsync(CancellationToken cancellationToken = default);

    /// <summary>Announces or looks up again now, in other modes if <paramref name="options"/> says so.</summary>
    /// <exception cref="ArgumentException">Neither mode is asked for.</exception>
    Task RefreshAsync(JoinOptions? options = null, CancellationToken cancellationToken = default);
}

/// <summary>A joined topic.</summary>
public interface ITopicDiscovery
{
    /// <summary>The topic.</summary>
    Topic Topic { get; }

    /// <summary>Whether any session announces.</summary>
    bool IsServer { get; }

    /// <summary>Whether any session connects.</summary>
    bool IsClient { get; }

    /// <summary>Sessions open.</summary>
    int SessionCount { get; }

    /// <summary>Whether the topic was left.</summary>
    bool IsDestroyed { get; }
}

/// <summary>What the swarm knows of a peer. Members are safe on any thread.</summary>
public interface IPeerInfo
{
    /// <summary>Who it is.</summary>
    PublicKey PublicKey { get; }

    /// <summary>Topics it was found on by our look-ups; empty for peers that dialled us.</summary>
    IReadOnlyCollection<Topic> Topics { get; }

    /// <summary>Nodes that forward to it.</summary>
    IReadOnlyList<UdpEndPoint> RelayAddresses { get; }

    /// <summary>Where it stands in the queue.</summary>
    PeerPriority Priority { get; }

    /// <summary>Whether its priority is at least normal.</summary>
    bool IsPrioritized { get; }

    /// <summary>Whether we dial it.</summary>
    bool IsClient { get; }

    /// <summary>Whether a connection to it ever opened.</summary>
    bool IsProven { get; }

    /// <summary>Whether <see cref="IPeerSwarm.JoinPeer"/> holds it.</summary>
    bool IsExplicit { get; }

    /// <summary>Whether it is banned.</summary>
    bool IsBanned { get; }

    /// <summary>Dials since the last connection that lasted.</summary>
    int Attempts { get; }

    /// <summary>A further topic was found for it. Raised on a pool thread.</summary>
    event EventHandler<Topic>? TopicFound;

    /// <summary>Prevents connections in either direction; closes none.</summary>
    void Ban(bool banned = true);

    /// <summary>Whether a lost connection is dialled again. True at first.</summary>
    void Reconnect(bool enabled);
}

/// <summary>Who is dialled first.</summary>
public enum PeerPriority
{
    /// <summary>Hardly ever worked.</summary>
    VeryLow,

    /// <summary>Failed lately.</summary>
    Low,

    /// <summary>New.</summary>
    Normal,

    /// <summary>Was lost twice.</summary>
    High,

    /// <summary>Was lost just now.</summary>
    VeryHigh,
}

/// <summary>A connection opened.</summary>
public sealed class SwarmConnectionEventArgs(ISwarmConnection connection) : EventArgs
{
    /// <summary>The connection.</summary>
    public ISwarmConnection Connection { get; } = connection;
}

/// <summary>A peer was banned by the swarm.</summary>
public sealed class PeerBannedEventArgs(IPeerInfo peer, string reason) : EventArgs
{
    /// <summary>The peer.</summary>
    public IPeerInfo Peer { get; } = peer;

    /// <summary>Why.</summary>
    public string Reason { get; } = reason;
}

/// <summary>Counters of a swarm.</summary>
/// <param name="Updates">Times <see cref="IPeerSwarm.Updated"/> was raised.</param>
/// <param name="ClientAttempted">Dials begun.</param>
/// <param name="ClientOpened">Dials that opened.</param>
/// <param name="ClientClosed">Dialled connections closed.</param>
/// <param name="ServerOpened">Incoming connections.</param>
/// <param name="ServerClosed">Incoming connections closed.</param>
/// <param name="BannedPeers">Peers banned now.</param>
public sealed record SwarmStatistics(long Updates, long ClientAttempted, long ClientOpened, long ClientClosed,
    long ServerOpened, long ServerClosed, int BannedPeers);
