namespace PeopleSwarm.Dht.BlindRelay;

/// <summary>What a relay does for its machine.</summary>
internal interface IRelayStreams
{
    /// <summary>The current instant of the loop.</summary>
    Timestamp Now { get; }

    /// <summary>A stream that connects to the first packet's source; null if the node has no room.</summary>
    IReliableStream? Create(RelayPair pair, uint remoteId);
}

/// <summary>One client's connection, as the relay knows it.</summary>
internal sealed class RelaySession(long bytesPerSecond, Action<PairMessage> answer, Action<UnpairMessage> refuse, Action end)
{
    /// <summary>Tells the client that it is paired.</summary>
    public Action<PairMessage> Answer { get; } = answer;

    /// <summary>Tells the client that it will not be: npm's takes no notice, and waits as if nothing had been said.</summary>
    public Action<UnpairMessage> Refuse { get; } = refuse;

    /// <summary>Ends the client's connection.</summary>
    public Action End { get; } = end;

    /// <summary>Grows each time a session falls idle.</summary>
    public long IdleSince { get; set; }

    /// <summary>What it may still send through us.</summary>
    public ByteBudget Budget { get; } = new(bytesPerSecond);

    /// <summary>Its pairs, waiting and matched.</summary>
    public Dictionary<Topic, RelayPair> Pairs { get; } = [];
}

/// <summary>Two clients of one token.</summary>
internal sealed class RelayPair(Topic token, Timestamp due)
{
    public Topic Token { get; } = token;

    /// <summary>When a lone side is forgotten.</summary>
    public Timestamp Due { get; } = due;

    /// <summary>The side that is not the initiator, and the one that is.</summary>
    public RelayLink?[] Links { get; } = new RelayLink?[2];
}

/// <summary>One side of a pair.</summary>
internal sealed class RelayLink(RelaySession session, uint remoteId)
{
    public RelaySession Session { get; } = session;
    public uint RemoteId { get; } = remoteId;
    public IReliableStream? Stream { get; set; }
}

/// <summary>The relay without tasks: who waits for whom, and whose streams are linked (spec hyperdht, 10.3). One caller at a time.</summary>
internal sealed class RelayMachine(RelayOptions options, IRelayStreams streams)
{
    private static readonly TimeSpan s_reportInterval = TimeSpan.FromMinutes(1);

    private readonly HashSet<RelaySession> _sessions = [];
    private readonly Dictionary<Topic, RelayPair> _waiting = [];
    private readonly ByteBudget _budget = new(options.BytesPerSecond);
    private int _pairs;
    private long _idles, _matched, _refused, _bytes, _dropped, _reportedDrops;
    private Timestamp _nextReport;

    public RelayStatistics Statistics => new()
    {
        Sessions = _sessions.Count,
        Waiting = _waiting.Count,
        Pairs = _pairs - _waiting.Count,
        Matched = _matched,
        Refused = _refused,
        Bytes = Volatile.Read(ref _bytes),
        DroppedPackets = Volatile.Read(ref _dropped),
    };

    /// <summary>Takes a client; the one that has been idle longest makes room. Null if all are busy.</summary>
    public RelaySession? TryAccept(Action<PairMessage> answer, Action<UnpairMessage> refuse, Action end)
    {
        if (_sessions.Count >= options.MaxSessions && !TryMakeRoom())
        {
            _refused++;
            return null;
        }
        var session = new RelaySession(options.BytesPerSecondPerSession, answer, refuse, end) { IdleSince = _idles++ };
        _sessions.Add(session);
        return session;
    }

