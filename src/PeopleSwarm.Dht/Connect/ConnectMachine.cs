using PeopleSwarm.Dht.Messages;
using PeopleSwarm.Dht.Rpc;

namespace PeopleSwarm.Dht.Connect;

/// <summary>Where a connect stands.</summary>
internal enum ConnectState
{
    Searching, // handshakes under way, or relays still looked for; → Waiting or Over
    Waiting,   // the server answered, a path is being tried; → Upgrading or Over
    Upgrading, // handed over through a relay, a direct path is still tried; → Over
    Over,
}

/// <summary>How a connect ended: with a link, or with a reason.</summary>
internal readonly record struct ConnectOutcome(PeerLink? Link, PeerConnectException? Error);

/// <summary>
/// Dials a key (spec hyperdht, 9.3): finds nodes that forward to it, shakes hands through several of them at once with the same
/// message, and takes the first path that works. It ends exactly once, at the latest when its time is over.
/// </summary>
internal sealed partial class ConnectMachine
{
    private const int MaxParallel = 2, MaxParallelKnown = 3; // attempts at once through nodes found, and through known ones
    private const int MaxKnown = 8, MaxCandidates = 32;

    private readonly PeerContext _context;
    private readonly PublicKey _remote;
    private readonly NodeId _target;
    private readonly PeerConnectOptions _options;
    private readonly IReadOnlyList<UdpEndPoint> _relays;
    private readonly UdpEndPoint? _first;
    private readonly TimeSpan _alone;
    private readonly Action<Timestamp, ConnectOutcome> _done;
    private readonly IHandshake _handshake;
    private readonly IReliableStream _stream;
    private readonly UnorderedInlet _unordered = new();
    private readonly PathGate _paths;
    private readonly byte[] _value;
    private readonly RelayThroughInfo? _ownRelay;
    private readonly bool _isOpen;
    private readonly Timestamp _deadline;

    private readonly HashSet<UdpEndPoint> _tried = [];
    private readonly Queue<UdpEndPoint> _knownLeft = [], _candidates = [];
    private readonly List<IRpcCall> _calls = [];
    private readonly ConnectLog _log;
    private IRpcQuery? _query;
    private int _attempts, _knownAttempts, _found, _forged;
    private bool _isSeeded, _isAskingAll;
    private ConnectServer? _server;
    private DatagramSource? _heardEarly;
    private ReusableRoute? _route;
    private Timestamp? _passiveUntil, _spreadAt;

    /// <summary>Makes the stream and the first message; <see cref="Start"/> sends it.</summary>
    /// <param name="context">What the machines of the node share.</param>
    /// <param name="keyPair">Who we are.</param>
    /// <param name="remote">Who is dialled.</param>
    /// <param name="known">Nodes that may forward to it, and the one that did.</param>
    /// <param name="options">How it is dialled.</param>
    /// <param name="now">The current instant; the time allowed counts from it.</param>
    /// <param name="done">Called once.</param>
    /// <exception cref="InvalidOperationException">The transport holds as many streams as it may.</exception>
    public ConnectMachine(PeerContext context, KeyPair keyPair, in PublicKey remote, KnownWay known, PeerConnectOptions options,
        Timestamp now, Action<Timestamp, ConnectOutcome> done)
    {
        (_context, _remote, _options, _done) = (context, remote, options, done);
        _target = PeerTarget.Of(context.Crypto, remote);
        _relays = known.Relays;
        if (known.First is { } first && PeerContext.IsDialable(first)) (_first, _alone) = (first, known.HeadStart);
        _isOpen = context.Firewall == PeerFirewallState.Open;
        _deadline = now + options.Timeout;
        _log = new(options.Progress, Elapsed);
        _handshake = context.Handshakes.Create(HandshakePattern.IK, HandshakeRole.Initiator, keyPair, remote, context.Namespaces.PeerHandshake);
        _paths = new(this);
        _stream = context.CreateStream(new() { AcceptPath = _paths.Accept, OnPathProved = _paths.OnProved, OnMessage = _unordered.Receive });
        if (options.RelayThrough is { } relay && context.Relays is not null) _ownRelay = new(relay, context.NewToken());
        _value = WriteHandshake();
    }

    public ConnectState State { get; private set; }

    /// <summary>Called when nothing is tried any more; at the latest a moment after the link was handed over or refused.</summary>
    public Action? Ended { get; set; }

