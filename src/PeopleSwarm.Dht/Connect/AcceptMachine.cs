using PeopleSwarm.Dht.Announcing;
using PeopleSwarm.Dht.HolePunch;
using PeopleSwarm.Dht.Messages;
using PeopleSwarm.Dht.Relay;
using PeopleSwarm.Dht.Rpc;

namespace PeopleSwarm.Dht.Connect;

/// <summary>Decides, later and on the loop, whether a peer is refused.</summary>
internal interface IPeerGate
{
    /// <summary>Asks; <paramref name="answer"/> is called once, later, with true to refuse.</summary>
    void Ask(PublicKey remote, PeerHandshakePayload payload, Action<Timestamp, bool> answer);
}

/// <summary>Names the relay of a connection, or none; on the loop.</summary>
/// <param name="clients">The relay the client names, which both sides take if we name none.</param>
internal delegate PublicKey? RelayChoice(PublicKey? clients);

/// <summary>
/// The server side of handshakes for one key (spec hyperdht, 8.3). The exact bytes of the client's message name a session: the
/// same message over several relays, or repeated, is decided once and answered alike. Refusal is silence.
/// </summary>
internal sealed partial class AcceptMachine
{
    private const int MaxWaiters = 128; // answers owed by one session while its gate decides

    private readonly PeerContext _context;
    private readonly KeyPair _keyPair;
    private readonly AnnounceMachine _announcer;
    private readonly RelayRouter _router;
    private readonly PeerListenOptions _options;
    private readonly IPeerGate? _gate;
    private readonly Action<PeerLink> _accepted;
    private readonly RelayChoice? _chooseRelay;
    private readonly Dictionary<NodeId, AcceptSession> _sessions = [];
    private readonly LinkedList<AcceptSession> _open = [], _resting = [], _over = []; // each by its deadline, as all in it wait equally long
    private readonly List<AcceptSession?> _slots = [];
    private readonly PriorityQueue<int, int> _freeSlots = new(); // the lowest first

    public AcceptMachine(PeerContext context, KeyPair keyPair, AnnounceMachine announcer, RelayRouter router, PeerListenOptions options,
        IPeerGate? gate, Action<PeerLink> accepted, RelayChoice? chooseRelay)
    {
        (_context, _keyPair, _announcer, _router, _options, _gate, _accepted) = (context, keyPair, announcer, router, options, gate, accepted);
        _chooseRelay = chooseRelay;
        (_waiting, _pace) = (new(context.Options.MaxWaitingHandshakes), new(context.Options));
    }

    /// <summary>Sessions remembered, finished ones included.</summary>
    public int SessionCount => _sessions.Count;

    /// <summary>Messages dropped over a limit.</summary>
    public long Dropped { get; private set; }

    public Timestamp? NextTimeout
    {
        get
        {
            var due = Timestamp.Earliest(Timestamp.Earliest(_open.First?.Value.Due, _resting.First?.Value.Due), _over.First?.Value.Due);
            return _waiting.Count == 0 ? due : Timestamp.Earliest(due, _pace.Due);
        }
    }

    public void HandleTimeout(Timestamp now)
    {
        ReadWaiting(now);
        while (_over.First is { Value: var over } && over.Due <= now) Forget(now, over);
        while (_resting.First is { Value: var resting } && resting.Due <= now) StayRelayed(now, resting);
        while (_open.First is { Value: var session } && session.Due <= now)
        {
            if (session.Punch is { IsPunching: true } || session.Relay is { IsPending: true })
                SetState(session, session.State, now + _context.Options.PassiveWait); // ends by its own schedule
            else if (session.State == AcceptState.Upgrading && session.Punch is not null) OnPunchEnded(now, session, mayPass: true); // the client fell silent
            else if (session.State == AcceptState.Upgrading) StayRelayed(now, session);
            else Close(now, session);
        }
    }

    /// <summary>Takes a punch round that a relay brings for one of our sessions.</summary>
    public void ReceiveRound(Timestamp now, in RpcIncoming request, in PeerHolepunchMessage message, in UdpEndPoint client)
    {
        if (message.Id >= _slots.Count || _slots[(int)message.Id] is not { State: AcceptState.Waiting or AcceptState.Upgrading } session) return;
        if (session.IsResting && IsFromClient(session, message)) PunchAgain(now, session);
        session.Punch?.Receive(now, request, message, client);
    }

