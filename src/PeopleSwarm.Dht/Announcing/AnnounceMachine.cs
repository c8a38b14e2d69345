using PeopleSwarm.Dht.Connect;
using PeopleSwarm.Dht.Messages;
using PeopleSwarm.Dht.Rpc;

namespace PeopleSwarm.Dht.Announcing;

/// <summary>Where an announcer stands.</summary>
internal enum AnnounceState
{
    Idle,       // → Walking by Start
    Walking,    // looking for the nodes closest to us; → Committing
    Committing, // announcing to them; → Keeping
    Keeping,    // pinging the relays; → Walking when they are lost, moved or due; → Walking after a pause when there are none
    Withdrawn,  // after Stop or Suspend; → Walking by Start
}

/// <summary>
/// Keeps one key announced (spec hyperdht, 6): on nodes close to its target, one of each disjoint path, which then forward handshakes to us.
/// Pings keep the NAT's mappings to them open and show when our address has moved.
/// </summary>
internal sealed class AnnounceMachine
{
    private static readonly TimeSpan s_cycleLimit = TimeSpan.FromSeconds(60); // a watchdog: every request ends by itself far sooner
    private static readonly TimeSpan s_minDriftInterval = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan s_firstRetry = TimeSpan.FromSeconds(1), s_maxRetry = TimeSpan.FromSeconds(60);

    private readonly PeerContext _context;
    private readonly IRpcEngine _engine;
    private readonly AnnounceSigner _signer;
    private readonly KeyPair _keyPair;
    private readonly PeerDhtOptions _options;
    private readonly PeerRecord _record;
    private readonly List<Action<Timestamp>> _waiters = [];
    private readonly List<Action<Timestamp>> _withdrawWaiters = [];
    private readonly List<IRpcCall> _calls = [];

    private List<UdpEndPoint> _current = [], _previous = [], _beforePrevious = []; // relays of the last three cycles
    private List<RelayInfo> _found = [];
    private IReadOnlyList<UdpEndPoint>? _closestNodes;
    private IRpcQuery? _query;
    private Queue<RpcResponse> _candidates = [];
    private int _cycle, _committing, _round, _pinging, _answered, _withdrawing;
    private bool _refreshWanted, _drifted;
    private TimeSpan _retry = s_firstRetry;
    private Timestamp _cycleStarted;

    public AnnounceMachine(AnnounceSigner signer, KeyPair keyPair, in NodeId target, PeerContext context)
    {
        (_context, _engine, _signer, _keyPair, Target, _options) = (context, context.Engine, signer, keyPair, target, context.Options);
        _record = new(keyPair.PublicKey, []);
    }

    public NodeId Target { get; }

    public AnnounceState State { get; private set; }

    /// <summary>The relays of the last complete cycle and our address as each of them sees it.</summary>
    public IReadOnlyList<RelayInfo> Relays { get; private set; } = [];

    /// <summary>What others are told to reach us by, at most three: our own address first where it is open.</summary>
    public IReadOnlyList<UdpEndPoint> RelayAddresses { get; private set; } = [];

    public Timestamp? NextTimeout
    {
        get;
        private set
        {
            field = value;
            _context.DeadlinesChanged = true;
        }
    }

    /// <summary>Whether a node is a relay of one of the last three cycles.</summary>
    public bool IsRelay(UdpEndPoint address) => _current.Contains(address) || _previous.Contains(address) || _beforePrevious.Contains(address);

    /// <summary>
    /// Begins, or begins again after <see cref="Withdraw"/>; <paramref name="announced"/> is called after the first cycle, whatever came of it.
    /// </summary>
    public void Start(Timestamp now, Action<Timestamp>? announced = null)
    {
        if (announced is not null) _waiters.Add(announced);
        if (State is AnnounceState.Idle or AnnounceState.Withdrawn) BeginCycle(now);
    }

