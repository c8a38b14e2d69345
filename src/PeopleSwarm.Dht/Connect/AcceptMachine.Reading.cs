using PeopleSwarm.Dht.Messages;
using PeopleSwarm.Dht.Relay;
using PeopleSwarm.Dht.Rpc;

namespace PeopleSwarm.Dht.Connect;

// First messages: which are read, and when.
internal sealed partial class AcceptMachine
{
    private readonly HandshakeQueue _waiting;
    private readonly HandshakePace _pace;

    /// <summary>Takes a client's handshake, however it came.</summary>
    public void Receive(Timestamp now, in RpcIncoming request, in PeerHandshakeMessage message)
    {
        if (message.Noise.IsEmpty) return;
        var kept = request with { Value = null, Token = default };
        var way = new HandshakeWay(message.Mode, message.PeerAddress, message.RelayAddress);
        Span<byte> hash = stackalloc byte[NodeId.Size];
        _context.Crypto.Hash(message.Noise, hash);
        var key = new NodeId(hash);
        if (TryAnswerAgain(now, key, kept, way)) return;
        if (_waiting.Count == 0 && _pace.MayRead(now)) Read(now, key, kept, way, message.Noise);
        else Wait(now, key, kept, way, message.Noise);
    }

    /// <summary>Whether the message is known; it is answered as before, or will be.</summary>
    private bool TryAnswerAgain(Timestamp now, in NodeId key, in RpcIncoming request, in HandshakeWay way)
    {
        if (!_sessions.TryGetValue(key, out var session)) return false;
        if (session.State == AcceptState.Deciding) Owe(session, request, way);
        else if (session.Reply is { } reply) _router.AnswerHandshake(now, request, way, reply, session.ReplySocket);
        return true;
    }

    private void Wait(Timestamp now, in NodeId key, in RpcIncoming request, in HandshakeWay way, ReadOnlySpan<byte> noise)
    {
        // A relay of ours tells who asked it; anybody else answers for what comes from there.
        var named = _announcer.IsRelay(request.From) ? way.RelayAddress ?? way.PeerAddress : null;
        uint sender = (named ?? request.From).IPv4;
        bool isKept = _waiting.TryMakeRoom(sender, out int dropped);
        Dropped += dropped;
        if (!isKept) return;
        _waiting.Add(sender, new(now, key, request, way, noise.ToArray()));
        _context.DeadlinesChanged = true;
    }

    private void ReadWaiting(Timestamp now)
    {
        if (_waiting.Count == 0) return;
        _context.DeadlinesChanged = true;
        bool mayRead = _pace.OnTurn(now);
        while (mayRead && _waiting.Count != 0)
        {
            var next = _waiting.Take();
            if (now - next.Since > _context.Options.PassiveWait)
            {
                Dropped++; // the client has given up
            }
            else if (!TryAnswerAgain(now, next.Key, next.Request, next.Way))
            {
                Read(now, next.Key, next.Request, next.Way, next.Noise);
                mayRead = false;
            }
        }
    }

    private void Read(Timestamp now, in NodeId key, in RpcIncoming request, in HandshakeWay way, ReadOnlySpan<byte> noise)
    {
        _pace.OnRead(now);
        var session = AddSession(now, key, request, way);
        if (!TryReadClient(session, noise))
        {
            Close(now, session);
            return;
        }
        SetState(session, AcceptState.Deciding, now + _context.Options.PassiveWait);
        if (_gate is null) Answer(now, session);
        else _gate.Ask(session.RemotePublicKey, session.ToPublicPayload(), (at, refused) => OnDecided(at, session, refused));
    }

    private bool TryReadClient(AcceptSession session, ReadOnlySpan<byte> noise)
    {
        var handshake = _context.Handshakes.Create(HandshakePattern.IK, HandshakeRole.Responder, _keyPair, prologue: _context.Namespaces.PeerHandshake);
        session.Handshake = handshake;
        var plain = new byte[noise.Length];
        if (!handshake.TryReadMessage(noise, plain, out int length) || handshake.RemotePublicKey is not { } remote) return false;
        if (!NoisePayload.TryRead(plain.AsSpan(0, length), out var payload)) return false;
        (session.RemotePublicKey, session.Remote) = (remote, payload);
        return true;
    }
}
