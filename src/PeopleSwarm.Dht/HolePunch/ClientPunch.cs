using PeopleSwarm.Dht.Connect;
using PeopleSwarm.Dht.Messages;
using PeopleSwarm.Dht.Rpc;

namespace PeopleSwarm.Dht.HolePunch;

/// <summary>Why punching was given up.</summary>
/// <param name="Error">For the caller.</param>
/// <param name="Message">Likewise.</param>
/// <param name="MayPass">Whether it may work later.</param>
internal readonly record struct PunchFailure(PeerConnectError Error, string Message, bool MayPass = false);

/// <summary>The dialling side of a punch: the rounds with the server, then the probes (spec hyperdht, 9.3 to 9.5).</summary>
internal sealed class ClientPunch
{
    private const string Busy = "Another punch of this node sprays ports, or did a moment ago.";
    private static readonly TimeSpan s_unknownPause = TimeSpan.FromSeconds(1); // the server may hear our first probe before it knows its NAT

    private readonly PeerContext _context;
    private readonly NodeId _target;
    private readonly ConnectServer _server;
    private readonly PunchSecrets _secrets;
    private readonly Puncher _puncher;
    private readonly NatSampling _sampling;
    private readonly Queue<RelayInfo> _relays;
    private readonly Action<Timestamp, DatagramSource> _connected;
    private readonly Action<Timestamp, PunchFailure> _failed;
    private readonly Action<string> _log;
    private RelayInfo _relay;
    private UdpEndPoint _serverAddress;
    private IRpcCall? _call;
    private Action<Timestamp>? _afterPause;
    private readonly bool _comesBack;
    private long _round;
    private bool _isOver, _mayRetry = true;

    private ClientPunch(PeerContext context, in NodeId target, ConnectServer server, Puncher puncher, PunchSecrets secrets,
        Action<Timestamp, DatagramSource> connected, Action<Timestamp, PunchFailure> failed, Action<string> log, long firstRound, bool comesBack)
    {
        (_context, _target, _server, _puncher, _secrets, _connected, _failed, _log) = (context, target, server, puncher, secrets, connected, failed, log);
        (_round, _comesBack) = (firstRound, comesBack);
        _sampling = new(context.Engine, puncher);
        _serverAddress = server.ServerAddress;
        var relays = server.Payload.Holepunch!.Relays;
        // The relay of the handshake first: through it the server's address of this moment is seen.
        _relays = new(relays.OrderBy(r => r.RelayAddress == server.Relay ? 0 : 1));
        puncher.Connected = OnConnected;
        puncher.Exhausted = now => Fail(now, PeerConnectError.HolepunchAborted, "The probes met no answer.", mayPass: true);
    }

    public Timestamp? NextTimeout { get; private set; }

    /// <summary>The number of the next round; it grows over all attempts of a connect.</summary>
    public long Round => _round;

    /// <summary>Begins; null if no socket could be opened.</summary>
    /// <param name="now">The current instant.</param>
    /// <param name="context">What the machines of the node share.</param>
    /// <param name="target">Where the server listens.</param>
    /// <param name="server">Its answer to our handshake.</param>
    /// <param name="connected">Called once with the path, or else</param>
    /// <param name="failed">called once with the reason.</param>
    /// <param name="log">Takes a line for each step.</param>
    /// <param name="firstRound">The number of the first round.</param>
    /// <param name="comesBack">Whether there will be another attempt after a failure that may pass: the peer is not told to give up.</param>
    public static ClientPunch? TryStart(Timestamp now, PeerContext context, in NodeId target, ConnectServer server,
        Action<Timestamp, DatagramSource> connected, Action<Timestamp, PunchFailure> failed, Action<string> log, long firstRound = 0, bool comesBack = false)
    {
        if (context.Punching?.Create(isInitiator: true) is not { } puncher) return null;
        var punch = new ClientPunch(context, target, server, puncher, context.PunchSecretsOf(server.Keys), connected, failed, log, firstRound, comesBack);
        punch._sampling.Start(now);
        punch.ProbeThroughNextRelay(now);
        return punch;
    }

    public void HandleTimeout(Timestamp now)
    {
        if (NextTimeout is not { } due || now < due) return;
        NextTimeout = null;
        var action = _afterPause;
        _afterPause = null;
        action?.Invoke(now);
    }