    /// <summary>Drops every session; streams that nobody was given end.</summary>
    public void Clear()
    {
        var now = _context.Now();
        _waiting.Clear();
        foreach (var session in _sessions.Values.ToArray()) Forget(now, session);
    }

    private AcceptSession AddSession(Timestamp now, in NodeId key, in RpcIncoming request, in HandshakeWay way)
    {
        if (_sessions.Count >= _options.MaxHandshakes) MakeRoom(now);
        if (!_freeSlots.TryDequeue(out int id, out _))
        {
            id = _slots.Count;
            _slots.Add(null);
        }
        var session = new AcceptSession(id, key, request, way);
        (_sessions[key], _slots[id]) = (session, session);
        return session;
    }

    /// <summary>The oldest that only serves duplicates goes, or else the oldest that only waits for a better path, or that was not heard of again.</summary>
    private void MakeRoom(Timestamp now)
    {
        Dropped++;
        if ((_over.First ?? _resting.First ?? _open.First) is { Value: var oldest }) Forget(now, oldest);
    }

    private static void Owe(AcceptSession session, in RpcIncoming request, in HandshakeWay way)
    {
        if (session.Owed is { Count: < MaxWaiters } owed) owed.Add((request, way));
    }

    private void OnDecided(Timestamp now, AcceptSession session, bool refused)
    {
        if (session.State != AcceptState.Deciding) return; // given up meanwhile
        if (refused) Close(now, session);
        else Answer(now, session);
    }

    private void Answer(Timestamp now, AcceptSession session)
    {
        var remote = session.Remote!;
        var error = remote.Version != NoisePayload.CurrentVersion ? PeerErrorCode.VersionMismatch
            : remote.Udx is null ? PeerErrorCode.Aborted : PeerErrorCode.None;
        if (error == PeerErrorCode.None && !TryCreateStream(session))
        {
            Close(now, session);
            return;
        }
        bool isDialled = remote.Firewall == PeerFirewallState.Open || session.IsDirect;
        if (error == PeerErrorCode.None && !isDialled && _context.Relays is not null && _chooseRelay?.Invoke(remote.RelayThrough?.PublicKey) is { } chosen)
            session.OwnRelay = new(chosen, _context.NewToken());
        byte[] reply = session.Reply = WriteReply(session, error);
        var owed = session.Owed!;
        session.Owed = null;
        if (error != PeerErrorCode.None) Close(now, session);
        else if (isDialled) Dial(now, session);
        else WaitForClient(now, session);

        foreach (var (request, way) in owed) _router.AnswerHandshake(now, request, way, reply, session.ReplySocket);
    }

    /// <summary>The client's first packet opens the stream; unless strangers reach us, we punch so that it can arrive.</summary>
    private void WaitForClient(Timestamp now, AcceptSession session)
    {
        SetState(session, AcceptState.Waiting, now + _context.Options.PassiveWait);
        if (_context.Firewall == PeerFirewallState.Open) return;
        StartRelay(session);
        session.PunchesLeft = _context.Options.UpgradeTries;
        StartPunching(now, session);
        bool isLocal = session.IsBehindSameAddress && _options.ShareLocalAddress
            && AddressRanges.Match(_context.LocalAddresses(), session.Remote!.Addresses4.Where(a => AddressRanges.IsPrivate(a)).ToArray()) is not null;
        if (!isLocal) session.ReplySocket = session.Punch?.Socket;
    }

    private void StartPunching(Timestamp now, AcceptSession session)
    {
        if (_options.Holepunch)
            session.Punch = ServerPunch.TryStart(now, _context, session.HandshakeHash, _announcer.IsRelay, (at, mayPass) => OnPunchEnded(at, session, mayPass));
    }

    private void OnPunchEnded(Timestamp now, AcceptSession session, bool mayPass)
    {
        session.Punch?.Stop(now);
        session.Punch = null;
        if (!mayPass) session.PunchesLeft = 0;
        if (session.State == AcceptState.Upgrading) Rest(now, session);
        else if (session.State == AcceptState.Waiting && session.Relay is not { IsPending: true }) Close(now, session);
    }

