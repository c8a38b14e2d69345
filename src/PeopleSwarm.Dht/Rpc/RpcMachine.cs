using PeopleSwarm.Dht.Kademlia;

namespace PeopleSwarm.Dht.Rpc;

/// <summary>A node of the RPC layer: answers, asks, keeps its table and joins the network (spec dht-rpc).</summary>
internal sealed partial class RpcMachine : IDatagramMachine, IRpcEngine
{
    private const int MinBackgroundConcurrency = 2, BackgroundShare = 8, FewRequests = 3, RefreshesPerBootstrap = 12;

    private readonly RpcSettings _settings;
    private readonly IRandomSource _random;
    private readonly NodeIds _ids;
    private readonly LocalIdentity _identity;
    private readonly Outbox _outbox;
    private readonly Deferred _deferred = new();
    private readonly TokenIssuer _tokens;
    private readonly ReplyBudget _budget;
    private readonly RequestLimit _requestLimit;
    private readonly Replier _replier;
    private readonly RequestTable _requests;
    private readonly Bootstrapper _bootstrapper;
    private readonly DownHints _downHints;
    private readonly QueryServices _queryServices;
    private readonly Ticks _ticks;
    private readonly TableMaintenance _table;
    private readonly NatSampling _sampling;
    private readonly NetworkState _state;
    private readonly DelayedPings _delayedPings;
    private readonly InternalCommands _internalCommands;
    private readonly Health _health = new();
    private RpcStatus _lastStatus;
    private bool _isStarted, _isTableOld;
    private int _refreshes;

    public RpcMachine(Timestamp now, RpcSettings settings, RpcSockets sockets, ICryptoSuite crypto, IRandomSource random)
    {
        (_settings, _random, _ids) = (settings, random, new(crypto));
        Span<byte> tableId = stackalloc byte[NodeId.Size];
        random.Fill(tableId);
        _identity = new(sockets, new(new(tableId)), settings.Firewalled);
        _outbox = new(settings.MaxQueuedDatagrams);
        _tokens = new(crypto, random);
        _budget = new(settings.UnprovedBytesPerSecond, settings.MaxTrackedAddresses);
        _requestLimit = new(settings.RequestsPerSourcePerSecond, settings.RequestsPerSecond, settings.MaxTrackedAddresses);
        _replier = new(_identity, _tokens, _budget, _outbox, Counters);
        _requests = new(now, settings, _identity, random, _outbox, _deferred, Counters) { TimedOut = OnRequestTimeout };
        _bootstrapper = new(settings.Bootstrap, _requests);
        _downHints = new(_requests, settings.DownHintsPerTick);
        var paths = new PathPartition((ulong)random.NextUInt32() << 32 | random.NextUInt32());
        _queryServices = new(settings, _requests, _identity, _ids, _bootstrapper, _downHints, _deferred, Counters, paths);
        _ticks = new(now, random);
        _sampling = new(_identity, settings.Bootstrap.Count) { Rejudged = OnRejudged };
        _table = new(settings, _requests, _identity, _ids, _sampling, _ticks, new(_requests));
        _state = new(settings.Ephemeral, _requests, _identity, _table, _sampling, _bootstrapper, _ids, Refresh);
        _delayedPings = new(settings.MaxDelayedPings, settings.MaxPingDelay);
        _internalCommands = new(_replier, _table, _delayedPings);
        if (settings.KnownEndPoint is { } known) _identity.Nat.Add(known);
        Remember(now, settings.Nodes);
        _lastStatus = Status;
    }

    /// <summary>Serves the overlay's commands; null refuses them all.</summary>
    public IRpcHandler? Handler { get; set; }

    /// <summary>Called after a turn in which <see cref="Status"/> changed.</summary>
    public Action<Timestamp>? StatusChanged { get; set; }

    /// <summary>Asked to look up the IPv4 address of a name; <see cref="OnNameResolved"/> takes the answer. Null: names are skipped.</summary>
    public Action<Timestamp, string>? ResolveName
    {
        get => _bootstrapper.ResolveName;
        set => _bootstrapper.ResolveName = value;
    }

    public RpcCounters Counters { get; } = new();

    public RpcStatus Status => new(Id, _identity.Nat.Result, PublicEndPoint, _identity.IsEphemeral, _identity.IsFirewalled, _state.IsBootstrapped,
        _health.IsOnline, _health.IsDegraded, _requests.IsSuspended);

    public NodeId? Id => _identity.Id;

    public UdpEndPoint? PublicEndPoint => _identity.PublicEndPoint;

    public SocketId DefaultSocket => _identity.DefaultSocket;

    public SocketId ServerSocket => _identity.Sockets.Server;

    /// <summary>The nodes we know.</summary>
    public RoutingTable Table => _identity.Table;

