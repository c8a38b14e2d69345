using PeopleSwarm.Dht.Announcing;
using PeopleSwarm.Dht.Connect;
using PeopleSwarm.Dht.HolePunch;
using PeopleSwarm.Dht.Messages;
using PeopleSwarm.Dht.Relay;
using PeopleSwarm.Dht.Rpc;
using PeopleSwarm.Dht.Storage;

namespace PeopleSwarm.Dht;

/// <summary>
/// The peer DHT of one node: serves the commands of others (spec hyperdht) and owns the listeners and connects of our own.
/// Without sockets or clocks; its datagrams leave through the RPC engine and the streams.
/// </summary>
internal sealed class PeerDht : IRpcHandler, IDatagramMachine
{
    private readonly PeerContext _context;
    private readonly RouteTable _routes;
    private readonly StorageNode _storage;
    private readonly RelayRouter _router;
    private readonly Dictionary<NodeId, PeerServer> _servers = [];
    private readonly HashSet<ConnectMachine> _connects = [];
    private readonly TwoGenerationCache<PublicKey, KnownWay> _knownWays;
    private readonly TimeSpan _sweepInterval;
    private Timestamp? _sweepDue, _next;
    private bool _isSuspended;

    public PeerDht(PeerContext context)
    {
        _context = context;
        var options = context.Options;
        Signer = new(context.Crypto, context.Namespaces);
        MutableSigner = new(context.Crypto, context.Namespaces);
        _routes = new(options.MaxRecords, options.RecordAge, options.MaxRecordsPerSource);
        _storage = new(context.Engine, _routes, context.Crypto, Signer, MutableSigner, context.Random, context.UnixMilliseconds, options);
        _router = new(context.Engine, _routes, options);
        _knownWays = new(Math.Max(1, options.MaxCachedPeers), TimeSpan.FromDays(365));
        _sweepInterval = options.RecordAge / 3;
    }

    public AnnounceSigner Signer { get; }

    public MutableSigner MutableSigner { get; }

    public StorageNode Storage => _storage;

    public RelayRouter Router => _router;

    /// <summary>Connects under way.</summary>
    public int ConnectCount => _connects.Count;

    /// <summary>Listeners not yet closed.</summary>
    public int ServerCount => _servers.Count;

    public Timestamp? NextTimeout
    {
        get
        {
            if (!_context.DeadlinesChanged) return _next;
            _context.DeadlinesChanged = false;
            _next = _sweepDue;
            foreach (var server in _servers.Values) _next = Timestamp.Earliest(_next, server.NextTimeout);
            foreach (var connect in _connects) _next = Timestamp.Earliest(_next, connect.NextTimeout);
            return _next;
        }
    }

    /// <summary>Serves handshakes and punch rounds always, the storage commands while we have an id.</summary>
    public bool TryHandle(Timestamp now, in RpcIncoming request)
    {
        switch (request.Command)
        {
            case PeerCommand.PeerHandshake:
                OnHandshake(now, request);
                return true;
            case PeerCommand.PeerHolepunch:
                OnHolepunch(now, request);
                return true;
            default:
                if (_sweepDue is null)
                {
                    _sweepDue = now + _sweepInterval;
                    _context.DeadlinesChanged = true;
                }
                return _storage.TryHandle(now, request);
        }
    }

    public void OnIdentityChanged(Timestamp now)
    {
        foreach (var server in _servers.Values) server.Announcer.Refresh(now);
    }

    /// <summary>Takes nothing: requests come through the RPC engine, probes go to <see cref="PunchMachine"/>.</summary>
    public bool Receive(Timestamp now, ReadOnlySpan<byte> datagram, in DatagramSource source) => false;

    public bool PollTransmit(Timestamp now, Span<byte> buffer, out Transmit transmit)
    {
        transmit = default;
        return false;
    }

    public void HandleTimeout(Timestamp now)
    {
        if (NextTimeout is not { } due || now < due) return;
        _context.DeadlinesChanged = true;
        if (_sweepDue <= now)
        {
            _storage.Advance(now);
            _sweepDue = now + _sweepInterval;
        }
        foreach (var server in _servers.Values.ToArray()) server.HandleTimeout(now);
        foreach (var connect in _connects.Where(c => c.NextTimeout <= now).ToArray()) connect.HandleTimeout(now);
    }

