using PeopleSwarm.Dht.HolePunch;
using PeopleSwarm.Dht.Messages;
using PeopleSwarm.Dht.Relay;
using PeopleSwarm.Dht.Rpc;

namespace PeopleSwarm.Dht.Connect;

/// <summary>Where a handshake with a client stands.</summary>
internal enum AcceptState
{
    Deciding,  // the gate is asked; → Waiting, Connected or Closed
    Waiting,   // answered, the client's first packet opens the stream; → Upgrading, Connected, or Closed after a while
    Upgrading, // handed over through a relay, punching goes on or may be tried again; → Connected
    Connected, // the stream was handed over; remembered for duplicates
    Closed,    // refused, failed or given up; remembered for duplicates
}

/// <summary>One client's handshake.</summary>
internal sealed class AcceptSession
{
    public AcceptSession(int id, in NodeId key, in RpcIncoming request, in HandshakeWay way)
    {
        (Id, Key, Socket, Owed) = (id, key, request.Socket, [(request, way)]);
        IsDirect = way.PeerAddress is null;
        ClientAddress = way.PeerAddress ?? request.From;
        IsBehindSameAddress = ClientAddress.HasSameAddress(request.To);
        Place = new(this);
    }

    /// <summary>What punch rounds name; reused once the session is forgotten.</summary>
    public int Id { get; }

    /// <summary>The hash of the client's message.</summary>
    public NodeId Key { get; }

    /// <summary>The socket that it came to first.</summary>
    public SocketId Socket { get; }

    /// <summary>Where it stands among those with a deadline.</summary>
    public LinkedListNode<AcceptSession> Place { get; }

    /// <summary>Whether the client asked us without a relay.</summary>
    public bool IsDirect { get; }

    /// <summary>The client as the relay, or we, saw it.</summary>
    public UdpEndPoint ClientAddress { get; }

    public AcceptState State { get; set; }

    /// <summary>Where the stream leads.</summary>
    public UdpEndPoint ConnectedTo { get; set; }

    /// <summary>Whether the client may be there: where the relay saw it, or where it says it is.</summary>
    public bool IsAddressOfClient(UdpEndPoint source) => source.HasSameAddress(ClientAddress) || Remote!.Addresses4.Contains(source);

    /// <summary>Whether packets from there are the peer's on any socket of ours: the host it was reached at, or the one the relay saw.</summary>
    public bool IsHostOfPeer(UdpEndPoint source) => source.HasSameAddress(ConnectedTo) || source.HasSameAddress(ClientAddress);

    /// <summary>When it is given up or forgotten.</summary>
    public Timestamp Due { get; set; }

    public IHandshake? Handshake { get; set; }
    public PublicKey RemotePublicKey { get; set; }
    public NoisePayload? Remote { get; set; }
    public byte[]? Reply { get; set; }
    public IReliableStream? Stream { get; set; }
    public HandshakeResult? Keys { get; set; }
    public UnorderedInlet Unordered { get; } = new();

    /// <summary>Punches back; null where the client needs no punching, and between its attempts.</summary>
    public ServerPunch? Punch { get; set; }

    /// <summary>The handshake's hash, which outlives the keys.</summary>
    public ReadOnlyMemory<byte> HandshakeHash { get; set; }

    /// <summary>Attempts to punch that the client may still make while the stream is relayed.</summary>
    public int PunchesLeft { get; set; }

    /// <summary>The relay we chose for it.</summary>
    public RelayThroughInfo? OwnRelay { get; set; }

    /// <summary>The way through a relay; null where there is none.</summary>
    public RelayedStream? Relay { get; set; }

    /// <summary>The socket the answer leaves through, so that a relay sees the address that will be punched; null for the one it came in on.</summary>
    public SocketId? ReplySocket { get; set; }

    /// <summary>What is to be answered once it is decided, the first request and its repetitions; null from then on.</summary>
    public List<(RpcIncoming Request, HandshakeWay Way)>? Owed { get; set; }

    /// <summary>Whether it only serves duplicates.</summary>
    public bool IsOver => State is AcceptState.Connected or AcceptState.Closed;

    /// <summary>Whether the stream works and only a better path is waited for.</summary>
    public bool IsResting => State == AcceptState.Upgrading && Punch is null;

    public PeerHandshakePayload ToPublicPayload() => new(ClientAddress, Remote!.Addresses4, Remote.Firewall == PeerFirewallState.Open);

    /// <summary>Whether the client sees us at the address we see it at: both may be behind one NAT.</summary>
    public bool IsBehindSameAddress { get; }

    /// <summary>Ends what nobody was given.</summary>
    public void Release(Timestamp now)
    {
        Punch?.Stop(now);
        Relay?.Stop();
        Stream?.Abort();
        Keys?.Dispose();
        Handshake?.Dispose();
        (Stream, Keys, Handshake, Owed) = (null, null, null, null);
    }
}
