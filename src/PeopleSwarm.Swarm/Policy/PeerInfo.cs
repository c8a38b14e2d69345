namespace PeopleSwarm.Swarm.Policy;

/// <summary>What is known of a peer. Written under the swarm's gate; the public members may be read on any thread.</summary>
/// <remarks>Spec: hyperswarm, 7.</remarks>
internal sealed class PeerInfo(PublicKey publicKey, Action<PeerInfo>? banChanged = null) : IPeerInfo
{
    private const int LastAttempt = 3; // the ladder's end: peers beyond it are not dialled unless explicit
    private static readonly TimeSpan s_lastingConnection = TimeSpan.FromSeconds(15);

    private volatile Topic[] _topics = [];
    private volatile IReadOnlyList<UdpEndPoint> _relayAddresses = [];
    private volatile PeerPriority _priority = PeerPriority.Normal;
    private volatile bool _client, _proven, _explicit, _banned, _reconnects = true;
    private volatile int _attempts;
    private Timestamp? _connectedAt;

    public event EventHandler<Topic>? TopicFound;

    public PublicKey PublicKey { get; } = publicKey;

    public IReadOnlyCollection<Topic> Topics => _topics;

    public IReadOnlyList<UdpEndPoint> RelayAddresses
    {
        get => _relayAddresses;
        set => _relayAddresses = value;
    }

    public PeerPriority Priority => _priority;

    public bool IsPrioritized => _priority >= PeerPriority.Normal;

    public bool IsClient
    {
        get => _client;
        set => _client = value;
    }

    public bool IsProven => _proven;

    public bool IsExplicit
    {
        get => _explicit;
        set => _explicit = value;
    }

    public bool IsBanned => _banned;

    public int Attempts
    {
        get => _attempts;
        set => _attempts = value;
    }

    /// <summary>Whether a lost connection is dialled again.</summary>
    public bool Reconnects => _reconnects;

    /// <summary>Whether it stands in the queue.</summary>
    public bool IsQueued { get; set; }

    /// <summary>Whether the retry schedule holds it.</summary>
    public bool IsWaiting { get; set; }

    /// <summary>Whether an explicit peer is to be dialled as soon as a place is free.</summary>
    public bool IsDue { get; set; }

    /// <summary>Whether its next dial goes through a relay at once.</summary>
    public bool ForcesRelay { get; set; }

    /// <summary>When its last dialled connection, or dial, ended.</summary>
    public Timestamp? DisconnectedAt { get; private set; }

    /// <summary>Whether nothing but a connection keeps it known.</summary>
    public bool IsForgettable => !(_banned || _explicit || IsQueued || IsWaiting || IsDue);

    public void Ban(bool banned = true)
    {
        SetBanned(banned);
        banChanged?.Invoke(this);
    }

    public void Reconnect(bool enabled) => _reconnects = enabled;

    public void SetBanned(bool banned) => _banned = banned;

    /// <summary>Remembers a topic it was found on, at the cost of the oldest; false if it was known.</summary>
    public bool TryAddTopic(Topic topic, int maxTopics)
    {
        var topics = _topics;
        if (Array.IndexOf(topics, topic) >= 0) return false;
        _topics = topics.Length < maxTopics ? [.. topics, topic] : [.. topics[1..], topic];
        return true;
    }

    public void RaiseTopicFound(Topic topic) => TopicFound?.Invoke(this, topic);

    /// <summary>A dial opened.</summary>
    public void Connected(Timestamp now)
    {
        _proven = _client = true;
        _connectedAt = now;
    }

    /// <summary>A dialled connection closed, or a dial failed.</summary>
    public void Disconnected(Timestamp now)
    {
        if (_connectedAt is { } connectedAt && now - connectedAt >= s_lastingConnection) _attempts = 0;
        _connectedAt = null;
        DisconnectedAt = now;
        _attempts++;
    }

    /// <summary>Found again: begins the ladder anew.</summary>
    public void Reset()
    {
        _client = _proven = false;
        _attempts = 0;
    }

    /// <summary>Works out the priority; false if the peer must not be dialled now.</summary>
    public bool TryUpdatePriority()
    {
        if (_explicit && _attempts > LastAttempt) _attempts = LastAttempt;
        if (_banned || IsQueued || _attempts > LastAttempt) return false;
        _priority = _attempts switch
        {
            0 => PeerPriority.Normal,
            1 => PeerPriority.VeryHigh,
            2 => PeerPriority.High,
            _ => PeerPriority.Low,
        };
        return true;
    }

    public override string ToString() => PublicKey.ToString();
}