    /// <summary>A client wants to be paired; a second wish for the same side is ignored. Where there is no room both sides are told.</summary>
    public void Pair(Timestamp now, RelaySession session, in PairMessage message)
    {
        Expire(now);
        int side = message.IsInitiator ? 1 : 0;
        bool isNew = !_waiting.TryGetValue(message.Token, out var pair);
        if (!isNew && pair!.Links[side] is not null) return;
        if (session.Pairs.ContainsKey(message.Token)) // the other side is its own
        {
            _refused++;
            return;
        }
        // A token of all zeros is what a client sends that forgot to make one: strangers would meet.
        if (message.Token == default || session.Pairs.Count >= options.MaxPairsPerSession || (isNew && _pairs >= options.MaxPairs))
        {
            _refused++;
            session.Refuse(new(message.Token));
            if (!isNew) Refuse(pair!);
            return;
        }
        if (isNew)
        {
            pair = _waiting[message.Token] = new(message.Token, now + options.PairTimeout);
            _pairs++;
        }
        pair!.Links[side] = new(session, message.StreamId);
        session.Pairs[message.Token] = pair;
        if (!isNew) Match(pair);
    }

    /// <summary>A client takes a wish back, or ends a pair of its own.</summary>
    public void Unpair(RelaySession session, Topic token)
    {
        if (session.Pairs.TryGetValue(token, out var pair)) End(pair);
    }

    /// <summary>A client is gone, and all its pairs with it.</summary>
    public void Close(RelaySession session)
    {
        if (!_sessions.Remove(session)) return;
        foreach (var pair in session.Pairs.Values.ToArray()) End(pair);
    }

    /// <summary>A stream of ours has closed by itself.</summary>
    public void OnStreamClosed(RelayPair pair) => End(pair);

    /// <summary>Forgets lone sides that waited long enough.</summary>
    public void Expire(Timestamp now)
    {
        foreach (var pair in _waiting.Values.Where(p => p.Due <= now).ToArray()) End(pair);
    }

    /// <summary>Packets dropped over a limit on bytes that nobody was told of yet; at most once a minute, else 0.</summary>
    public long TakeDropped(Timestamp now)
    {
        long count = Volatile.Read(ref _dropped) - _reportedDrops;
        if (count == 0 || now < _nextReport) return 0;
        (_reportedDrops, _nextReport) = (_reportedDrops + count, now + s_reportInterval);
        return count;
    }

    private bool TryMakeRoom()
    {
        if (_sessions.Where(s => s.Pairs.Count == 0).MinBy(s => s.IdleSince) is not { } idle) return false;
        _sessions.Remove(idle);
        idle.End();
        return true;
    }

    private void Match(RelayPair pair)
    {
        _waiting.Remove(pair.Token);
        foreach (var link in pair.Links) link!.Stream = streams.Create(pair, link.RemoteId);
        if (pair.Links[0]!.Stream is not { } left || pair.Links[1]!.Stream is not { } right)
        {
            _refused++;
            Refuse(pair);
            return;
        }
        _matched++;
        left.RelayTo(right, FilterOf(pair.Links[0]!.Session));
        right.RelayTo(left, FilterOf(pair.Links[1]!.Session));
        for (int side = 0; side < 2; side++)
            pair.Links[side]!.Session.Answer(new(side == 1, pair.Token, pair.Links[side]!.Stream!.LocalId));
    }

    /// <summary>What a client may send; called on the loop, alone.</summary>
    private RelayFilter FilterOf(RelaySession session) => length =>
    {
        var now = streams.Now;
        if (!session.Budget.Has(now, length) || !_budget.Has(now, length))
        {
            _dropped++;
            return false;
        }
        session.Budget.Take(length);
        _budget.Take(length);
        _bytes += length;
        return true;
    };

    private void Refuse(RelayPair pair)
    {
        foreach (var link in pair.Links) link?.Session.Refuse(new(pair.Token));
        End(pair);
    }

    private void End(RelayPair pair)
    {
        bool isKnown = false;
        if (_waiting.GetValueOrDefault(pair.Token) == pair) _waiting.Remove(pair.Token); // it may be a later one's by now
        foreach (var link in pair.Links)
        {
            if (link is null) continue;
            if (link.Session.Pairs.GetValueOrDefault(pair.Token) == pair) isKnown |= link.Session.Pairs.Remove(pair.Token);
            if (link.Session.Pairs.Count == 0) link.Session.IdleSince = _idles++;
            link.Stream?.Abort();
        }
        if (isKnown) _pairs--;
    }
}
