using PeopleSwarm.Dht.Kademlia;

namespace PeopleSwarm.Dht.Rpc;

/// <summary>One walk to the nodes closest to a target (spec dht-rpc, 13).</summary>
internal sealed class QueryMachine(QueryServices services, RpcQueryRequest request, IRpcQueryObserver observer) : IRpcQuery
{
    private const int Retries = 5, ConcurrencyOfSlowDown = 3, EnoughSuccesses = KBucket.Size / 4;
    private const int MaxPathSeeds = 60; // beyond the closest of the table, looked at for those of other paths

    private readonly List<(NodeId Id, UdpEndPoint Address)> _pending = []; // a stack: the last is asked first
    private readonly Comparer<(NodeId Id, UdpEndPoint Address)> _farthestFirst =
        Comparer<(NodeId Id, UdpEndPoint Address)>.Create((a, b) => b.Id.CompareDistance(a.Id, request.Target));
    private readonly Dictionary<UdpEndPoint, Seen> _seen = [];
    private readonly List<Visit> _inFlight = [];
    private readonly DisjointReplies _closest = new(request.Target, services.Settings.MaxNodesPerNetworkInRow,
        request.DisjointPaths ?? services.Settings.DisjointPaths, services.Paths);
    private int _slow, _successes, _errors;
    private bool _tableUsed, _slowDown, _resolving, _paused;
    private QueryState _state = QueryState.Walking;
    private RpcFailure _failure;
    private CommitRound? _commit;

    /// <summary>Requests at once; may change under way.</summary>
    public int Concurrency { get; set; } = request.Concurrency ?? services.Settings.Concurrency;

    public bool IsPaused
    {
        get => _paused;
        set
        {
            if (_paused == value) return;
            _paused = value;
            if (!value) services.Deferred.Post(ReadMore);
        }
    }

    public void Start(Timestamp now)
    {
        services.Counters.Queries++;
        services.Active.Add(this);
        if (services.Requests.IsSuspended)
        {
            End(RpcFailure.Suspended);
            return;
        }
        var seeds = request.Nodes ?? [];
        for (int i = seeds.Count - 1; i >= 0; i--)
        {
            if (seeds[i].IsIPv4 && seeds[i].Port != 0) TryAddPending(now, seeds[i], referrer: null);
        }
        if (!request.OnlyGivenNodes)
        {
            AddFromTable(now);
            if (_pending.Count < KBucket.Size || request.AskBootstrap) AddBootstrapNodes(now);
        }
        services.Deferred.Post(ReadMore);
    }

    public void Cancel(Timestamp now) => End(RpcFailure.Cancelled);

    /// <summary>The node is suspended or goes away.</summary>
    public void Abort(RpcFailure failure) => End(failure);

    private void AddFromTable(Timestamp now)
    {
        if (_pending.Count >= KBucket.Size) return;
        _tableUsed = true;
        int wanted = KBucket.Size - _pending.Count;
        var closest = new KnownNode[_closest.HasPaths ? wanted + MaxPathSeeds : wanted];
        int count = services.Identity.Table.Closest(request.Target, closest);
        for (int i = 0; i < count; i++)
            if (!_closest.TryTakeSeed(closest[i].EndPoint) && i >= wanted) closest[i] = null!;
        for (int i = count - 1; i >= 0; i--)
            if (closest[i] is { } seed) TryAddPending(now, seed.EndPoint, referrer: null);
    }

    private void AddBootstrapNodes(Timestamp now)
    {
        _resolving = true;
        services.Bootstrapper.Resolve(now,
            (at, address) =>
            {
                if (_state == QueryState.Walking && TryAddPending(at, address, referrer: null)) services.Deferred.Post(ReadMore);
            },
            _ =>
            {
                _resolving = false;
                services.Deferred.Post(ReadMore);
            });
    }

    /// <summary>Remembers a node to ask; false if it is not closer than what we have.</summary>
    private bool TryAddPending(Timestamp now, UdpEndPoint address, UdpEndPoint? referrer)
    {
        var id = services.Ids.Of(address);
        bool isCloser = _closest.Accepts(id, address);
        if (_seen.TryGetValue(address, out var seen))
        {
            if (referrer is { } informant && !seen.IsDone)
            {
                if (seen.IsDown) services.DownHints.Send(now, informant, address);
                else seen.Referrers.Add(informant);
            }
            return isCloser;
        }
        if (!isCloser || _seen.Count >= services.Settings.MaxQueryNodes) return false;
        var entry = new Seen();
        if (referrer is { } first) entry.Referrers.Add(first);
        _seen.Add(address, entry);
        _pending.Add((id, address));
        return true;
    }