    /// <summary>The stream stays relayed; the client may come back to punch once more.</summary>
    private void Rest(Timestamp now, AcceptSession session)
    {
        bool isUseful = session.PunchesLeft > 0 && !session.Relay!.IsLost && !session.Relay.Stream.Closed.IsCompleted;
        if (isUseful) SetState(session, AcceptState.Upgrading, now + UpgradeSchedule.Patience, _resting);
        else StayRelayed(now, session);
    }

    private void PunchAgain(Timestamp now, AcceptSession session)
    {
        if (session.PunchesLeft-- <= 0) return;
        StartPunching(now, session);
        SetState(session, AcceptState.Upgrading, now + _context.Options.PassiveWait);
    }

    /// <summary>Strangers, who may know a session's number, must not make us open sockets.</summary>
    private bool IsFromClient(AcceptSession session, in PeerHolepunchMessage message)
    {
        using var secrets = _context.PunchSecretsOf(session.HandshakeHash);
        return secrets.TryOpen(message.Payload, out _);
    }

    private bool TryCreateStream(AcceptSession session)
    {
        try
        {
            session.Stream = _context.CreateStream(new()
            {
                AcceptPath = (IReliableStream _, in DatagramSource source) => OnPath(session, source),
                OnPathProved = (IReliableStream _, in DatagramSource _) => session.Relay?.OnPathProved(),
                OnMessage = session.Unordered.Receive,
            });
            return true;
        }
        catch (InvalidOperationException) // the transport is full or closed
        {
            Dropped++;
            return false;
        }
    }

    private byte[] WriteReply(AcceptSession session, PeerErrorCode error)
    {
        var relayAddresses = _announcer.RelayAddresses;
        var payload = new NoisePayload
        {
            Error = error,
            Firewall = _context.Firewall,
            Holepunch = _context.Firewall == PeerFirewallState.Open ? null : new(session.Id, _announcer.Relays),
            Addresses4 = _context.ListedAddresses(_options.ShareLocalAddress),
            Udx = new(session.Stream?.LocalId ?? 0, _options.ReusableSocket),
            SecretStreamVersion = 1,
            RelayThrough = session.OwnRelay,
            RelayAddresses = relayAddresses.Count == 0 ? null : relayAddresses,
        }.Encode();
        var handshake = session.Handshake!;
        var reply = new byte[payload.Length + handshake.NextMessageOverhead];
        int length = handshake.WriteMessage(payload, reply);
        if (error == PeerErrorCode.None) session.Keys = handshake.GetResult();
        session.HandshakeHash = session.Keys?.Hash ?? default;
        handshake.Dispose();
        session.Handshake = null;
        return length == reply.Length ? reply : reply[..length];
    }

    /// <summary>The client can be reached as it is: at the address others see, not the one it lists.</summary>
    private void Dial(Timestamp now, AcceptSession session)
    {
        var to = new DatagramSource(session.ClientAddress, session.IsDirect ? session.Socket : _context.Engine.DefaultSocket);
        var path = _context.Routes is { } routes && routes.TryGet(session.RemotePublicKey, out var route) && route.To.Socket == to.Socket ? route.Path : PeerPath.Direct;
        if (PeerContext.IsDialable(to.From)) Connect(now, session, to, path, isHeard: false);
        else SetState(session, AcceptState.Waiting, now + _context.Options.PassiveWait);
    }

    /// <summary>A packet for a session's stream: where it came from is where the client is.</summary>
    private bool OnPath(AcceptSession session, in DatagramSource source)
    {
        if (source.From.Port == 0) return false;
        if (session.Relay?.IsFromRelay(source) == true) return true;
        if (session.Relay is { IsInUse: true }) return TryUpgrade(session, source);
        if (session.State != AcceptState.Waiting) return session.State == AcceptState.Connected && session.IsHostOfPeer(source.From);
        Connect(_context.Now(), session, source, PathFrom(session, source), isHeard: true);
        return true;
    }

    private static PeerPath PathFrom(AcceptSession session, in DatagramSource source)
    {
        bool isLan = AddressRanges.IsPrivate(source.From) && source.From != session.ClientAddress && session.Remote!.Addresses4.Contains(source.From);
        return session.Punch?.Owns(source.Socket) == true ? PeerPath.Punched : isLan ? PeerPath.Lan : PeerPath.Direct;
    }