    /// <summary>For the next connect: the server's relays as it told us, or those we used, and who answered. Null before there is a path.</summary>
    public KnownWay? UsedWay { get; private set; }

    public Timestamp? NextTimeout => State switch
    {
        ConnectState.Searching => Timestamp.Earliest(_deadline, _spreadAt),
        ConnectState.Over => null,
        ConnectState.Upgrading => Timestamp.Earliest(_upgradeDue, _punch?.NextTimeout),
        _ => Timestamp.Earliest(Timestamp.Earliest(_deadline, _passiveUntil), _punch?.NextTimeout),
    };

    public void Start(Timestamp now)
    {
        _context.DeadlinesChanged = true;
        if (_options.ReusableSocket && _context.Routes is { } routes && routes.TryGet(_remote, out var route)) TryRoute(now, route);
        else if (_first is { } first) TryFirst(now, first, _alone);
        else AskAll(now);
    }

    public void HandleTimeout(Timestamp now)
    {
        if (State == ConnectState.Over) return;
        if (State == ConnectState.Upgrading)
        {
            if (_stream.Closed.IsCompleted) End(now);
            else if (_upgradeDue <= now) OnUpgradeDue(now);
            else _punch?.HandleTimeout(now);
            return;
        }
        if (_passiveUntil <= now) Fail(now, PeerConnectError.HolepunchAborted, "We are reachable and waited for the peer, but it did not dial us.");
        else if (_deadline <= now) Fail(now, PeerConnectError.TimedOut, $"No connection within {_options.Timeout.TotalSeconds} s.");
        else if (_spreadAt <= now) AskAll(now);
        else _punch?.HandleTimeout(now);
    }

    /// <summary>Gives up for a reason from outside.</summary>
    public void Cancel(Timestamp now, PeerConnectError error, string message) => Fail(now, error, message);

    private byte[] WriteHandshake()
    {
        var payload = new NoisePayload
        {
            Firewall = _context.Firewall,
            Addresses4 = _context.ListedAddresses(_options.LocalConnection),
            Udx = new(_stream.LocalId, _options.ReusableSocket),
            SecretStreamVersion = 1,
            RelayThrough = _ownRelay,
        }.Encode();
        var noise = new byte[payload.Length + _handshake.NextMessageOverhead];
        int length = _handshake.WriteMessage(payload, noise);
        return new PeerHandshakeMessage(RoutingMode.FromClient, noise.AsSpan(0, length)).Encode();
    }

    /// <summary>A packet for our stream: the server dials us, perhaps before its answer is here.</summary>
    internal bool OnPath(in DatagramSource source)
    {
        if (source.From.Port == 0) return false;
        if (_relay?.IsFromRelay(source) == true) return true;
        bool isPunched = _punch?.Owns(source.Socket) == true;
        if (_relay is { IsInUse: true })
        {
            if (!isPunched && !IsAddressOfServer(source.From)) return false; // a stream that works is not moved by anybody
            Complete(_context.Now(), source, isPunched ? PeerPath.Punched : PathFrom(source.From, _server!), isHeard: true);
            return true;
        }
        if (State == ConnectState.Over) return false;
        if (State == ConnectState.Waiting)
            Complete(_context.Now(), source, isPunched ? PeerPath.Punched : PathFrom(source.From, _server!), isHeard: true);
        else _heardEarly ??= source;
        return true;
    }

    private static PeerPath PathFrom(UdpEndPoint source, ConnectServer server) =>
        AddressRanges.IsPrivate(source) && source != server.ServerAddress && server.Payload.Addresses4.Contains(source) ? PeerPath.Lan : PeerPath.Direct;

    private bool IsAddressOfServer(in UdpEndPoint source) => _server is { } server
        && (source.HasSameAddress(server.ServerAddress) || server.Payload.Addresses4.Contains(source));

    private void Complete(Timestamp now, in DatagramSource to, PeerPath path, bool isHeard)
    {
        if (_relay is { IsInUse: true })
        {
            Upgrade(now, to, path);
            return;
        }
        var server = _server!;
        if (_stream.Closed.IsCompleted)
        {
            Fail(now, PeerConnectError.NodeDestroyed, "The stream was closed from below.");
            return;
        }
        _stream.Connect(to.Socket, server.Payload.Udx!.Id, to.From);
        bool isReachable = path == PeerPath.Direct && server.Payload.Firewall == PeerFirewallState.Open;
        RememberWay(server, isReachable ? to.From : server.Relay);
        LogConnected(to.From, path);
        End(now, to.Socket);
        _context.HandOver(_remote, _stream, path, IsReusable(server));
        _done(now, new(new(_stream, server.Keys, _remote, path, _unordered, isHeard) { Log = _log }, null));
    }