    /// <summary>The node begins, or goes on after it was suspended.</summary>
    public void Start(Timestamp now)
    {
        if (_context.Options.DeferRandomPunch) _context.Punching?.DeferSpray(now);
    }

    /// <summary>How long no connection of ours may guess ports, at least.</summary>
    public TimeSpan SprayPause(Timestamp now) => _context.Punching?.SprayPause(now) ?? TimeSpan.Zero;

    /// <summary>Begins to listen; null if this node listens on the key already.</summary>
    /// <param name="now">The current instant.</param>
    /// <param name="keyPair">The key to listen on.</param>
    /// <param name="options">How.</param>
    /// <param name="gate">Asked for each client; null lets all in.</param>
    /// <param name="accepted">Takes each connection.</param>
    /// <param name="announced">Called after the first announcement, whatever came of it.</param>
    /// <param name="chooseRelay">Names a relay for a connection; null names none.</param>
    public PeerServer? Listen(Timestamp now, KeyPair keyPair, PeerListenOptions options, IPeerGate? gate, Action<PeerLink> accepted,
        Action<Timestamp>? announced = null, RelayChoice? chooseRelay = null)
    {
        var target = PeerTarget.Of(_context.Crypto, keyPair.PublicKey);
        if (!_routes.TryPin(target, PeerRecordCodec.Encode(new(keyPair.PublicKey, [])))) return null;
        var announcer = new AnnounceMachine(Signer, keyPair, target, _context);
        var server = new PeerServer(target, keyPair.PublicKey, announcer, new(_context, keyPair, announcer, _router, options, gate, accepted, chooseRelay));
        _servers.Add(target, server);
        if (_isSuspended)
        {
            announcer.Withdraw(now, unannounce: false);
            announced?.Invoke(now);
        }
        else
        {
            announcer.Start(now, announced);
        }
        return server;
    }

    /// <summary>Ends a listener: no handshake is answered any more, and its relays are told; <paramref name="done"/> is called when they know.</summary>
    public void Close(Timestamp now, PeerServer server, bool unannounce, Action<Timestamp>? done = null)
    {
        if (!_servers.Remove(server.Target))
        {
            done?.Invoke(now);
            return;
        }
        _context.DeadlinesChanged = true;
        _routes.Unpin(server.Target);
        server.Acceptor.Clear();
        server.Announcer.Withdraw(now, unannounce, done);
    }

    /// <summary>Dials a key; <paramref name="done"/> is called once, later or, if nothing can be begun, at once.</summary>
    public ConnectMachine? Connect(Timestamp now, KeyPair keyPair, PublicKey remote, PeerConnectOptions options, Action<Timestamp, ConnectOutcome> done)
    {
        if (_isSuspended)
        {
            done(now, new(null, new(PeerConnectError.Suspended, "The node is suspended.")));
            return null;
        }
        if (_connects.Count >= _context.Options.MaxConnects) throw new DhtException(DhtError.LimitReached, "Too many connects are under way.");
        ConnectMachine? machine = null;
        machine = new(_context, keyPair, remote, WayTo(now, remote, options), options, now, (at, outcome) =>
        {
            if (machine!.UsedWay is { Relays.Count: not 0 } used) _knownWays.Set(at, remote, used);
            done(at, outcome);
        });
        _connects.Add(machine);
        machine.Ended = () => _connects.Remove(machine);
        machine.Start(now);
        return machine;
    }

    /// <summary>Withdraws all announcements and fails all connects; <paramref name="done"/> is called when the relays know.</summary>
    public void Suspend(Timestamp now, Action<Timestamp> done)
    {
        _isSuspended = true;
        _context.Routes?.Clear();
        foreach (var connect in _connects.ToArray()) connect.Cancel(now, PeerConnectError.Suspended, "The node was suspended.");
        int pending = _servers.Count;
        if (pending == 0) done(now);
        foreach (var server in _servers.Values)
        {
            server.Acceptor.Clear();
            server.Announcer.Withdraw(now, unannounce: true, at =>
            {
                if (--pending == 0) done(at);
            });
        }
    }

