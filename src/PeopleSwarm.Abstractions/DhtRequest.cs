namespace PeopleSwarm;

/// <summary>A request of an overlay, or of the RPC layer itself.</summary>
/// <param name="Command">The command's number in its space.</param>
/// <param name="Target">The key the request is about; null for none.</param>
/// <param name="Value">The body; null for none, which differs from empty.</param>
/// <param name="Token">The token the asked node gave us; null for none.</param>
/// <param name="IsInternal">Whether the number is of the RPC layer's own commands (spec dht-rpc, 10).</param>
public sealed record DhtRequest(int Command, NodeId? Target = null, ReadOnlyMemory<byte>? Value = null,
    ReadOnlyMemory<byte>? Token = null, bool IsInternal = false);

/// <summary>How a request is sent.</summary>
public sealed record DhtRequestOptions
{
    /// <summary>Times the request is sent again, 0 to 10, one second apart. Default 3.</summary>
    public int Retries { get; init; } = 3;

    /// <summary>Hop limit of the datagram, 1 to 255; 0 leaves the system's. Default 0.</summary>
    public byte Ttl { get; init; }

    /// <summary>The socket it leaves through, of a connection or a raw stream; null takes <see cref="DhtNodeStatus.Socket"/>. Default null.</summary>
    public SocketId? Socket { get; init; }
}

/// <summary>An answer.</summary>
/// <param name="From">Who answered.</param>
/// <param name="FromId">The answerer's id; null while it is ephemeral.</param>
/// <param name="To">Our address as the answerer sees it.</param>
/// <param name="Token">Lets us commit to that node; null if it gave none.</param>
/// <param name="CloserNodes">Nodes it knows closer to the target; may be empty.</param>
/// <param name="Error">0 for success; 1 unknown command, 2 invalid token, 16 and up of the overlay.</param>
/// <param name="Value">The body; null for none.</param>
/// <param name="RoundTrip">Time from the request to the answer.</param>
public sealed record DhtResponse(UdpEndPoint From, NodeId? FromId, UdpEndPoint To, ReadOnlyMemory<byte>? Token,
    IReadOnlyList<UdpEndPoint> CloserNodes, int Error, ReadOnlyMemory<byte>? Value, TimeSpan RoundTrip);

/// <summary>A request of another node, for an overlay's own commands.</summary>
/// <param name="From">Who asks.</param>
/// <param name="FromId">Its id; null while it is ephemeral.</param>
/// <param name="Command">The command's number.</param>
/// <param name="Target">The key it is about.</param>
/// <param name="Value">The body; null for none.</param>
/// <param name="HasValidToken">Whether the asker proved that it receives at its address.</param>
public sealed record DhtIncomingRequest(UdpEndPoint From, NodeId? FromId, int Command, NodeId? Target,
    ReadOnlyMemory<byte>? Value, bool HasValidToken);

/// <summary>What an overlay answers.</summary>
/// <param name="Value">The body; null for none.</param>
/// <param name="Error">0 for success, 16 and up for the overlay's own errors.</param>
/// <param name="WithToken">Whether the asker gets a token to commit with.</param>
/// <param name="WithCloserNodes">Whether closer nodes are added where the request has a target.</param>
public sealed record DhtReply(ReadOnlyMemory<byte>? Value = null, int Error = 0, bool WithToken = true, bool WithCloserNodes = true);

/// <summary>Serves the commands of an overlay; register it in the container. Called on the node's loop: answer without waiting.</summary>
public interface IDhtCommandHandler
{
    /// <summary>Serves a request.</summary>
    /// <returns>False for a command that is not ours: the asker gets error 1. A null <paramref name="reply"/> with true stays silent.</returns>
    bool TryHandle(DhtIncomingRequest request, out DhtReply? reply);
}

/// <summary>
/// An extension of the peer DHT under a name and a version: it shares the network's nodes and one command number with other extensions, and its requests come
/// with its own commands. Register it in the container; it serves once the node is persistent. Others ask for it with <c>DhtPluginRequest</c>.
/// </summary>
/// <remarks>Spec: hyperdht, 3.9 and 12. A command that is not its own is met with silence.</remarks>
public interface IDhtPlugin : IDhtCommandHandler
{
    /// <summary>What others ask for it by, at most 255 bytes of UTF-8.</summary>
    string Name { get; }

    /// <summary>Only requests of exactly this version reach it.</summary>
    int Version { get; }
}
