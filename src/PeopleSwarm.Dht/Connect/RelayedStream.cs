using PeopleSwarm.Dht.Messages;

namespace PeopleSwarm.Dht.Connect;

/// <summary>Where a stream goes through a relay: its socket and address, and the number of our stream there.</summary>
internal readonly record struct RelayLeg(DatagramSource Relay, uint StreamId);

/// <summary>One attempt to be paired by a relay, and the connection to it afterwards.</summary>
internal interface IRelayPairing
{
    /// <summary>The stream goes another way: the connection to the relay ends in order.</summary>
    void End();

    /// <summary>The attempt is given up. Nothing is called any more.</summary>
    void Abort();
}

/// <summary>Makes connections to relays; on the loop.</summary>
internal interface IRelayDialler
{
    /// <summary>Dials a relay and asks to be paired; null if too many attempts are under way.</summary>
    /// <param name="relay">The relay and the token both sides know.</param>
    /// <param name="isInitiator">Whether the relay is our choice.</param>
    /// <param name="stream">The stream to be relayed; the connection to the relay ends with it.</param>
    /// <param name="done">Called once, later and on the loop; null if nothing came of it.</param>
    IRelayPairing? Pair(RelayThroughInfo relay, bool isInitiator, IReliableStream stream, Action<Timestamp, RelayLeg?> done);
}

/// <summary>A stream's way through a relay, beside which a direct one is looked for (spec hyperdht, 10).</summary>
internal sealed class RelayedStream
{
    private readonly IReliableStream _stream;
    private readonly uint _remoteId;
    private IRelayPairing? _pairing;
    private RelayLeg? _leg;

    private RelayedStream(IReliableStream stream, uint remoteId) => (_stream, _remoteId) = (stream, remoteId);

    /// <summary>Whether the relay has not answered yet.</summary>
    public bool IsPending => _pairing is not null && _leg is null;

    /// <summary>Whether the stream goes through the relay.</summary>
    public bool IsInUse => _leg is not null && !IsMoved;

    /// <summary>Whether the stream went through the relay and has left it.</summary>
    public bool IsMoved { get; private set; }

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
    /// <param name="paired">The stream is connected through the relay, or, by false, it will not be.</param>
    public static RelayedStream? TryStart(PeerContext context, RelayThroughInfo relay, bool isInitiator, IReliableStream stream, uint remoteId,
        Action<Timestamp, bool> paired)
    {
        var relayed = new RelayedStream(stream, remoteId);
        relayed._pairing = context.Relays?.Pair(relay, isInitiator, stream, (now, leg) => relayed.OnPaired(now, leg, paired));
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
        _pairing?.Abort();
        _pairing = null;
    }

    private void OnPaired(Timestamp now, RelayLeg? leg, Action<Timestamp, bool> paired)
    {
        if (_pairing is null) return; // given up
        if (leg is not { } found || _stream.Closed.IsCompleted || _stream.IsConnected)
        {
            _pairing.Abort();
            _pairing = null;
            paired(now, false);
            return;
        }
        _leg = found;
        _stream.Connect(found.Relay.Socket, found.StreamId, found.Relay.From);
        paired(now, true);
    }
}
