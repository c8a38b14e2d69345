using PeopleSwarm.Dht.Kademlia;

namespace PeopleSwarm.Dht.Rpc;

/// <summary>Keeps the routing table filled with nodes that answer (spec dht-rpc, 12).</summary>
internal sealed class TableMaintenance(
    RpcSettings settings, RequestTable requests, LocalIdentity identity, NodeIds ids, NatSampling sampling, Ticks ticks, OutageGuard guard)
{
    private const int MaxSwaps = 3, MaxChecks = 10, MaxIntroductions = 16;
    private const int PingsAtOnce = 5, PingsWhenBusy = 3, PingsWhenRecent = 2, BusyRequests = 2;

    private readonly NodeAges _ages = new();
    private readonly HashSet<UdpEndPoint> _introductions = [];
    private readonly LostNodes _lost = new();
    private readonly NodeDiversity _diversity = new(settings.MaxNodesPerAddress, settings.MaxNodesPerNetwork, settings.MaxNodesPerNetworkInRow);
    private int _swaps, _checks;

    /// <summary>All nodes by when they were last heard.</summary>
    public NodeAges Ages => _ages;

    /// <summary>Called when a node answers that was lost in what may have been a cut of the network.</summary>
    public Action<Timestamp>? Reunited { get; set; }

    /// <summary>Full rows only swap nodes once bootstrapped.</summary>
    public bool IsBootstrapped { get; set; }

    /// <summary>A node answered us: it receives at its address. Its id is valid, or null.</summary>
    public void OnResponse(Timestamp now, in UdpEndPoint from, NodeId? id, in UdpEndPoint to, bool isExternal)
    {
        if (settings.Allows(from))
        {
            var node = id is { } known ? identity.Table.Find(known) ?? Add(now, known, from) : null;
            if (node is not null) OnHeard(node);
            if (id is null || node is not null) sampling.OnResponse(now, ticks.Now, node, from, to, isExternal);
        }
        guard.OnResponse(now);
    }

    /// <summary>A node with a valid id asked us something. A new one is asked back before it enters: its address may be forged.</summary>
    public void OnRequest(Timestamp now, in UdpEndPoint from, in NodeId id, in UdpEndPoint to, bool isExternal)
    {
        if (!settings.Allows(from)) return;
        var node = identity.Table.Find(id);
        sampling.OnRequest(ticks.Now, node, from, to, isExternal);
        if (node is not null) OnHeard(node);
        else Introduce(now, from, id);
    }

    /// <summary>Puts a node into the table unasked: the caller vouches for it.</summary>
    public void AddKnown(Timestamp now, in UdpEndPoint node)
    {
        var id = ids.Of(node);
        if (settings.Allows(node) && identity.Table.Find(id) is null && Add(now, id, node, isHearsay: true) is { } added) added.IsHearsay = true;
    }

    /// <summary>A request to a node of the table was not answered.</summary>
    public void OnTimeout(Timestamp now, RpcCall call)
    {
        if (call.ToId is { } id && identity.Table.Find(id) is { } node) Evict(now, node, call.LastSentAt);
    }

    /// <summary>Somebody says that a node is down; only our own ping decides (spec dht-rpc, 10).</summary>
    public void OnDownHint(Timestamp now, ReadOnlySpan<byte> encodedAddress)
    {
        if (_checks >= MaxChecks || identity.Table.Find(ids.OfEncoded(encodedAddress)) is not { } node) return;
        if (node.Pinged >= ticks.Now && node.DownHints > 0) return;
        node.DownHints++;
        Check(now, node);
    }

    /// <summary>Pings some of those heard longest ago; false if there is nobody.</summary>
    public bool PingSome(Timestamp now)
    {
        if (Ages.Oldest is not { } node) return false;
        int count = ticks.Now - node.Pinged < Ticks.RecentNode ? PingsWhenRecent : requests.Count > BusyRequests ? PingsWhenBusy : PingsAtOnce;
        for (var next = node; next is not null && count > 0 && next.Pinged != ticks.Now; count--)
        {
            node = next;
            next = node.Newer;
            Check(now, node);
        }
        return true;
    }

    /// <summary>Asks one of the nodes that fell silent whether it is there again; once one is, all of them.</summary>
    public void AskLost(Timestamp now)
    {
        if (_lost.Next(ticks.Now, identity.Table.Count) is not { } silent) return;
        requests.Send(now, new(silent, RpcCommands.Ping, IsInternal: true, Retries: 0), (at, outcome) =>
        {
            if (outcome.Response is null) return;
            bool wasCut = _lost.MayBeCut(identity.Table.Count);
            foreach (var other in _lost.TakeAll())
                if (other != silent) requests.Send(at, new(other, RpcCommands.Ping, IsInternal: true, Retries: 0), static (_, _) => { });
            if (wasCut) Reunited?.Invoke(at);
        });
    }

    /// <summary>Centres the table on another id; nodes that do not fit there are dropped.</summary>
    public void Rebuild(in NodeId id)
    {
        identity.Table = new(id);
        for (var node = Ages.Newest; node is not null;)
        {
            var older = node.Older;
            bool fits = node.Id != id && _diversity.AllowsInRow(node.EndPoint, RowOf(node.Id));
            if (!fits || !identity.Table.TryAdd(node)) Forget(node);
            node = older;
        }
    }

    private void OnHeard(KnownNode node)
    {
        node.Pinged = node.Seen = ticks.Now;
        node.TimesHeard++;
        node.IsHearsay = false;
        Ages.MoveToNewest(node);
    }

    private KnownNode? Add(Timestamp now, in NodeId id, in UdpEndPoint from, bool isHearsay = false)
    {
        if (id == identity.Table.Id) return null;
        KnownNode? giving = null;
        if (RowOf(id) is { IsFull: true } row && (isHearsay || (giving = FindHearsay(row)) is null))
        {
            if (!isHearsay) OnRowFull(now, row, id, from);
            return null;
        }
        if (!_diversity.Allows(from, RowOf(id))) return null;
        if (giving is not null) Remove(giving);
        var node = new KnownNode(id, from) { Added = ticks.Now, Pinged = ticks.Now, Seen = ticks.Now };
        if (!identity.Table.TryAdd(node)) return null;
        Ages.Add(node);
        _diversity.Add(node);
        return node;
    }

    private static KnownNode? FindHearsay(KBucket row)
    {
        for (int i = 0; i < row.Count; i++)
            if (row[i].IsHearsay) return row[i];
        return null;
    }

    private void Introduce(Timestamp now, UdpEndPoint from, NodeId id)
    {
        if (id == identity.Table.Id || _introductions.Count >= MaxIntroductions || requests.IsSuspended) return;
        if (RowOf(id) is { IsFull: true } row && FindHearsay(row) is null && (!IsBootstrapped || _swaps + _introductions.Count >= MaxSwaps)) return;
        if (!_diversity.Allows(from, RowOf(id))) return;
        if (_introductions.Add(from)) Ping(now, from, (_, _) => _introductions.Remove(from)); // the answer itself adds it
    }

    private void OnRowFull(Timestamp now, KBucket row, NodeId id, UdpEndPoint from)
    {
        if (!IsBootstrapped || _swaps >= MaxSwaps) return;
        KnownNode? oldest = null;
        for (int i = 0; i < row.Count; i++)
        {
            var node = row[i];
            if (node.Pinged == ticks.Now) continue;
            if (oldest is null || (node.Pinged, node.Added).CompareTo((oldest.Pinged, oldest.Added)) < 0) oldest = node;
        }
        if (oldest is null || ticks.Now - oldest.Pinged < Ticks.RecentNode && ticks.Now - oldest.Added > Ticks.OldNode) return;
        if (!_diversity.Allows(from, row)) return;
        _swaps++;
        Verify(now, oldest, (at, isAlive) =>
        {
            _swaps--;
            if (!isAlive && identity.Table.Find(id) is null) Add(at, id, from);
        });
    }

    private void Check(Timestamp now, KnownNode node)
    {
        _checks++;
        Verify(now, node, (_, _) => _checks--);
    }

    /// <summary>Pings a node and removes it unless it is heard with a valid id meanwhile.</summary>
    private void Verify(Timestamp now, KnownNode node, Action<Timestamp, bool> done)
    {
        node.Pinged = ticks.Now;
        long heard = node.TimesHeard;
        RpcCall? call = null;
        call = Ping(now, node.EndPoint, (at, outcome) =>
        {
            if (node.TimesHeard == heard)
            {
                if (outcome.Response is not null) Remove(node);
                else if (outcome.Failure == RpcFailure.TimedOut) Evict(at, node, call!.LastSentAt);
            }
            done(at, Contains(node));
        });
    }

    private RpcCall Ping(Timestamp now, in UdpEndPoint to, Action<Timestamp, RpcOutcome> done) =>
        requests.Send(now, new(to, RpcCommands.Ping, IsInternal: true), done);

    private void Evict(Timestamp now, KnownNode node, Timestamp lastSentAt)
    {
        if (guard.IsNetworkUp(lastSentAt)) Lose(node);
        else guard.Suspect(now, node, Ages, Lose);
    }

    private void Lose(KnownNode node)
    {
        if (!Contains(node)) return;
        _lost.Add(ticks.Now, node.EndPoint);
        Remove(node);
    }

    private KBucket? RowOf(in NodeId id) => identity.Table.Row(identity.Table.RowOf(id));

    private bool Contains(KnownNode node) => identity.Table.Find(node.Id) == node;

    private void Remove(KnownNode node)
    {
        if (!Contains(node)) return;
        identity.Table.Remove(node.Id);
        Forget(node);
    }

    private void Forget(KnownNode node)
    {
        Ages.Remove(node);
        _diversity.Remove(node);
    }
}
