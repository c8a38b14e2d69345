namespace PeopleSwarm.Dht.Rpc;

/// <summary>A request under way, from its creation until <see cref="Done"/> is called.</summary>
internal sealed class RpcCall(RequestTable table, ushort tid, in RpcCallRequest request, byte[] datagram, SocketId socket, Timestamp now,
    Action<Timestamp, RpcOutcome> done) : IRpcCall
{
    public ushort Tid { get; } = tid;

    public UdpEndPoint To { get; } = request.To;

    /// <summary>The id of the node asked, where the table is to hear of its silence.</summary>
    public NodeId? ToId { get; } = request.ToId;

    /// <summary>The same bytes at every send.</summary>
    public byte[] Datagram { get; } = datagram;

    public SocketId Socket { get; } = socket;

    public byte Ttl { get; } = request.Ttl;

    public bool Force { get; } = request.Force;

    public int Retries { get; } = request.Force ? 0 : request.Retries;

    public TimeSpan? Timeout { get; } = request.Timeout;

    public Timestamp CreatedAt { get; } = now;

    public Timestamp LastSentAt { get; set; }

    public int Sends { get; set; }

    public bool IsOver { get; set; }

    public Action<Timestamp, RpcOutcome> Done { get; } = done;

    /// <summary>Called once, when the first send was not answered in time.</summary>
    public Action<Timestamp>? Slow { get; set; }

    public void Cancel(Timestamp now) => table.Cancel(this);
}