    /// <summary>Ends the attempt from outside; nothing is called any more.</summary>
    public void Stop(Timestamp now, SocketId? keep = null)
    {
        if (_isOver) return;
        (_isOver, NextTimeout, _afterPause) = (true, null, null);
        _call?.Cancel(now);
        _puncher.Stop(now, keep);
        _secrets.Dispose();
    }

    /// <summary>Whether the socket is one of this attempt.</summary>
    public bool Owns(SocketId socket) => _puncher.Owns(socket);

    private void ProbeThroughNextRelay(Timestamp now)
    {
        if (!_relays.TryDequeue(out _relay)) Fail(now, PeerConnectError.HolepunchAborted, "No relay of the peer carried a punch round.", mayPass: true);
        else Probe(now);
    }

    private void Probe(Timestamp now)
    {
        _puncher.OpenSession(_serverAddress);
        Send(now, _relay.PeerAddress, _relay.RelayAddress, new() { RemoteAddress = _serverAddress }, OnProbed);
    }

    private void OnProbed(Timestamp now, HolepunchPayload reply, UdpEndPoint peerAddress)
    {
        if (_puncher.RemoteFirewall < PeerFirewallState.Random && reply.Addresses is [{ Port: not 0 } first, ..] && first != _serverAddress)
            _puncher.OpenSession(first);
        if (_puncher.RemoteFirewall == PeerFirewallState.Unknown) Pause(now, s_unknownPause, at => Judge(at, reply, peerAddress));
        else Judge(now, reply, peerAddress);
    }

    private void Judge(Timestamp now, HolepunchPayload reply, UdpEndPoint peerAddress) => _sampling.WhenDecided(now, at =>
    {
        if (_isOver) return;
        if (!_puncher.IsUnstable)
        {
            Decide(at, reply, peerAddress);
            return;
        }
        _sampling.Reopen(at, (later, isStable) =>
        {
            if (_isOver) return;
            if (isStable && _mayRetry) ProbeAgain(later);
            else Decide(later, reply, peerAddress);
        });
    });

    private void ProbeAgain(Timestamp now)
    {
        _mayRetry = false;
        Probe(now);
    }

    private void Decide(Timestamp now, HolepunchPayload reply, UdpEndPoint peerAddress)
    {
        bool isUnknown = _puncher.RemoteFirewall == PeerFirewallState.Unknown;
        if ((isUnknown || reply.Token is null) && _mayRetry) ProbeAgain(now);
        else if (isUnknown || _puncher.Nat.Firewall == PeerFirewallState.Unknown)
            Abort(now, PeerConnectError.HolepunchProbeTimeout, isUnknown ? "The peer never learned its NAT." : "We never learned our NAT.");
        else if (_puncher.IsUnstable)
            Abort(now, PeerConnectError.HolepunchDoubleRandomizedNats, "Both NATs give every destination another port.");
        else Punch(now, reply.Token, peerAddress);
    }

    private void Punch(Timestamp now, Topic? remoteToken, UdpEndPoint peerAddress)
    {
        if (_relay.RelayAddress == _server.Relay && peerAddress != _serverAddress)
        {
            _serverAddress = peerAddress; // the server took a fresh socket
            _puncher.OpenSession(_serverAddress);
        }
        _puncher.Nat.IsFrozen = true; // the peer is told what we are now
        if (_puncher.NeedsSpraying && !_puncher.MaySpray(now))
        {
            if (_comesBack) Fail(now, PeerConnectError.HolepunchBusy, Busy, mayPass: true);
            else Abort(now, PeerConnectError.HolepunchBusy, Busy);
            return;
        }
        // Through our own relay, because its answer proves that the server's address is real.
        Send(now, _serverAddress, _server.Relay, new() { IsPunching = true, Token = _secrets.TokenOf(_serverAddress), RemoteToken = remoteToken }, OnPunching);
    }