    public void Resume(Timestamp now)
    {
        _isSuspended = false;
        Start(now);
        foreach (var server in _servers.Values) server.Announcer.Start(now);
    }

    /// <summary>Announces all listeners again: the network changed or came back.</summary>
    public void Refresh(Timestamp now)
    {
        foreach (var server in _servers.Values) server.Announcer.Refresh(now);
    }

    /// <summary>We are in another network: dials from the old place are over, and all listeners are announced again.</summary>
    public void Move(Timestamp now)
    {
        _context.Routes?.Clear();
        foreach (var connect in _connects.ToArray()) connect.Cancel(now, PeerConnectError.PeerConnectionFailed, "The network changed.");
        Refresh(now);
    }

    /// <summary>Relays of a peer known from an earlier run.</summary>
    public void RememberRelays(Timestamp now, PeerRecord peer)
    {
        if (_context.Options.MaxCachedPeers != 0) _knownWays.Set(now, peer.PublicKey, new(peer.RelayAddresses));
    }

    /// <summary>Peers we were connected to and their relays, newest last.</summary>
    public IReadOnlyList<PeerRecord> RememberedRelays(int limit) => [.. _knownWays.Entries.TakeLast(limit).Select(e => new PeerRecord(e.Key, e.Value.Relays))];

    /// <summary>Fails all connects and drops all listeners without a word: the node goes away.</summary>
    public void Destroy(Timestamp now)
    {
        foreach (var connect in _connects.ToArray()) connect.Cancel(now, PeerConnectError.NodeDestroyed, "The node was disposed.");
        foreach (var server in _servers.Values.ToArray()) Close(now, server, unannounce: false);
    }

    private void OnHandshake(Timestamp now, in RpcIncoming request)
    {
        if (request.Target is not { } target || request.Value is not { } value || !PeerHandshakeMessage.TryRead(value.Span, out var message)) return;
        if (!_servers.TryGetValue(target, out var server)) _router.RouteHandshake(now, request, message);
        else if (!_isSuspended && message.Mode is RoutingMode.FromClient or RoutingMode.FromRelay or RoutingMode.FromSecondRelay)
            server.Acceptor.Receive(now, request, message);
    }

    private void OnHolepunch(Timestamp now, in RpcIncoming request)
    {
        if (request.Target is not { } target || request.Value is not { } value || !PeerHolepunchMessage.TryRead(value.Span, out var message)) return;
        // A server hears relays alone; what a client sends it directly is passed on like anybody's.
        if (message.Mode != RoutingMode.FromRelay) _router.RouteHolepunch(now, request, message);
        else if (message.PeerAddress is { } client && !_isSuspended && _servers.TryGetValue(target, out var server))
            server.Acceptor.ReceiveRound(now, request, message, client);
    }

    /// <summary>What the caller names, else what we remember; what announced itself on us comes before both.</summary>
    private KnownWay WayTo(Timestamp now, PublicKey remote, PeerConnectOptions options)
    {
        var way = new KnownWay(options.RelayAddresses);
        if (way.Relays.Count == 0 && _context.Options.MaxCachedPeers != 0 && _knownWays.TryGet(now, remote, out var remembered, renew: true)) way = remembered;
        return _routes.TryGet(now, PeerTarget.Of(_context.Crypto, remote), out var route) && route.Relay is { } relay ? new([relay, .. way.Relays]) : way;
    }
}

/// <summary>A listener: what announces it and what answers for it.</summary>
internal sealed record PeerServer(NodeId Target, PublicKey PublicKey, AnnounceMachine Announcer, AcceptMachine Acceptor)
{
    public Timestamp? NextTimeout => Timestamp.Earliest(Announcer.NextTimeout, Acceptor.NextTimeout);

    public void HandleTimeout(Timestamp now)
    {
        Announcer.HandleTimeout(now);
        Acceptor.HandleTimeout(now);
    }
}