    private void Fail(Timestamp now, PeerConnectError error, string message)
    {
        if (State == ConnectState.Over) return;
        if (State == ConnectState.Upgrading)
        {
            StayRelayed(now);
            return;
        }
        End(now);
        _stream.Abort();
        _server?.Keys.Dispose();
        _done(now, new(null, new(error, message, _log.Lines)));
    }

    private void End(Timestamp now, SocketId? keep = null)
    {
        if (State == ConnectState.Over) return;
        State = ConnectState.Over;
        _punch?.Stop(now, keep);
        _relay?.Stop();
        StopSearching(now);
        foreach (var call in _calls.ToArray()) call.Cancel(now);
        _calls.Clear();
        _context.DeadlinesChanged = true;
        _handshake.Dispose();
        _paths.Release(_relay is { IsInUse: true } ? this : null, _relay, _server?.ServerAddress);
        Ended?.Invoke();
    }

    private void RememberWay(ConnectServer server, UdpEndPoint first) =>
        UsedWay = new(server.Payload.RelayAddresses is { Count: > 0 } told ? told : _tried.Take(MaxKnown).ToArray(), first, server.Took);

    private bool IsReusable(ConnectServer server) => _options.ReusableSocket && server.Payload.Udx!.ReusableSocket;

    /// <summary>A request of this connect; it is not heard of any more once the connect is over.</summary>
    private void Request(Timestamp now, in RpcCallRequest request, Action<Timestamp, RpcOutcome> done)
    {
        IRpcCall? call = null;
        call = _context.Engine.Request(now, request, (at, outcome) =>
        {
            if (_calls.Remove(call!)) done(at, outcome);
        });
        _calls.Add(call);
    }

    private TimeSpan Elapsed() => _context.Now() - (_deadline - _options.Timeout);

    private void Log(string line) => _log.Add(line);

    private void LogConnected(UdpEndPoint address, PeerPath path) => _log.Add(() => $"connected to {address} ({path})");
}

/// <summary>What a stream asks about packets from elsewhere: the connect while it lasts, which may go while the stream stays.</summary>
internal sealed class PathGate(ConnectMachine connect)
{
    private ConnectMachine? _connect = connect;
    private RelayedStream? _relay;
    private UdpEndPoint? _server;

    public bool Accept(IReliableStream stream, in DatagramSource source)
    {
        if (_connect is { } connect) return connect.OnPath(source);
        return source.From.Port != 0 && (source.From.HasSameAddress(stream.Remote.From) || _server is { } server && source.From.HasSameAddress(server));
    }

    public void OnProved(IReliableStream stream, in DatagramSource source)
    {
        (_connect?.Relay ?? _relay)?.OnPathProved();
        _relay = null;
    }

    /// <summary>The connect is over; packets from the server's address are still the stream's.</summary>
    /// <param name="connect">Still asked while the stream is relayed and may move.</param>
    /// <param name="relay">Told when the peer has left it, too.</param>
    /// <param name="server">The server's address.</param>
    public void Release(ConnectMachine? connect, RelayedStream? relay, UdpEndPoint? server) => (_connect, _relay, _server) = (connect, relay, server);
}

/// <summary>A server that answered our handshake.</summary>
/// <param name="Payload">What it said.</param>
/// <param name="Keys">The keys agreed on.</param>
/// <param name="Relay">The node that carried the answer, or the server itself.</param>
/// <param name="IsRelayed">Whether it was carried.</param>
/// <param name="ServerAddress">The server as the relay sees it now.</param>
/// <param name="ClientAddress">We, as the relay sees us.</param>
/// <param name="Socket">The socket the answer came in on.</param>
/// <param name="Took">Time the answer took.</param>
internal sealed record ConnectServer(NoisePayload Payload, HandshakeResult Keys, UdpEndPoint Relay, bool IsRelayed, UdpEndPoint ServerAddress,
    UdpEndPoint ClientAddress, SocketId Socket, TimeSpan Took)
{
    /// <summary>Whether the server named relays to punch through.</summary>
    public bool IsHolepunchable => Payload.Holepunch is { Relays.Count: > 0 };
}
