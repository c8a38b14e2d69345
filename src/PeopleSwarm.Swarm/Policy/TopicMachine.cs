namespace PeopleSwarm.Swarm.Policy;

/// <summary>What one session of a topic asks for.</summary>
internal sealed class SessionModes(JoinOptions options)
{
    public JoinOptions Options { get; set; } = options;

    public bool IsEnded { get; set; }
}

/// <summary>How a topic is refreshed.</summary>
internal enum RefreshKind
{
    /// <summary>Look for peers.</summary>
    Lookup,

    /// <summary>Look for peers and list us.</summary>
    Announce,

    /// <summary>Look for peers and withdraw us.</summary>
    LookupAndUnannounce,
}

/// <summary>A refresh to run.</summary>
/// <param name="Clock">Counts the refreshes of a topic: an older one that still runs yields to a newer.</param>
/// <param name="Kind">What to do.</param>
/// <param name="Clear">Withdraw older entries of ours first.</param>
/// <param name="Nodes">Where to begin; null for the routing table.</param>
internal sealed record RefreshPlan(int Clock, RefreshKind Kind, bool Clear, IReadOnlyList<UdpEndPoint>? Nodes);

/// <summary>When a topic is announced, looked up and withdrawn.</summary>
/// <remarks>Spec: hyperswarm, 8.</remarks>
internal sealed class TopicMachine(Topic topic, IRandomSource random)
{
    private const int MaxRemembered = 1024; // peers handed on in one refresh: 20 nodes of 20 peers fit twice
    private static readonly TimeSpan s_interval = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan s_spread = TimeSpan.FromMinutes(2);
    private static readonly TimeSpan s_lateAfter = TimeSpan.FromSeconds(30); // later than that, the machine slept
    private static readonly TimeSpan s_firstRetry = TimeSpan.FromSeconds(5);

    private readonly List<SessionModes> _sessions = [];
    private readonly HashSet<PublicKey> _handedOn = [];
    private RefreshPlan? _running;
    private IReadOnlyList<UdpEndPoint>? _closestNodes;
    private bool _client, _server, _firstAnnounce = true;
    private int _clock, _failures;

    public Topic Topic { get; } = topic;

    public int SessionCount => _sessions.Count;

    public bool IsClient => _sessions.Exists(session => session.Options.Client);

    public bool IsServer => _sessions.Exists(session => session.Options.Server);

    /// <summary>Most connections of the topic: what the most generous client session allows, null for no limit.</summary>
    public int? Limit
    {
        get
        {
            int limit = 0;
            foreach (var session in _sessions)
            {
                if (!session.Options.Client) continue;
                if (session.Options.Limit is not { } own) return null;
                limit = Math.Max(limit, own);
            }
            return limit;
        }
    }

    public bool IsDestroyed { get; private set; }

    public bool IsSuspended { get; private set; }

    /// <summary>Whether nodes may list us.</summary>
    public bool NeedsUnannounce { get; private set; }

    /// <summary>Whether the announcing sessions are gone but the last refresh, perhaps still under way, was theirs.</summary>
    public bool MustStopAnnouncing => !IsServer && (_server || NeedsUnannounce);

    /// <summary>When the next refresh is due.</summary>
    public Timestamp? NextTimeout { get; private set; }

    public SessionModes AddSession(JoinOptions options)
    {
        var session = new SessionModes(options);
        _sessions.Add(session);
        return session;
    }

    /// <summary>Ends a session; false if it was ended before.</summary>
    public bool RemoveSession(SessionModes session)
    {
        session.IsEnded = true;
        return _sessions.Remove(session);
    }

    /// <summary>Begins a refresh, at the cost of one that runs in other modes; null if that one is shared or none is wanted.</summary>
    public RefreshPlan? BeginRefresh()
    {
        bool client = IsClient, server = IsServer;
        if (IsDestroyed || IsSuspended || !(client || server)) return null;
        if (_running is not null && client == _client && server == _server) return null;
        (_client, _server) = (client, server);
        NextTimeout = null;
        _handedOn.Clear();
        var kind = server ? RefreshKind.Announce : NeedsUnannounce ? RefreshKind.LookupAndUnannounce : RefreshKind.Lookup;
        return _running = new(++_clock, kind, server && _firstAnnounce, _closestNodes);
    }

    /// <summary>Whether a refresh that began may go on.</summary>
    public bool IsCurrent(RefreshPlan plan) => plan.Clock == _clock && !IsDestroyed && !IsSuspended;

    /// <summary>The announcement is about to leave.</summary>
    public void OnAnnouncing() => NeedsUnannounce = true;

    /// <summary>Whether a peer was not found yet in this refresh.</summary>
    public bool TryHandOn(PublicKey key) => IsClient && _handedOn.Count < MaxRemembered && _handedOn.Add(key);

    /// <summary>A refresh ended and found <paramref name="closestNodes"/>; null if it failed.</summary>
    public void EndRefresh(Timestamp now, RefreshPlan plan, IReadOnlyList<UdpEndPoint>? closestNodes)
    {
        bool succeeded = closestNodes is { Count: > 0 };
        if (succeeded) _closestNodes = closestNodes;
        if (plan.Clock != _clock) return;
        _running = null;
        _failures = succeeded ? 0 : _failures + 1;
        if (succeeded && plan.Kind == RefreshKind.Announce) _firstAnnounce = false;
        if (succeeded && plan.Kind == RefreshKind.LookupAndUnannounce) NeedsUnannounce = false;
        if (!IsDestroyed && !IsSuspended) NextTimeout = now + (succeeded ? s_interval + Random(s_spread) : RetryDelay());
    }

    /// <summary>Whether a refresh is due; one that is late because the machine slept is put off at random.</summary>
    public bool HandleTimeout(Timestamp now)
    {
        if (NextTimeout is not { } due || now < due) return false;
        bool isLate = now - due > s_lateAfter;
        NextTimeout = isLate ? now + Random(s_spread) : null;
        return !isLate;
    }

    /// <summary>Leaves the topic.</summary>
    public void Destroy()
    {
        IsDestroyed = true;
        foreach (var session in _sessions) session.IsEnded = true;
        _sessions.Clear();
        Stop();
    }

    public void Suspend()
    {
        IsSuspended = true;
        Stop();
    }

    public void Resume() => IsSuspended = false;

    /// <summary>The nodes to withdraw from: empty if none can list us, null if it is not known which do.</summary>
    public IReadOnlyList<UdpEndPoint>? TakeUnannounce()
    {
        if (!NeedsUnannounce) return [];
        NeedsUnannounce = false;
        _firstAnnounce = true;
        return _closestNodes;
    }

    private void Stop()
    {
        _clock++;
        _running = null;
        NextTimeout = null;
    }

    private TimeSpan RetryDelay()
    {
        var delay = s_firstRetry * Math.Pow(2, Math.Min(_failures - 1, 10));
        return (delay < s_interval ? delay : s_interval) + Random(s_firstRetry);
    }

    private TimeSpan Random(TimeSpan max) => TimeSpan.FromMilliseconds(random.Next((int)max.TotalMilliseconds + 1));
}