    /// <summary>Announces again now, or after the cycle under way; <paramref name="announced"/> is called then.</summary>
    public void Refresh(Timestamp now, Action<Timestamp>? announced = null)
    {
        if (State is AnnounceState.Idle or AnnounceState.Withdrawn)
        {
            announced?.Invoke(now);
            return;
        }
        if (announced is not null) _waiters.Add(announced);
        if (State == AnnounceState.Keeping) BeginCycle(now);
        else _refreshWanted = true;
    }

    /// <summary>
    /// Stops announcing and, if <paramref name="unannounce"/>, tells the relays; <paramref name="done"/> is called when they know or did not answer.
    /// </summary>
    public void Withdraw(Timestamp now, bool unannounce, Action<Timestamp>? done = null)
    {
        if (done is not null) _withdrawWaiters.Add(done);
        if (State is not (AnnounceState.Idle or AnnounceState.Withdrawn))
        {
            var told = _current.Union(_previous).ToArray();
            EndCycle(now);
            State = AnnounceState.Withdrawn;
            (NextTimeout, _closestNodes, Relays, RelayAddresses) = (null, null, [], []);
            (_current, _previous, _beforePrevious) = ([], [], []);
            Complete(_waiters, now);
            if (unannounce) foreach (var relay in told) Unannounce(now, relay);
        }
        State = AnnounceState.Withdrawn;
        if (_withdrawing == 0) Complete(_withdrawWaiters, now);
    }

    public void HandleTimeout(Timestamp now)
    {
        if (NextTimeout is not { } due || now < due) return;
        NextTimeout = null;
        if (State == AnnounceState.Keeping && Relays.Count != 0 && _pinging == 0) PingRelays(now);
        else if (State is not (AnnounceState.Idle or AnnounceState.Withdrawn)) BeginCycle(now);
    }

    private void BeginCycle(Timestamp now)
    {
        EndCycle(now);
        (_beforePrevious, _previous, _current) = (_previous, _current, []);
        (_found, _candidates, _committing, _round, _pinging, _refreshWanted) = ([], [], 0, 0, 0, false);
        (_cycleStarted, NextTimeout, State) = (now, now + s_cycleLimit, AnnounceState.Walking);
        _query = _engine.StartQuery(now, new(Target, PeerCommand.FindPeer) { Nodes = _closestNodes }, new CycleObserver(this, _cycle));
    }

    /// <summary>Gives up what a cycle has under way; its late results are ignored by their number.</summary>
    private void EndCycle(Timestamp now)
    {
        _cycle++;
        _query?.Cancel(now);
        _query = null;
        foreach (var call in _calls.ToArray()) call.Cancel(now);
        _calls.Clear();
    }

    private void OnWalked(Timestamp now, RpcQueryOutcome outcome)
    {
        _query = null;
        State = AnnounceState.Committing;
        if (outcome.ClosestReplies.Count != 0) _closestNodes = outcome.ClosestReplies.Select(r => r.From).ToArray();
        _candidates = new(outcome.SpreadReplies.Where(r => r.Token is not null && r.Id is not null).Take(3 * _options.Relays));
        while (_committing < _options.Relays && TryCommitNext(now)) { }
        if (_committing == 0) Publish(now);
    }

    /// <summary>Announces to the next node; a node that refuses or is silent is replaced by the one after it.</summary>
    private bool TryCommitNext(Timestamp now)
    {
        if (!_candidates.TryDequeue(out var reply)) return false;
        var token = reply.Token!.Value;
        var value = _signer.SignAnnounce(_keyPair, Target, reply.Id!.Value, token.Span, _record);
        _committing++;
        Request(now, new(reply.From, PeerCommand.Announce, Target, value, token, ToId: reply.Id), (at, outcome) =>
        {
            _committing--;
            if (outcome.Response is { Error: 0 } && _found.Count < _options.Relays)
            {
                _found.Add(new(reply.From, reply.To));
                _current.Add(reply.From);
            }
            else
            {
                TryCommitNext(at);
            }
            if (_committing == 0) Publish(at);
        });
        return true;
    }