    private void OnPunching(Timestamp now, HolepunchPayload reply, UdpEndPoint peerAddress)
    {
        _log($"punching {_puncher.Nat.Firewall} to {_puncher.RemoteFirewall}");
        if (!_puncher.IsRemotePunching) Fail(now, PeerConnectError.RemoteNotHolepunching, "The peer did not begin to punch.");
        else if (_puncher.NeedsSpraying && !_puncher.MaySpray(now)) // another one began meanwhile
            Abort(now, PeerConnectError.HolepunchBusy, Busy, mayPass: true);
        else if (!_puncher.TryPunch(now)) Fail(now, PeerConnectError.RemoteNotHolepunchable, "The peer's NAT cannot be punched from here.");
    }

    /// <summary>One round: our view of the NATs out, the peer's in.</summary>
    private void Send(
        Timestamp now, UdpEndPoint peerAddress, UdpEndPoint relay, HolepunchPayload payload, Action<Timestamp, HolepunchPayload, UdpEndPoint> answered)
    {
        payload = payload with { Firewall = _puncher.Nat.Firewall, Addresses = _puncher.Nat.Addresses, Round = _round++ };
        byte[] value = new PeerHolepunchMessage(RoutingMode.FromClient, _server.Payload.Holepunch!.Id, _secrets.Seal(payload), peerAddress).Encode();
        _call = _context.Engine.Request(now, new(relay, PeerCommand.PeerHolepunch, _target, value, Socket: _puncher.Socket), (at, outcome) =>
        {
            if (!_isOver) OnAnswer(at, relay, payload, outcome, answered);
        });
    }

    private void OnAnswer(
        Timestamp now, UdpEndPoint relay, HolepunchPayload sent, in RpcOutcome outcome, Action<Timestamp, HolepunchPayload, UdpEndPoint> answered)
    {
        if (outcome.Response is not { } response)
        {
            _log($"punch round through {relay}: no answer");
            if (sent.IsPunching) Fail(now, PeerConnectError.HolepunchAborted, "The peer did not answer a punch round.", mayPass: true);
            else ProbeThroughNextRelay(now);
            return;
        }
        if (response.Value is not { } value || !PeerHolepunchMessage.TryRead(value.Span, out var message) || message.Mode != RoutingMode.Reply
            || message.PeerAddress is not { } peerAddress || !_secrets.TryOpen(message.Payload, out var reply))
        {
            Fail(now, PeerConnectError.HolepunchAborted, "A punch round was answered with something else.");
            return;
        }
        if (response.Socket == _puncher.Socket) _sampling.Add(now, response.To, response.From);
        if (reply.Error == PeerErrorCode.TryLater)
        {
            Fail(now, PeerConnectError.HolepunchBusy, "Another punch of the peer sprays ports, or did a moment ago.", mayPass: true);
            return;
        }
        if (reply.Error != PeerErrorCode.None)
        {
            Fail(now, PeerConnectError.RemoteAborted, $"The peer gave punching up with error {(int)reply.Error}.");
            return;
        }
        bool isEchoed = sent.Token is { } token && reply.RemoteToken == token;
        _puncher.UpdateRemote(reply, isEchoed ? _serverAddress : null);
        answered(now, reply, peerAddress);
    }

    /// <summary>Tells the peer before giving up: it may be guessing ports already, and can do so for one client at a time.</summary>
    private void Abort(Timestamp now, PeerConnectError error, string message, bool mayPass = false)
    {
        byte[] box = _secrets.Seal(new() { Error = mayPass ? PeerErrorCode.TryLater : PeerErrorCode.Aborted, Round = _round++ });
        byte[] value = new PeerHolepunchMessage(RoutingMode.FromClient, _server.Payload.Holepunch!.Id, box, _relay.PeerAddress).Encode();
        _context.Engine.Request(now, new(_relay.RelayAddress, PeerCommand.PeerHolepunch, _target, value, Retries: 0), static (_, _) => { });
        Fail(now, error, message, mayPass);
    }

    private void OnConnected(Timestamp now, DatagramSource source)
    {
        if (_isOver) return;
        Stop(now, source.Socket);
        _connected(now, source);
    }

    private void Fail(Timestamp now, PeerConnectError error, string message, bool mayPass = false)
    {
        if (_isOver) return;
        Stop(now);
        _failed(now, new(error, message, mayPass));
    }

    private void Pause(Timestamp now, TimeSpan pause, Action<Timestamp> then)
    {
        (NextTimeout, _afterPause) = (now + pause, at =>
        {
            if (!_isOver) then(at);
        });
        _context.DeadlinesChanged = true;
    }
}
