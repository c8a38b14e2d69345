using System.Diagnostics.CodeAnalysis;

namespace PeopleSwarm.Swarm.Policy;

/// <summary>Whom to dial and when, which connections to keep, and what to remember. One caller at a time.</summary>
/// <remarks>Spec: hyperswarm, 6 to 11. Commands change the state at once and leave their consequences to <see cref="TryTake"/>.</remarks>
internal sealed partial class SwarmMachine
{
    private readonly PublicKey _self;
    private readonly SwarmOptions _options;
    private readonly IRandomSource _random;
    private readonly PeerTable _peers;
    private readonly PeerQueue _queue;
    private readonly RetrySchedule _retries;
    private readonly ConnectionSet _connections;
    private readonly FlushSet _flushes = new();
    private readonly List<PeerInfo> _explicitPeers = [];
    private readonly Dictionary<Topic, TopicMachine> _topics = [];
    private readonly Queue<SwarmAction> _actions = [];
    private long _updates, _clientAttempted, _clientOpened, _clientClosed, _serverOpened, _serverClosed;

    /// <param name="self">Our key.</param>
    /// <param name="options">Valid options.</param>
    /// <param name="random">The order of dials and the spread of timers.</param>
    /// <param name="banChanged">Called by <see cref="IPeerInfo.Ban"/>, outside the gate.</param>
    public SwarmMachine(PublicKey self, SwarmOptions options, IRandomSource random, Action<PeerInfo>? banChanged = null)
    {
        (_self, _options, _random) = (self, options, random);
        _peers = new(options.MaxKnownPeers, options.MaxBannedPeers, banChanged);
        _queue = new(random, options.MaxQueuedPeers);
        _retries = new(new(options.ShortBackoff, options.MediumBackoff, options.LongBackoff, options.ExplicitBackoff, options.Jitter), random);
        _connections = new(options.MaxPeers, options.MaxClientConnections, options.MaxServerConnections, options.MaxParallel);
    }

    /// <summary>Whether the swarm was disposed.</summary>
    public bool IsDestroyed { get; private set; }

    /// <summary>Whether the swarm is suspended.</summary>
    public bool IsSuspended { get; private set; }

    public int Connecting => _connections.Connecting;

    public int QueuedPeers => _queue.Count;

    public int KnownPeers => _peers.Count;

    public SwarmConnection[] OpenConnections => _connections.Open();

    public PeerInfo[] Peers => [.. _peers.Peers];

    public SwarmStatistics Statistics => new(_updates, _clientAttempted, _clientOpened, _clientClosed, _serverOpened, _serverClosed, _peers.BannedCount);

    /// <summary>Found peers that were dropped because a table was full.</summary>
    public long DroppedPeers { get; private set; }

    /// <summary>Incoming connections refused because there were too many.</summary>
    public long RefusedConnections { get; private set; }

    /// <summary>When <see cref="HandleTimeout"/> has work.</summary>
    public Timestamp? NextTimeout
    {
        get
        {
            var next = IsSuspended || IsDestroyed ? null : _retries.NextTimeout;
            foreach (var topic in _topics.Values) next = Timestamp.Earliest(next, topic.NextTimeout);
            return next;
        }
    }

    /// <summary>The next thing to do, or false.</summary>
    public bool TryTake([NotNullWhen(true)] out SwarmAction? action) => _actions.TryDequeue(out action);

    /// <summary>Retries peers and refreshes topics whose time has come.</summary>
    public void HandleTimeout(Timestamp now)
    {
        if (IsSuspended || IsDestroyed) return;
        while (_retries.TakeDue(now) is { } peer) Retry(peer);
        foreach (var topic in _topics.Values)
            if (topic.HandleTimeout(now)) _actions.Enqueue(new SwarmAction.Refresh(topic));
        DialNext(now);
    }

    /// <summary>Adds a topic that is not joined.</summary>
    public TopicMachine AddTopic(Topic topic)
    {
        var machine = new TopicMachine(topic, _random);
        if (IsSuspended) machine.Suspend();
        _topics.Add(topic, machine);
        return machine;
    }

    /// <summary>Leaves a topic: no further dials for it; connections stay.</summary>
    public void RemoveTopic(Timestamp now, TopicMachine topic)
    {
        if (topic.IsDestroyed) return;
        topic.Destroy();
        _topics.Remove(topic.Topic);
        DropUnwanted(now);
    }

    /// <summary>The sessions of a topic changed what they want.</summary>
    public void TopicChanged(Timestamp now) => DropUnwanted(now);

    /// <summary>Asks every peer for a sign of life and refreshes every topic; who gives none is dialled again at once.</summary>
    /// <remarks>Spec: hyperswarm, 8.2.</remarks>
    public void NetworkChanged()
    {
        if (IsSuspended || IsDestroyed) return;
        foreach (var link in _connections.Links)
            if (link is { Connection: not null, IsBroken: false }) _actions.Enqueue(new SwarmAction.Probe(link));
        foreach (var topic in _topics.Values) _actions.Enqueue(new SwarmAction.Refresh(topic));
    }

