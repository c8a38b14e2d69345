using PeopleSwarm.Dht.Messages;

namespace PeopleSwarm.Dht.Connect;

/// <summary>Where a stream goes through a relay: its socket and address, and the number of our stream there.</summary>
internal readonly record struct RelayLeg(DatagramSource Relay, uint StreamId);

/// <summary>One stream that a relay is asked to pair, and that it forwards for afterwards.</summary>
internal interface IRelayPairing
{
    /// <summary>Nobody needs the relay for this stream, or any more: it forgets it.</summary>
    void End();
}

/// <summary>Who hears of a pairing; on the loop.</summary>
/// <param name="Paired">Called once, later: the way through the relay, or null and the reason if there will be none.</param>
/// <param name="Lost">Called at most once after that, with the reason: the relay forwards no longer.</param>
internal sealed record RelayPairingEvents(Action<Timestamp, RelayLeg?, string> Paired, Action<Timestamp, string> Lost);

/// <summary>Has streams paired by relays; on the loop.</summary>
internal interface IRelayDialler
{
    /// <summary>Asks a relay, dialling it if there is no connection to it, to pair a stream; null if too much is under way.</summary>
    /// <param name="relay">The relay and the token both sides know.</param>
    /// <param name="isInitiator">Whether the relay is our choice.</param>
    /// <param name="stream">The stream to be relayed; the pairing ends with it.</param>
    /// <param name="events">Who hears of it.</param>
    IRelayPairing? Pair(RelayThroughInfo relay, bool isInitiator, IReliableStream stream, RelayPairingEvents events);

    /// <summary>Whether a connection to the relay is open, so that pairing costs one round trip.</summary>
    bool IsConnectedTo(PublicKey relay);
}

/// <summary>A stream's way through a relay, beside which a direct one is looked for (spec hyperdht, 10).</summary>
internal sealed class RelayedStream
{
    private readonly IReliableStream _stream;
    private readonly uint _remoteId;
    private IRelayPairing? _pairing;
    private RelayLeg? _leg;
    private string? _loss;

    private RelayedStream(IReliableStream stream, uint remoteId) => (_stream, _remoteId) = (stream, remoteId);

    /// <summary>Whether the relay has not answered yet.</summary>
    public bool IsPending => _pairing is not null && _leg is null;

    /// <summary>Whether the stream goes through the relay.</summary>
    public bool IsInUse => _leg is not null && !IsMoved;

    /// <summary>Whether the stream went through the relay and has left it.</summary>
    public bool IsMoved { get; private set; }

    /// <summary>Whether the relay forwards no longer.</summary>
    public bool IsLost => _loss is not null;

    /// <summary>The stream.</summary>
    public IReliableStream Stream => _stream;

    /// <summary>What tells the application of the path.</summary>
    public PathState Path { get; } = new(PeerPath.Relayed);

    /// <summary>Begins; null if no relay can be dialled.</summary>
    /// <param name="context">What the machines of the node share.</param>
    /// <param name="relay">The relay and the token.</param>
    /// <param name="isInitiator">Whether the relay is our choice.</param>
    /// <param name="stream">Our stream, not connected.</param>
    /// <param name="remoteId">The peer's stream, for the direct path.</param>
    /// <param name="paired">The stream is connected through the relay, or, with a reason, it will not be.</param>
    /// <param name="lost">The relay forwards no longer: <see cref="FailIfLost"/>, unless another path may still be found.</param>
    public static RelayedStream? TryStart(PeerContext context, RelayThroughInfo relay, bool isInitiator, IReliableStream stream, uint remoteId,
        Action<Timestamp, string?> paired, Action<Timestamp> lost)
    {
        var relayed = new RelayedStream(stream, remoteId);
        relayed._pairing = context.Relays?.Pair(relay, isInitiator, stream,
            new((now, leg, reason) => relayed.OnPaired(now, leg, reason, paired), (now, reason) => relayed.OnLost(now, reason, lost)));
        return relayed._pairing is null ? null : relayed;
    }

    /// <summary>Whether a packet came from the relay: such a one never shows a direct path.</summary>
    public bool IsFromRelay(in DatagramSource source) => _leg is { } leg && leg.Relay == source;

    /// <summary>Goes over to a direct path that works. Nothing is lost: what was under way is sent again there.</summary>
    public void Move(in DatagramSource to, PeerPath path)
    {
        _stream.ChangeRemote(to.Socket, _remoteId, to.From);
        _stream.TrySendMessage([]); // shows the peer the path at once
        IsMoved = true;
        Path.Set(path);
    }

    /// <summary>Asks whether the peer hears us at an address that may be its own.</summary>
    public void Probe(SocketId socket, in UdpEndPoint address) => _stream.TryProbe(socket, address);

    /// <summary>The peer's packets come directly: nobody needs the relay any more.</summary>
    public void OnPathProved()
    {
        if (!IsMoved) return;
        _pairing?.End();
        _pairing = null;
    }

    /// <summary>Gives the attempt up, unless the stream is relayed already.</summary>
    public void Stop()
    {
        if (_leg is not null) return;
        _pairing?.End();
        _pairing = null;
    }

    /// <summary>Breaks the stream, with the reason, if the relay is gone and nothing else was found.</summary>
    public void FailIfLost()
    {
        if (_loss is { } reason && !IsMoved) _stream.Abort(new IOException($"The connection to the relay was lost, and no direct path was found: {reason}"));
    }

    private void OnLost(Timestamp now, string reason, Action<Timestamp> lost)
    {
        (_pairing, _loss) = (null, reason);
        if (!IsMoved) lost(now);
    }

    private void OnPaired(Timestamp now, RelayLeg? leg, string reason, Action<Timestamp, string?> paired)
    {
        if (_pairing is null) return; // given up
        if (leg is not { } found || _stream.Closed.IsCompleted || _stream.IsConnected)
        {
            _pairing.End();
            _pairing = null;
            paired(now, leg is null ? reason : "another path was taken");
            return;
        }
        _leg = found;
        _stream.Connect(found.Relay.Socket, found.StreamId, found.Relay.From);
        paired(now, null);
    }
}
