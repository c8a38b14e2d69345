using PeopleSwarm.Dht.Messages;
using PeopleSwarm.Dht.Rpc;

namespace PeopleSwarm.Dht.Connect;

/// <summary>Looking for nodes that forward to the server, and shaking hands through them.</summary>
internal sealed partial class ConnectMachine
{
    private static readonly TimeSpan s_routeHeadStart = TimeSpan.FromMilliseconds(500); // more than nearly every round trip

    private void Search(Timestamp now, IReadOnlyList<UdpEndPoint>? seeds) =>
        _query = _context.Engine.StartQuery(now, new(_target, PeerCommand.FindPeer) { Nodes = seeds }, new SearchObserver(this));

    private void StopSearching(Timestamp now)
    {
        var query = _query;
        (_query, _spreadAt) = (null, null);
        query?.Cancel(now);
        _knownLeft.Clear();
        _candidates.Clear();
    }

    private void OnFound(Timestamp now, RpcResponse reply)
    {
        if (State != ConnectState.Searching || reply.Value is not { } value) return;
        if (!PeerRecordCodec.TryRead(value.Span, out var record) || record.PublicKey != _remote) return;
        _found++;
        if (_candidates.Count >= MaxCandidates || _tried.Contains(reply.From) || _candidates.Contains(reply.From)) return;
        _candidates.Enqueue(reply.From);
        TryCandidates(now);
    }

    private void OnSearched(Timestamp now, RpcQueryOutcome outcome)
    {
        _query = null;
        if (State != ConnectState.Searching) return;
        if (outcome.Failure == RpcFailure.Suspended)
        {
            Fail(now, PeerConnectError.Suspended, "The node was suspended.");
            return;
        }
        Log($"look-up: {outcome.Successes} answers, {_found} of them know the peer");
        FailIfExhausted(now);
    }

    /// <summary>Shakes hands with the peer itself, where it was a moment ago and over the same socket.</summary>
    private void TryRoute(Timestamp now, ReusableRoute route)
    {
        _route = route;
        TryFirst(now, route.To.From, s_routeHeadStart, route.To.Socket);
    }

    /// <summary>Asks who answered the last time, for a moment alone: nobody else need work for a connect that succeeds at once.</summary>
    private void TryFirst(Timestamp now, UdpEndPoint first, TimeSpan alone, SocketId? socket = null)
    {
        _spreadAt = now + alone;
        _tried.Add(first);
        _knownAttempts++;
        Attempt(now, first, at =>
        {
            _knownAttempts--;
            AskAll(at);
        }, socket);
    }

    private void AskAll(Timestamp now)
    {
        if (_isAskingAll) return;
        (_isAskingAll, _spreadAt) = (true, null);
        _context.DeadlinesChanged = true;
        var known = _relays.Where(a => PeerContext.IsDialable(a)).Distinct().Take(MaxKnown).ToArray();
        foreach (var relay in known) _knownLeft.Enqueue(relay);
        _isSeeded = known.Length != 0;
        TryKnown(now);
        Search(now, _isSeeded ? known : null);
    }

    private void TryKnown(Timestamp now)
    {
        while (_knownAttempts < MaxParallelKnown && _knownLeft.TryDequeue(out var relay))
        {
            if (!_tried.Add(relay)) continue;
            _knownAttempts++;
            Attempt(now, relay, at =>
            {
                _knownAttempts--;
                TryKnown(at);
            });
        }
    }

    private void TryCandidates(Timestamp now)
    {
        while (_attempts < MaxParallel && _candidates.TryDequeue(out var relay))
        {
            if (!_tried.Add(relay)) continue;
            _attempts++;
            Attempt(now, relay, at =>
            {
                _attempts--;
                TryCandidates(at);
            });
        }
    }

    /// <summary>Sends the one message through a node; <paramref name="failed"/> is called if nothing came of it.</summary>
    private void Attempt(Timestamp now, UdpEndPoint relay, Action<Timestamp> failed, SocketId? socket = null) =>
        Request(now, new(relay, PeerCommand.PeerHandshake, _target, _value, Socket: socket), (at, outcome) =>
        {
            if (State != ConnectState.Searching || TryTakeAnswer(at, relay, outcome)) return;
            failed(at);
            FailIfExhausted(at);
        });

    private void FailIfExhausted(Timestamp now)
    {
        if (_query is not null || _attempts + _knownAttempts != 0) return;
        if (_isSeeded)
        {
            _isSeeded = false;
            Search(now, seeds: null);
            return;
        }
        if (_forged != 0)
            Fail(now, PeerConnectError.HandshakeInvalid, "Nodes answered for the peer, but none with an answer made by its key.");
        else if (_found == 0)
            Fail(now, PeerConnectError.PeerNotFound, "No node knows a peer that listens on this key.");
        else
            Fail(now, PeerConnectError.PeerConnectionFailed, "Nodes know the peer, but it did not answer through any of them.");
    }

    /// <summary>Reads an answer; true if the connect goes on with it or ends by it.</summary>
    private bool TryTakeAnswer(Timestamp now, UdpEndPoint relay, in RpcOutcome outcome)
    {
        if (outcome.Response is not { } response)
        {
            Log($"handshake through {relay}: {(outcome.Failure == RpcFailure.TimedOut ? "no answer" : outcome.Failure.ToString())}");
            return false;
        }
        if (response.Value is not { } value)
        {
            Log($"handshake through {relay}: it knows no way to the peer");
            return false;
        }
        if (response.From != relay || !PeerHandshakeMessage.TryRead(value.Span, out var message) || message.Mode != RoutingMode.Reply || message.Noise.IsEmpty)
        {
            Log($"handshake through {relay}: bad handshake reply");
            return false;
        }
        using var handshake = _handshake.Clone(); // a forged answer must not spoil the real one
        var plain = new byte[message.Noise.Length];
        if (!handshake.TryReadMessage(message.Noise, plain, out int length) || !NoisePayload.TryRead(plain.AsSpan(0, length), out var payload))
        {
            _forged++;
            Log($"handshake through {relay}: the answer was not made by the peer's key");
            return false;
        }
        TakePayload(now, relay, response, message.PeerAddress, payload, handshake.GetResult());
        return true;
    }

    private void TakePayload(Timestamp now, UdpEndPoint relay, RpcResponse response, UdpEndPoint? peerAddress, NoisePayload payload, HandshakeResult keys)
    {
        _server = new(payload, keys, relay, peerAddress is not null, peerAddress ?? relay, response.To, response.Socket, response.RoundTrip);
        LogAnswer(relay, peerAddress);
        if (payload.Version != NoisePayload.CurrentVersion)
            Fail(now, PeerConnectError.ServerIncompatible, $"The peer speaks version {payload.Version}.");
        else if (payload.Error != PeerErrorCode.None)
            Fail(now, PeerConnectError.ServerError, $"The peer answered with error {(int)payload.Error}.");
        else if (payload.Udx is null)
            Fail(now, PeerConnectError.ServerError, "The peer offered no stream.");
        else
            ChoosePath(now, _server);
    }

    private void LogAnswer(UdpEndPoint relay, UdpEndPoint? peerAddress) =>
        _log.Add(() => $"handshake through {relay}: answered{(peerAddress is { } seen ? $" from {seen}" : " directly")}");

    private sealed class SearchObserver(ConnectMachine machine) : IRpcQueryObserver
    {
        public void OnReply(Timestamp now, RpcResponse reply) => machine.OnFound(now, reply);

        public void OnFinished(Timestamp now, RpcQueryOutcome outcome) => machine.OnSearched(now, outcome);
    }
}