    /// <summary>A peer gave no sign of life when asked for one: its connection is broken, and dialled anew as soon as it has closed.</summary>
    public void Unreachable(Link link)
    {
        if (IsSuspended || IsDestroyed || link.IsBroken || _connections.Find(link.Peer.PublicKey) != link) return;
        link.RedialsAtOnce = true;
        Break(link, "The peer does not answer any more.");
    }

    /// <summary>Drops what is planned and breaks what is open.</summary>
    /// <remarks>Spec: hyperswarm, 10, with every mark of the dropped peers cleared.</remarks>
    public void Suspend()
    {
        if (IsSuspended || IsDestroyed) return;
        IsSuspended = true;
        foreach (var topic in _topics.Values) topic.Suspend();
        DropPlans();
        foreach (var link in _connections.Links.ToArray()) Break(link, "The swarm was suspended.");
        _flushes.CompleteAll(true);
    }

    /// <summary>Takes everything up again.</summary>
    public void Resume(Timestamp now)
    {
        if (!IsSuspended || IsDestroyed) return;
        IsSuspended = false;
        foreach (var topic in _topics.Values)
        {
            topic.Resume();
            _actions.Enqueue(new SwarmAction.Refresh(topic));
        }
        foreach (var peer in _explicitPeers)
        {
            peer.Attempts = 0;
            peer.IsDue = !peer.IsBanned && !_connections.Contains(peer.PublicKey);
        }
        DialNext(now);
    }

    /// <summary>Ends everything planned; connections are left to the shell.</summary>
    public void Destroy()
    {
        if (IsDestroyed) return;
        IsDestroyed = true;
        DropPlans();
        foreach (var link in _connections.Links.ToArray())
            if (link.Connection is null) Break(link, "The swarm was disposed.");
        _flushes.CompleteAll(false);
    }

    /// <summary>Waits until every peer found so far is connected or has failed; null if that is so already.</summary>
    public FlushSet.Flush? BeginFlush(Action<bool> completed)
    {
        if (IsDestroyed || IsSuspended)
        {
            completed(!IsDestroyed);
            return null;
        }
        HashSet<PublicKey> pending = [];
        foreach (var link in _connections.Links)
            if (link.Connection is null) pending.Add(link.Peer.PublicKey);
        foreach (var peer in _explicitPeers)
            if (peer.IsDue) pending.Add(peer.PublicKey);
        if (pending.Count > 0) pending.UnionWith(_queue.Keys); // without a dial in progress, what is queued waits for room
        return _flushes.Add(pending, completed);
    }

    /// <summary>Nobody waits for a flush any more.</summary>
    public void CancelFlush(FlushSet.Flush flush) => _flushes.Remove(flush);

    /// <summary>The application banned a peer or lifted its ban.</summary>
    public void BanChanged(Timestamp now, PeerInfo peer)
    {
        if (peer.IsBanned)
        {
            Ban(peer);
            return;
        }
        if (_peers.Unban(peer) is not { } known) return;
        known.IsDue = known.IsExplicit && !_connections.Contains(known.PublicKey) && !IsSuspended;
        Forget(known);
        DialNext(now);
    }

    private void Ban(PeerInfo peer)
    {
        var known = _peers.Ban(peer, out var lifted);
        if (lifted is not null) Forget(lifted);
        known.IsDue = false;
        if (_queue.Remove(known) || known.IsExplicit) _flushes.Settle(known.PublicKey);
    }

    private void DropPlans()
    {
        foreach (var peer in _queue.RemoveAll(_ => true)) Forget(peer);
        foreach (var peer in _retries.TakeAll()) Forget(peer);
        foreach (var peer in _explicitPeers) peer.IsDue = false;
    }

    private void DropUnwanted(Timestamp now)
    {
        foreach (var peer in _queue.RemoveAll(peer => !IsWanted(peer)))
        {
            _flushes.Settle(peer.PublicKey);
            Forget(peer);
        }
        DialNext(now);
    }

    /// <summary>Whether we want a connection to a peer at all.</summary>
    private bool IsWanted(PeerInfo peer)
    {
        if (IsSuspended || IsDestroyed) return false;
        if (peer.IsExplicit) return true;
        foreach (var topic in peer.Topics)
            if (_topics.TryGetValue(topic, out var machine) && machine.IsClient) return true;
        return false;
    }

    private void Forget(PeerInfo peer)
    {
        if (peer.IsForgettable && !_connections.Contains(peer.PublicKey)) _peers.Remove(peer);
    }

    private void Update()
    {
        _updates++;
        _actions.Enqueue(SwarmAction.Updated.Instance);
    }
}
