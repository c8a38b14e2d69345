namespace PeopleSwarm.Swarm.Policy;

/// <summary>When a lost peer is dialled again.</summary>
/// <remarks>
/// Spec: hyperswarm, 7.3. Peers of a level are retried together at the edges of an interval of 0.66 T, each at the
/// second edge after it was added: between 0.66 T and 1.32 T later.
/// </remarks>
internal sealed class RetrySchedule
{
    private const double IntervalShare = 0.66;

    private readonly Level _short, _medium, _long, _explicit;

    /// <param name="backoffs">The base delays.</param>
    /// <param name="random">Spreads them, once for each level.</param>
    public RetrySchedule(RetryBackoffs backoffs, IRandomSource random)
    {
        _short = new(Spread(backoffs.Short, 1));
        _medium = new(Spread(backoffs.Medium, 2));
        _long = new(Spread(backoffs.Long, 4));
        _explicit = new(Spread(backoffs.Explicit, 240));

        TimeSpan Spread(TimeSpan delay, int factor) => delay + Random(factor * backoffs.Jitter) + Random(backoffs.Jitter);
        TimeSpan Random(TimeSpan max) => TimeSpan.FromMilliseconds(random.Next((int)max.TotalMilliseconds + 1));
    }

    /// <summary>When the next peers are due.</summary>
    public Timestamp? NextTimeout => Timestamp.Earliest(
        Timestamp.Earliest(_short.Next, _medium.Next), Timestamp.Earliest(_long.Next, _explicit.Next));

    /// <summary>Schedules a peer; false if it is not to be tried again.</summary>
    public bool TryAdd(Timestamp now, PeerInfo peer)
    {
        if (peer.IsWaiting) return true;
        if (SelectLevel(peer) is not { } level) return false;
        level.Add(now, peer);
        peer.IsWaiting = true;
        return true;
    }

    /// <summary>Takes a peer that is due, or null.</summary>
    public PeerInfo? TakeDue(Timestamp now)
    {
        var peer = _short.TakeDue(now) ?? _medium.TakeDue(now) ?? _long.TakeDue(now) ?? _explicit.TakeDue(now);
        if (peer is not null) peer.IsWaiting = false;
        return peer;
    }

    /// <summary>Takes every peer, due or not.</summary>
    public IEnumerable<PeerInfo> TakeAll()
    {
        while (TakeDue(Timestamp.MaxValue) is { } peer) yield return peer;
    }

    private Level? SelectLevel(PeerInfo peer)
    {
        if (peer.IsBanned || !peer.Reconnects) return null;
        return (peer.Attempts, peer.IsProven) switch
        {
            ( > 3, _) => peer.IsExplicit ? _explicit : null,
            (0, _) or (1, true) => _short,
            (1, false) or (2, true) => _medium,
            _ => _long,
        };
    }

    private sealed class Level(TimeSpan delay)
    {
        private readonly long _interval = Math.Max(1, (long)(delay.TotalMilliseconds * IntervalShare)) * 1000;
        private readonly Queue<(Timestamp Due, PeerInfo Peer)> _peers = [];
        private Timestamp? _start;

        public Timestamp? Next => _peers.TryPeek(out var first) ? first.Due : null;

        public void Add(Timestamp now, PeerInfo peer)
        {
            long start = (_start ??= now).Microseconds;
            long edgesPassed = (now.Microseconds - start) / _interval;
            _peers.Enqueue((new(start + (edgesPassed + 2) * _interval), peer));
        }

        public PeerInfo? TakeDue(Timestamp now) => Next <= now ? _peers.Dequeue().Peer : null;
    }
}

/// <summary>The base delays of <see cref="RetrySchedule"/>.</summary>
internal sealed record RetryBackoffs(TimeSpan Short, TimeSpan Medium, TimeSpan Long, TimeSpan Explicit, TimeSpan Jitter);