    /// <summary>Replaces what others are told, now that the whole cycle is over.</summary>
    private void Publish(Timestamp now)
    {
        var addresses = new List<UdpEndPoint>(3);
        if (_engine.PublicEndPoint is { } own) addresses.Add(own);
        addresses.AddRange(_found.Select(r => r.RelayAddress).Take(3 - addresses.Count));
        (Relays, RelayAddresses, State) = (_found, addresses, AnnounceState.Keeping);
        foreach (var relay in _previous.Except(_current).ToArray()) Unannounce(now, relay);
        bool again = _refreshWanted;
        if (!again) Complete(_waiters, now);
        if (State != AnnounceState.Keeping) return;
        if (again)
        {
            BeginCycle(now);
        }
        else if (Relays.Count == 0)
        {
            NextTimeout = now + _retry;
            _retry = TimeSpan.FromTicks(Math.Min(2 * _retry.Ticks, s_maxRetry.Ticks));
        }
        else
        {
            _retry = s_firstRetry;
            PingRelays(now);
        }
    }

    private void PingRelays(Timestamp now)
    {
        _round++;
        (NextTimeout, _pinging, _answered, _drifted) = (now + s_cycleLimit, Relays.Count, 0, false);
        foreach (var relay in Relays)
        {
            Request(now, new(relay.RelayAddress, PeerCommand.InternalPing, IsInternal: true), (at, outcome) =>
            {
                _pinging--;
                if (outcome.Response is { } response)
                {
                    _answered++;
                    _drifted |= response.To != relay.PeerAddress;
                }
                if (_pinging == 0) OnPinged(at);
            });
        }
    }

    private void OnPinged(Timestamp now)
    {
        bool lost = _answered < Math.Min(Relays.Count, 3);
        bool moved = _drifted && now - _cycleStarted >= s_minDriftInterval;
        if (lost || moved || _round >= _options.RelayPingRounds) BeginCycle(now);
        else NextTimeout = now + _options.RelayPingInterval;
    }

    private void Unannounce(Timestamp now, UdpEndPoint relay)
    {
        _withdrawing++;
        _engine.Request(now, new(relay, PeerCommand.FindPeer, Target), (at, found) =>
        {
            if (found.Response is { Token: { } token, Id: { } id, Value: not null })
            {
                var value = _signer.SignUnannounce(_keyPair, Target, id, token.Span);
                _engine.Request(at, new(relay, PeerCommand.Unannounce, Target, value, token, ToId: id), (end, _) => OnUnannounced(end));
            }
            else
            {
                OnUnannounced(at);
            }
        });
    }

    private void OnUnannounced(Timestamp now)
    {
        if (--_withdrawing == 0 && State == AnnounceState.Withdrawn) Complete(_withdrawWaiters, now);
    }

    /// <summary>A request of the current cycle; later cycles do not hear of it.</summary>
    private void Request(Timestamp now, in RpcCallRequest request, Action<Timestamp, RpcOutcome> done)
    {
        int cycle = _cycle;
        IRpcCall? call = null;
        call = _engine.Request(now, request, (at, outcome) =>
        {
            if (cycle != _cycle) return;
            _calls.Remove(call!);
            done(at, outcome);
        });
        _calls.Add(call);
    }

    private static void Complete(List<Action<Timestamp>> waiters, Timestamp now)
    {
        var called = waiters.ToArray();
        waiters.Clear();
        foreach (var waiter in called) waiter(now);
    }

    private sealed class CycleObserver(AnnounceMachine machine, int cycle) : IRpcQueryObserver
    {
        public void OnReply(Timestamp now, RpcResponse reply) { }

        public void OnFinished(Timestamp now, RpcQueryOutcome outcome)
        {
            if (cycle == machine._cycle) machine.OnWalked(now, outcome);
        }
    }
}