    private void ReadMore(Timestamp now)
    {
        if (_state != QueryState.Walking) return;
        if (!_paused) Fill(now);
        if (_pending.Count > 0) return;
        bool onlySlowLeft = _slow == _inFlight.Count && _closest.IsFull;
        if (_inFlight.Count > 0 && !onlySlowLeft) return;
        if (_resolving && !_closest.IsFull) return;
        if (!_tableUsed && !request.OnlyGivenNodes && _successes < EnoughSuccesses)
        {
            AddFromTable(now);
            ReadMore(now);
            return;
        }
        Commit(now);
    }

    private void Fill(Timestamp now)
    {
        int limit = (_slowDown ? ConcurrencyOfSlowDown : Concurrency) + _slow;
        while (_inFlight.Count < limit && _pending.Count > 0)
        {
            var next = _pending[^1];
            _pending.RemoveAt(_pending.Count - 1);
            if (_closest.Accepts(next.Id, next.Address)) Ask(now, next.Id, next.Address);
        }
        // Only nodes of an earlier query so far: give the closest of them a chance before going broad.
        if (!_tableUsed && !request.OnlyGivenNodes && _successes == 0 && _errors == 0) _slowDown = true;
    }

    private void Ask(Timestamp now, NodeId id, UdpEndPoint address)
    {
        var visit = new Visit(address);
        visit.Call = services.Requests.Send(now, new(address, request.Command, request.Target, request.Value, IsInternal: request.IsInternal, ToId: id,
            Retries: Retries, Force: request.Force), (at, outcome) => OnVisited(at, visit, outcome));
        visit.Call.Slow = at =>
        {
            visit.IsSlow = true;
            _slow++;
            ReadMore(at);
        };
        _inFlight.Add(visit);
    }

    private void OnVisited(Timestamp now, Visit visit, RpcOutcome outcome)
    {
        if (_inFlight.Remove(visit) && visit.IsSlow) _slow--;
        if (outcome.Response is { } reply) OnReply(now, visit.Address, reply);
        else OnFailure(now, visit.Address, outcome.Failure);
    }

    private void OnReply(Timestamp now, UdpEndPoint address, RpcResponse reply)
    {
        _seen[address].IsDone = true;
        if (_state != QueryState.Walking) return;
        bool succeeded = reply.Error == 0;
        if (succeeded) _successes++;
        else _errors++;
        if (succeeded && reply.Id is not null) _closest.Add(reply);
        if (!request.OnlyGivenNodes) AddCloserNodes(now, reply);
        if (_successes + _errors >= Concurrency) _slowDown = false;
        if (succeeded) observer.OnReply(now, reply);
        ReadMore(now);
    }

    private void AddCloserNodes(Timestamp now, RpcResponse reply)
    {
        int first = _pending.Count;
        foreach (var node in reply.CloserNodes)
        {
            if (!services.Settings.Allows(node) || services.Ids.Of(node) == services.Identity.Table.Id) continue;
            TryAddPending(now, node, reply.From); // one that is of no use says nothing of the next, which may be of another network
        }
        _pending.Sort(first, _pending.Count - first, _farthestFirst);
    }

    private void OnFailure(Timestamp now, UdpEndPoint address, RpcFailure failure)
    {
        if (failure == RpcFailure.TimedOut)
        {
            var seen = _seen[address];
            seen.IsDown = true;
            foreach (var referrer in seen.Referrers) services.DownHints.Send(now, referrer, address);
            seen.Referrers.Clear();
        }
        _errors++;
        ReadMore(now);
    }

    private void Commit(Timestamp now)
    {
        if (request.Commit is null)
        {
            End(RpcFailure.None);
            return;
        }
        _state = QueryState.Committing;
        _commit = new(services.Requests, request.Commit, failure => End(failure));
        _commit.Start(now, _closest.ToArray());
    }

    private void End(RpcFailure failure)
    {
        if (_state == QueryState.Ended) return;
        _state = QueryState.Ended;
        _failure = failure;
        services.Deferred.Post(Finish);
    }

    private void Finish(Timestamp now)
    {
        foreach (var visit in _inFlight) visit.Call!.Cancel(now);
        _commit?.Cancel(now);
        _pending.Clear();
        services.Active.Remove(this);
        observer.OnFinished(now, new(_closest.ToArray(), _successes, _errors, _commit?.Committed ?? 0, _failure, _commit?.LastError ?? 0)
        {
            SpreadReplies = _closest.ToSpreadArray(),
        });
    }

    /// <summary>Walking → Committing → Ended, or straight to Ended without a commit or on cancel.</summary>
    private enum QueryState { Walking, Committing, Ended }

    private sealed class Visit(UdpEndPoint address)
    {
        public UdpEndPoint Address { get; } = address;

        public RpcCall? Call { get; set; }

        public bool IsSlow { get; set; }
    }

    /// <summary>A node the query knows of: who named it, and how asking it went.</summary>
    private sealed class Seen
    {
        public List<UdpEndPoint> Referrers { get; } = [];

        public bool IsDone { get; set; }

        public bool IsDown { get; set; }
    }
}
