namespace PeopleSwarm.Dht.Rpc;

/// <summary>What an overlay on the RPC layer may do. On the loop, with the caller's <c>now</c>; no call blocks or calls back inline.</summary>
internal interface IRpcEngine
{
    /// <summary>Our id; null while ephemeral.</summary>
    NodeId? Id { get; }

    /// <summary>Strangers reach us without punching, as proved by the firewall probe (spec dht-rpc, 14): our public address.</summary>
    UdpEndPoint? PublicEndPoint { get; }

    /// <summary>The socket of new requests: client socket while firewalled, else server socket.</summary>
    SocketId DefaultSocket { get; }

    /// <summary>The stable socket.</summary>
    SocketId ServerSocket { get; }

    /// <summary>The nodes heard of last, newest first.</summary>
    IReadOnlyList<UdpEndPoint> NewestNodes(int limit);

    /// <summary>Sends a request; <paramref name="done"/> is called exactly once, later, with an answer or a failure.</summary>
    IRpcCall Request(Timestamp now, in RpcCallRequest request, Action<Timestamp, RpcOutcome> done);

    /// <summary>Starts a walk to the closest nodes (spec dht-rpc, 13).</summary>
    IRpcQuery StartQuery(Timestamp now, RpcQueryRequest request, IRpcQueryObserver observer);

    /// <summary>Answers a request, through the socket it came in on unless told otherwise.</summary>
    void Reply(Timestamp now, in RpcIncoming request, in RpcReply reply);

    /// <summary>Sends the request on as a request with the same transaction id, command and target, a new value and no token (spec dht-rpc, 9.7).</summary>
    void Forward(Timestamp now, in RpcIncoming request, UdpEndPoint to, ReadOnlyMemory<byte> value, SocketId? socket = null);
}

/// <summary>A request under way.</summary>
internal interface IRpcCall
{
    /// <summary>Gives it up; the outcome is <see cref="RpcFailure.Cancelled"/>. Nothing is sent afterwards.</summary>
    void Cancel(Timestamp now);
}

/// <summary>A walk under way.</summary>
internal interface IRpcQuery
{
    /// <summary>While true no further requests leave: the consumer does not read.</summary>
    bool IsPaused { get; set; }

    /// <summary>Ends it early; <see cref="IRpcQueryObserver.OnFinished"/> follows with what was found.</summary>
    void Cancel(Timestamp now);
}

/// <summary>What a walk tells.</summary>
internal interface IRpcQueryObserver
{
    /// <summary>An answer without an error, as it comes.</summary>
    void OnReply(Timestamp now, RpcResponse reply);

    /// <summary>The walk is over; the last call. Closest replies first, at most 20, each with an id.</summary>
    void OnFinished(Timestamp now, RpcQueryOutcome outcome);
}

internal readonly record struct RpcCallRequest(UdpEndPoint To, int Command, NodeId? Target = null, ReadOnlyMemory<byte>? Value = null,
    ReadOnlyMemory<byte>? Token = null, bool IsInternal = false, NodeId? ToId = null, int Retries = 3, SocketId? Socket = null, byte Ttl = 0,
    bool Force = false, TimeSpan? Timeout = null);

internal enum RpcFailure { None, TimedOut, Cancelled, Suspended, LimitReached }

/// <summary>An answer, or why there is none.</summary>
internal readonly record struct RpcOutcome(RpcResponse? Response, RpcFailure Failure);

/// <summary>An answer as its receiver sees it.</summary>
internal sealed record RpcResponse(ushort Tid, SocketId Socket, UdpEndPoint From, NodeId? Id, UdpEndPoint To, ReadOnlyMemory<byte>? Token,
    IReadOnlyList<UdpEndPoint> CloserNodes, int Error, ReadOnlyMemory<byte>? Value, TimeSpan RoundTrip);

/// <summary>A request of another node; the value is borrowed until the handler returns. <paramref name="Size"/>: bytes of the datagram.</summary>
internal readonly record struct RpcIncoming(SocketId Socket, ushort Tid, UdpEndPoint From, UdpEndPoint To, NodeId? Id, bool HasValidToken,
    ReadOnlyMemory<byte> Token, int Command, NodeId? Target, ReadOnlyMemory<byte>? Value, bool IsInternal, int Size = 0);

/// <summary>An answer to give. <paramref name="To"/> null answers the sender.</summary>
internal readonly record struct RpcReply(ReadOnlyMemory<byte>? Value = null, int Error = 0, bool WithToken = true, bool WithCloserNodes = true,
    UdpEndPoint? To = null, SocketId? Socket = null)
{
    /// <summary>An answer without a value.</summary>
    public RpcReply() : this(Value: null) { }
}

internal sealed record RpcQueryRequest(NodeId Target, int Command, ReadOnlyMemory<byte>? Value = null, bool IsInternal = false)
{
    public IReadOnlyList<UdpEndPoint>? Nodes { get; init; }
    public bool OnlyGivenNodes { get; init; }
    public int? Concurrency { get; init; }
    public bool Force { get; init; }

    /// <summary>Parts of the address space that each have a share of the closest; null takes the node's.</summary>
    public int? DisjointPaths { get; init; }

    /// <summary>Ask the bootstrap nodes too, however many nodes are known.</summary>
    public bool AskBootstrap { get; init; }

    /// <summary>Made from each closest reply after the walk and sent to it; null skips that node.</summary>
    public Func<RpcResponse, RpcCallRequest?>? Commit { get; init; }
}

internal sealed record RpcQueryOutcome(IReadOnlyList<RpcResponse> ClosestReplies, int Successes, int Errors, int Committed, RpcFailure Failure,
    int LastCommitError = 0)
{
    /// <summary>The closest replies, of each disjoint path its closest first: the first few are not of one block of addresses if there are others.</summary>
    public IReadOnlyList<RpcResponse> SpreadReplies { get; init; } = ClosestReplies;
}

/// <summary>Serves the overlay's commands. On the loop.</summary>
internal interface IRpcHandler
{
    /// <summary>Serves a request, at once or later, or stays silent; false for a command not served here: the asker gets error 1.</summary>
    bool TryHandle(Timestamp now, in RpcIncoming request);

    /// <summary>Our id or public address changed.</summary>
    void OnIdentityChanged(Timestamp now);
}
