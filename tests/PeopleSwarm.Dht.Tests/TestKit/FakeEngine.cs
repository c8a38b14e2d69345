using PeopleSwarm.Dht.Rpc;

namespace PeopleSwarm.Dht.TestKit;

/// <summary>An RPC engine that records what is asked of it; the test answers.</summary>
internal sealed class FakeEngine : IRpcEngine
{
    public static readonly SocketId Client = new(1), Server = new(2);

    public NodeId? Id { get; set; }
    public UdpEndPoint? PublicEndPoint { get; set; }
    public SocketId DefaultSocket { get; set; } = Client;
    public SocketId ServerSocket => Server;
    public List<UdpEndPoint> Nodes { get; } = [];

    public IReadOnlyList<UdpEndPoint> NewestNodes(int limit) => [.. Nodes.Take(limit)];

    public List<FakeCall> Calls { get; } = [];
    public List<FakeQuery> Queries { get; } = [];
    public List<(RpcIncoming Request, RpcReply Reply)> Replies { get; } = [];
    public List<(RpcIncoming Request, UdpEndPoint To, byte[] Value, SocketId? Socket)> Forwards { get; } = [];

    /// <summary>Calls neither answered nor cancelled.</summary>
    public IEnumerable<FakeCall> Open => Calls.Where(c => !c.IsOver);

    public FakeQuery Query => Queries[^1];

    public IEnumerable<FakeCall> OpenOf(int command, bool isInternal = false) =>
        Open.Where(c => c.Request.Command == command && c.Request.IsInternal == isInternal).ToArray();

    public IRpcCall Request(Timestamp now, in RpcCallRequest request, Action<Timestamp, RpcOutcome> done)
    {
        var call = new FakeCall(request, done);
        Calls.Add(call);
        return call;
    }

    public IRpcQuery StartQuery(Timestamp now, RpcQueryRequest request, IRpcQueryObserver observer)
    {
        var query = new FakeQuery(request, observer);
        Queries.Add(query);
        return query;
    }

    public void Reply(Timestamp now, in RpcIncoming request, in RpcReply reply) => Replies.Add((request, reply));

    public void Forward(Timestamp now, in RpcIncoming request, UdpEndPoint to, ReadOnlyMemory<byte> value, SocketId? socket = null) =>
        Forwards.Add((request, to, value.ToArray(), socket));
}

internal sealed class FakeCall(RpcCallRequest request, Action<Timestamp, RpcOutcome> done) : IRpcCall
{
    public RpcCallRequest Request { get; } = request;

    public bool IsCancelled { get; private set; }

    public bool IsOver { get; private set; }

    public void Cancel(Timestamp now)
    {
        if (IsOver) return;
        (IsOver, IsCancelled) = (true, true);
    }

    /// <summary>Tells a cancelled call's owner, as the engine does later.</summary>
    public void FinishCancel(Timestamp now) => done(now, new(null, RpcFailure.Cancelled));

    public void TimeOut(Timestamp now)
    {
        IsOver = true;
        done(now, new(null, RpcFailure.TimedOut));
    }

    public void Answer(Timestamp now, byte[]? value = null, int error = 0, NodeId? id = null, UdpEndPoint? to = null, byte[]? token = null,
        UdpEndPoint? from = null, SocketId? socket = null)
    {
        IsOver = true;
        done(now, new(PeerKit.Response(from ?? Request.To, value, error, id, to, token, socket), RpcFailure.None));
    }
}

internal sealed class FakeQuery(RpcQueryRequest request, IRpcQueryObserver observer) : IRpcQuery
{
    public RpcQueryRequest Request { get; } = request;
    public bool IsPaused { get; set; }
    public bool IsCancelled { get; private set; }

    public void Cancel(Timestamp now) => IsCancelled = true;

    public void Reply(Timestamp now, RpcResponse reply) => observer.OnReply(now, reply);

    public void Finish(Timestamp now, RpcQueryOutcome outcome) => observer.OnFinished(now, outcome);

    public void Finish(Timestamp now, params RpcResponse[] closest) =>
        observer.OnFinished(now, new(closest, closest.Length, 0, 0, IsCancelled ? RpcFailure.Cancelled : RpcFailure.None));
}