    /// <summary>Requests in flight.</summary>
    public int RequestsInFlight => _requests.Count;

    /// <summary>Queries under way.</summary>
    public int ActiveQueries => _queryServices.Active.Count;

    /// <summary>Datagrams dropped: not understood, not asked for, over a limit, or for want of room.</summary>
    public long Dropped => Counters.Malformed + Counters.Unexpected + Counters.Oversized + _budget.Refused + _requestLimit.Refused + _outbox.Lost;

    public Timestamp? NextTimeout
    {
        get
        {
            if (!_deferred.IsEmpty) return new(0);
            var due = Timestamp.Earliest(_requests.NextTimeout, _delayedPings.NextTimeout);
            return _isStarted && !_requests.IsSuspended ? Timestamp.Earliest(due, _ticks.Due) : due;
        }
    }

    /// <summary>Begins to bootstrap and to tick. Once.</summary>
    public void Start(Timestamp now)
    {
        _isStarted = true;
        _ticks.Restart(now);
        Join(now);
    }

    /// <summary>Begins on sockets bound since the machine was made. Once.</summary>
    public void Start(Timestamp now, RpcSockets sockets)
    {
        _identity.Sockets = sockets;
        Start(now);
    }

    /// <summary>The nodes heard last, newest first.</summary>
    public IReadOnlyList<UdpEndPoint> NewestNodes(int limit)
    {
        var nodes = new List<UdpEndPoint>();
        for (var node = _table.Ages.Newest; node is not null && nodes.Count < limit; node = node.Older) nodes.Add(node.EndPoint);
        return nodes;
    }

    /// <summary>
    /// Puts nodes known from an earlier run into the table, best first; before <see cref="Start(Timestamp)"/>. They may all be gone, so the bootstrap
    /// nodes are asked beside them.
    /// </summary>
    public void Remember(Timestamp now, IReadOnlyList<UdpEndPoint> nodes)
    {
        for (int i = nodes.Count - 1; i >= 0; i--) _table.AddKnown(now, nodes[i]);
        _isTableOld |= nodes.Count != 0;
    }

    /// <summary>Puts a node into the table without asking it.</summary>
    public void AddNode(Timestamp now, in UdpEndPoint node) => _table.AddKnown(now, node);

    /// <summary>
    /// Walks to a random place, so that rows that were quiet are heard from. Once an hour by way of the bootstrap nodes: after a cut
    /// that outlasted our memory of the other side, nobody else would tell us of it.
    /// </summary>
    public void Refresh(Timestamp now) =>
        Walk(now, Table.Random(_random)?.Id ?? Table.Id, SilentObserver.Instance, askBootstrap: ++_refreshes % RefreshesPerBootstrap == 0);

    /// <summary>A name look-up asked for by <see cref="ResolveName"/> ended; null if it failed.</summary>
    public void OnNameResolved(Timestamp now, string name, UdpEndPoint? address)
    {
        _bootstrapper.OnNameResolved(now, name, address);
        EndTurn(now);
    }

    /// <summary>Fails what is in flight; until <see cref="Resume"/> nothing is sent or taken.</summary>
    public void Suspend(Timestamp now)
    {
        if (_requests.IsSuspended) return;
        Abort(RpcFailure.Suspended);
        _outbox.Clear();
        EndTurn(now);
    }

    /// <summary>Gives up all that is in flight, for good.</summary>
    public void Destroy(Timestamp now)
    {
        Abort(RpcFailure.Cancelled);
        EndTurn(now);
    }

    /// <summary>Goes on with newly bound sockets.</summary>
    public void Resume(Timestamp now, RpcSockets sockets)
    {
        if (!_requests.IsSuspended) return;
        _identity.Sockets = sockets;
        _requests.Resume();
        _ticks.Restart(now);
        WakeUp(now);
        if (_isStarted) Refresh(now);
        EndTurn(now);
    }

    /// <summary>The machine slept: everything may have changed meanwhile (spec dht-rpc, 18).</summary>
    public void WakeUp(Timestamp now)
    {
        _ticks.WakeUp();
        _state.OnWakeUp();
        _bootstrapper.Forget();
        _health.Reset();
    }

    /// <summary>We are in another network now: what was learned of our address is void, and is learned anew at once. Who is known stays known.</summary>
    public void Move(Timestamp now)
    {
        if (!_isStarted || _requests.IsSuspended || _settings.KnownEndPoint is not null) return;
        WakeUp(now);
        _identity.Nat = new();
        _sampling.Reset();
        ProveAnew(now);
        EndTurn(now);
    }

    public IRpcCall Request(Timestamp now, in RpcCallRequest request, Action<Timestamp, RpcOutcome> done) => _requests.Send(now, request, done);

