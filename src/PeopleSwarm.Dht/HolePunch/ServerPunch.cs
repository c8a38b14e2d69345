using PeopleSwarm.Dht.Connect;
using PeopleSwarm.Dht.Messages;
using PeopleSwarm.Dht.Rpc;

namespace PeopleSwarm.Dht.HolePunch;

/// <summary>The listening side of a punch: answers the client's rounds and probes back (spec hyperdht, 9.6).</summary>
internal sealed class ServerPunch
{
    private readonly PeerContext _context;
    private readonly PunchSecrets _secrets;
    private readonly Puncher _puncher;
    private readonly NatSampling _sampling;
    private readonly Func<UdpEndPoint, bool> _isOwnRelay;
    private readonly Action<Timestamp, bool> _ended;
    private long _round;
    private bool _isOver;

    private ServerPunch(PeerContext context, Puncher puncher, PunchSecrets secrets, Func<UdpEndPoint, bool> isOwnRelay, Action<Timestamp, bool> ended)
    {
        (_context, _puncher, _secrets, _isOwnRelay, _ended) = (context, puncher, secrets, isOwnRelay, ended);
        _sampling = new(context.Engine, puncher);
        puncher.Exhausted = now => End(now, mayPass: true);
    }

    /// <summary>The socket the handshake's answer and all rounds leave through.</summary>
    public SocketId Socket => _puncher.Socket;

    /// <summary>Whether our schedule of probes runs; until then the session's own timer counts.</summary>
    public bool IsPunching => _puncher.IsPunching;

    /// <summary>Begins to judge our NAT; null if no socket could be opened.</summary>
    /// <param name="now">The current instant.</param>
    /// <param name="context">What the machines of the node share.</param>
    /// <param name="handshakeHash">Of the handshake the attempt belongs to.</param>
    /// <param name="isOwnRelay">Whether a node forwards for us.</param>
    /// <param name="ended">Called once if the attempt ends without a path, with whether a later one may find it.</param>
    public static ServerPunch? TryStart(Timestamp now, PeerContext context, ReadOnlyMemory<byte> handshakeHash, Func<UdpEndPoint, bool> isOwnRelay,
        Action<Timestamp, bool> ended)
    {
        if (context.Punching?.Create(isInitiator: false) is not { } puncher) return null;
        var punch = new ServerPunch(context, puncher, context.PunchSecretsOf(handshakeHash), isOwnRelay, ended);
        punch._sampling.Start(now);
        return punch;
    }

    /// <summary>Ends the attempt; <paramref name="keep"/> stays open for the stream that was opened on it.</summary>
    public void Stop(Timestamp now, SocketId? keep = null)
    {
        if (_isOver) return;
        _isOver = true;
        _puncher.Stop(now, keep);
        _secrets.Dispose();
    }

    /// <summary>Whether the socket is one of this attempt.</summary>
    public bool Owns(SocketId socket) => _puncher.Owns(socket);

    /// <summary>Takes a round; what cannot be opened stays without an answer.</summary>
    public void Receive(Timestamp now, in RpcIncoming request, in PeerHolepunchMessage message, in UdpEndPoint client)
    {
        if (_isOver || !_secrets.TryOpen(message.Payload, out var payload)) return;
        if (payload.Error != PeerErrorCode.None)
        {
            End(now, mayPass: payload.Error == PeerErrorCode.TryLater);
            return;
        }
        var round = new Round(request with { Value = null, Token = default }, client, payload, _isOwnRelay(request.From));
        var token = _secrets.TokenOf(client);
        bool isEchoed = round.IsOwnRelay && payload.RemoteToken == token;
        if (request.Socket == _puncher.Socket) _sampling.Add(now, request.To, request.From);
        if (payload.Round >= _round)
        {
            _round = payload.Round;
            _puncher.UpdateRemote(payload, isEchoed ? client : null);
        }
        _sampling.WhenDecided(now, at => OnJudged(at, round));
    }

    private void OnJudged(Timestamp now, Round round)
    {
        if (_isOver) return;
        if (!_puncher.IsUnstable || _puncher.IsRemotePunching)
        {
            Answer(now, round);
            return;
        }
        _sampling.Reopen(now, (at, isStable) =>
        {
            if (_isOver) return;
            if (isStable) Answer(at, round);
            else Abort(at, round, PeerErrorCode.Aborted);
        });
    }

    private void Answer(Timestamp now, Round round)
    {
        // The client has just opened its NAT towards us: often this one probe is all it takes.
        bool isConsistent = _puncher.Nat.Firewall is PeerFirewallState.Consistent or PeerFirewallState.Open;
        if (isConsistent && round.Payload.RemoteAddress is { } seen && _puncher.Nat.IsOurs(seen)) _puncher.Ping(round.Client);
        if (_puncher.IsRemotePunching && !_puncher.IsPunching)
        {
            if (_puncher.NeedsSpraying && !_puncher.MaySpray(now))
            {
                Abort(now, round, PeerErrorCode.TryLater);
                return;
            }
            if (!_puncher.TryPunch(now))
            {
                Abort(now, round, PeerErrorCode.Aborted);
                return;
            }
        }
        if (_puncher.Nat.Firewall != PeerFirewallState.Unknown) _puncher.Nat.IsFrozen = true;
        Send(now, round, new()
        {
            Firewall = _puncher.Nat.Firewall,
            Round = _round,
            IsConnected = _puncher.IsConnected,
            IsPunching = _puncher.IsPunching,
            Addresses = _puncher.Nat.Addresses,
            Token = round.IsOwnRelay ? _secrets.TokenOf(round.Client) : null,
            RemoteToken = round.Payload.Token,
        }, _puncher.Socket);
    }

    private void Abort(Timestamp now, Round round, PeerErrorCode error)
    {
        Send(now, round, new() { Error = error, Firewall = PeerFirewallState.Unknown, Round = _round }, _context.Engine.DefaultSocket); // ours closes now
        End(now, mayPass: error == PeerErrorCode.TryLater);
    }

    private void Send(Timestamp now, Round round, HolepunchPayload payload, SocketId? socket) =>
        _context.Engine.Forward(now, round.Request, round.Request.From,
            new PeerHolepunchMessage(RoutingMode.FromServer, 0, _secrets.Seal(payload), round.Client).Encode(), socket);

    private void End(Timestamp now, bool mayPass)
    {
        if (_isOver) return;
        Stop(now);
        _ended(now, mayPass);
    }

    private sealed record Round(RpcIncoming Request, UdpEndPoint Client, HolepunchPayload Payload, bool IsOwnRelay);
}