    /// <summary>The client's relay, unless we chose one; beside punching.</summary>
    private void StartRelay(AcceptSession session)
    {
        if ((session.OwnRelay ?? session.Remote!.RelayThrough) is not { } relay) return;
        session.Relay = RelayedStream.TryStart(_context, relay, isInitiator: session.OwnRelay is not null, session.Stream!, session.Remote!.Udx!.Id, (at, failure) =>
        {
            if (failure is null) HandOverRelayed(at, session);
            else if (session is { State: AcceptState.Waiting, Punch: null }) Close(at, session);
        }, at => OnRelayLost(at, session));
    }

    private void HandOverRelayed(Timestamp now, AcceptSession session)
    {
        var (stream, keys, relay) = (session.Stream!, session.Keys!, session.Relay!);
        (session.Stream, session.Keys, session.ConnectedTo) = (null, null, stream.Remote.From);
        SetState(session, AcceptState.Upgrading, now + _context.Options.PassiveWait);
        _accepted(new(stream, keys, session.RemotePublicKey, PeerPath.Relayed, session.Unordered, IsHeard: false) { Paths = relay.Path });
        if (session.Punch is null) Rest(now, session);
    }

    /// <summary>The relay forwards no longer: a punch under way goes on, and a client that may punch again has a moment to begin.</summary>
    private void OnRelayLost(Timestamp now, AcceptSession session)
    {
        if (session.State != AcceptState.Upgrading) session.Relay!.FailIfLost();
        else if (session.IsResting) SetState(session, AcceptState.Upgrading, now + _context.Options.PassiveWait);
    }

    /// <summary>A packet of a relayed stream that did not come from the relay: where the client is, if it may be there.</summary>
    private bool TryUpgrade(AcceptSession session, in DatagramSource source)
    {
        if (session.Punch?.Owns(source.Socket) != true && !session.IsAddressOfClient(source.From)) return false;
        var now = _context.Now();
        var (path, punch) = (PathFrom(session, source), session.Punch);
        session.Relay!.Move(source, path);
        session.ConnectedTo = source.From;
        punch?.Stop(now, source.Socket);
        _context.HandOver(session.RemotePublicKey, session.Relay.Stream, path, IsReusable(session));
        if (session.State == AcceptState.Upgrading) SetState(session, AcceptState.Connected, now + _options.HandshakeClearWait);
        return true;
    }

    /// <summary>Nothing direct came of it.</summary>
    private void StayRelayed(Timestamp now, AcceptSession session)
    {
        session.Punch?.Stop(now);
        session.Punch = null;
        SetState(session, AcceptState.Connected, now + _options.HandshakeClearWait);
        session.Relay!.FailIfLost();
    }

    private void Connect(Timestamp now, AcceptSession session, in DatagramSource to, PeerPath path, bool isHeard)
    {
        var (stream, keys) = (session.Stream!, session.Keys!);
        (session.Stream, session.Keys, session.ConnectedTo) = (null, null, to.From);
        stream.Connect(to.Socket, session.Remote!.Udx!.Id, to.From);
        session.Relay?.Stop();
        session.Punch?.Stop(now, to.Socket);
        _context.HandOver(session.RemotePublicKey, stream, path, IsReusable(session));
        session.Remote = null; // a session is remembered for a while yet
        SetState(session, AcceptState.Connected, now + _options.HandshakeClearWait);
        _accepted(new(stream, keys, session.RemotePublicKey, path, session.Unordered, isHeard));
    }

    private bool IsReusable(AcceptSession session) => _options.ReusableSocket && session.Remote!.Udx!.ReusableSocket;

    private void Close(Timestamp now, AcceptSession session)
    {
        session.Release(now);
        SetState(session, AcceptState.Closed, now + _options.HandshakeClearWait);
    }

    private void Forget(Timestamp now, AcceptSession session)
    {
        _sessions.Remove(session.Key);
        _slots[session.Id] = null;
        _freeSlots.Enqueue(session.Id, session.Id);
        session.Release(now);
        session.State = AcceptState.Closed;
        session.Reply = null; // the session is its stream's for as long as that lives
        session.Place.List?.Remove(session.Place);
        _context.DeadlinesChanged = true;
    }

    private void SetState(AcceptSession session, AcceptState state, Timestamp due, LinkedList<AcceptSession>? place = null)
    {
        (session.State, session.Due) = (state, due);
        session.Place.List?.Remove(session.Place);
        (place ?? (session.IsOver ? _over : _open)).AddLast(session.Place);
        _context.DeadlinesChanged = true;
    }
}