    public IRpcQuery StartQuery(Timestamp now, RpcQueryRequest request, IRpcQueryObserver observer)
    {
        _ticks.OnQuery();
        var query = new QueryMachine(_queryServices, request, observer);
        query.Start(now);
        return query;
    }

    public void Reply(Timestamp now, in RpcIncoming request, in RpcReply reply)
    {
        if (!_requests.IsSuspended) _replier.Reply(now, request, reply);
    }

    public void Forward(Timestamp now, in RpcIncoming request, UdpEndPoint to, ReadOnlyMemory<byte> value, SocketId? socket = null)
    {
        if (!_requests.IsSuspended) _replier.Forward(now, request, to, value, socket);
    }

    public void HandleTimeout(Timestamp now)
    {
        _requests.HandleTimeout(now);
        _internalCommands.HandleTimeout(now);
        if (_isStarted && !_requests.IsSuspended && now >= _ticks.Due) Tick(now);
        EndTurn(now);
    }

    public bool PollTransmit(Timestamp now, Span<byte> buffer, out Transmit transmit) => _outbox.TryTake(buffer, out transmit);

    private void Abort(RpcFailure failure)
    {
        foreach (var query in _queryServices.Active.ToArray()) query.Abort(failure);
        _requests.Suspend(failure);
        _delayedPings.Clear();
    }

    private void Tick(Timestamp now)
    {
        if (_ticks.Advance(now)) WakeUp(now);
        if (!_state.IsBootstrapped) return;
        _state.OnTick(now);
        if (_ticks.IsPingDue && !_table.PingSome(now)) Refresh(now);
        _table.AskLost(now);
        bool needsNodes = _ticks.IsSmallTableRefreshDue && Table.Count < KBucket.Size;
        if (_ticks.CountDownRefresh() || needsNodes) Refresh(now);
        _downHints.OnTick();
        _health.Update(Counters.Responses, Counters.Timeouts);
    }

    private void Join(Timestamp now) =>
        new BootstrapProcedure(_settings, _requests, _identity, _state, StartBackgroundQuery, OnBootstrapped).Start(now);

    /// <summary>Others see us elsewhere: who was reachable there has to prove it anew.</summary>
    private void OnRejudged(Timestamp now)
    {
        if (_isStarted && _settings.KnownEndPoint is null && (!_identity.IsFirewalled || !_identity.IsEphemeral)) ProveAnew(now);
    }

    private void ProveAnew(Timestamp now)
    {
        _identity.IsFirewalled = _settings.Firewalled;
        _state.OnMoved();
        Join(now);
    }

    private void OnBootstrapped(Timestamp now) => _state.IsBootstrapped = _table.IsBootstrapped = true;

    private void OnRequestTimeout(Timestamp now, RpcCall call) => _table.OnTimeout(now, call);

    /// <summary>A FIND_NODE walk that yields to other traffic.</summary>
    private void StartBackgroundQuery(Timestamp now, NodeId target, IRpcQueryObserver observer) =>
        Walk(now, target, observer, askBootstrap: _isTableOld);

    private void Walk(Timestamp now, NodeId target, IRpcQueryObserver observer, bool askBootstrap)
    {
        int few = Math.Min(_settings.Concurrency, Math.Max(MinBackgroundConcurrency, _settings.Concurrency / BackgroundShare));
        _ticks.OnQuery();
        var yielding = new YieldingObserver(observer);
        var query = new QueryMachine(_queryServices, new(target, RpcCommands.FindNode, IsInternal: true) { Concurrency = few, AskBootstrap = askBootstrap }, yielding);
        yielding.Replied = () => query.Concurrency = _requests.Count < FewRequests ? _settings.Concurrency : few;
        query.Start(now);
    }

    private void EndTurn(Timestamp now)
    {
        _deferred.Run(now);
        var status = Status;
        if (status == _lastStatus) return;
        bool identityChanged = status.Id != _lastStatus.Id || status.PublicEndPoint != _lastStatus.PublicEndPoint;
        _lastStatus = status;
        if (identityChanged) Handler?.OnIdentityChanged(now);
        StatusChanged?.Invoke(now);
        _deferred.Run(now);
    }

    private sealed class YieldingObserver(IRpcQueryObserver inner) : IRpcQueryObserver
    {
        public Action? Replied { get; set; }

        public void OnReply(Timestamp now, RpcResponse reply)
        {
            inner.OnReply(now, reply);
            Replied?.Invoke();
        }

        public void OnFinished(Timestamp now, RpcQueryOutcome outcome) => inner.OnFinished(now, outcome);
    }

    private sealed class SilentObserver : IRpcQueryObserver
    {
        public static SilentObserver Instance { get; } = new();

        public void OnReply(Timestamp now, RpcResponse reply) { }

        public void OnFinished(Timestamp now, RpcQueryOutcome outcome) { }
    }
}
