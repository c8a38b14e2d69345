namespace PeopleSwarm;

/// <summary>A walk to the nodes closest to a target. Enumerate it once to see answers as they come, or call <see cref="FinishAsync"/>.</summary>
/// <remarks>
/// It starts with the first of both. While the consumer does not read, no further requests leave.
/// Disposing ends it early. Spec: dht-rpc, 13.
/// </remarks>
public interface IDhtQuery<out T> : IAsyncEnumerable<T>, IAsyncDisposable
{
    /// <summary>Runs the query to its end, dropping answers nobody reads, and returns what it found.</summary>
    /// <exception cref="DhtException">A commit was asked for and nobody took it, or the node went away.</exception>
    Task<DhtQueryResult> FinishAsync(CancellationToken cancellationToken = default);
}

/// <summary>How a query runs.</summary>
public sealed record DhtQueryOptions
{
    /// <summary>Nodes to begin with, best first: the closest of an earlier query. Null begins with the routing table.</summary>
    public IReadOnlyList<UdpEndPoint>? Nodes { get; init; }

    /// <summary>Ask only <see cref="Nodes"/>, never the nodes they name. Default false.</summary>
    public bool OnlyGivenNodes { get; init; }

    /// <summary>Requests at once, 1 to 64; null takes the node's.</summary>
    public int? Concurrency { get; init; }

    /// <summary>Disjoint paths, 1 to 10, so that no block of addresses takes the target over; 1 walks by distance alone. Null takes the node's.</summary>
    public int? DisjointPaths { get; init; }

    /// <summary>Skip the congestion window and the retries; for goodbyes. Default false.</summary>
    public bool Force { get; init; }

    /// <summary>Afterwards sent to each of the closest nodes, made from its answer; null for none.</summary>
    public Func<DhtResponse, DhtRequest?>? Commit { get; init; }
}

/// <summary>What a query found.</summary>
/// <param name="ClosestNodes">The nodes closest to the target that answered, closest first; at most 20.</param>
/// <param name="Successes">Answers without an error.</param>
/// <param name="Errors">Answers with one, and requests without an answer.</param>
/// <param name="Committed">Nodes that took the commit.</param>
public sealed record DhtQueryResult(IReadOnlyList<UdpEndPoint> ClosestNodes, int Successes, int Errors, int Committed = 0)
{
    /// <summary>The answers of <see cref="ClosestNodes"/>, in their order, with the tokens to commit by.</summary>
    public IReadOnlyList<DhtResponse> ClosestReplies { get; init; } = [];
}

/// <summary>A peer as the DHT knows it.</summary>
/// <param name="PublicKey">Who it is.</param>
/// <param name="RelayAddresses">Nodes that forward handshakes to it; may be empty.</param>
public sealed record PeerRecord(PublicKey PublicKey, IReadOnlyList<UdpEndPoint> RelayAddresses);

/// <summary>One node's answer to a look-up of a peer.</summary>
/// <param name="Response">The answer.</param>
/// <param name="Peer">The record.</param>
public sealed record FindPeerReply(DhtResponse Response, PeerRecord Peer);

/// <summary>One node's answer to a look-up of a topic.</summary>
/// <param name="Response">The answer.</param>
/// <param name="Peers">The peers it knows, at most 20 of them chosen at random.</param>
/// <param name="Bump">The topic's bump in Unix milliseconds; 0 for none.</param>
public sealed record LookupReply(DhtResponse Response, IReadOnlyList<PeerRecord> Peers, long Bump);

/// <summary>How an announcement is made.</summary>
public sealed record AnnounceOptions
{
    /// <summary>How the query runs; its commit is not used.</summary>
    public DhtQueryOptions? Query { get; init; }

    /// <summary>Nodes that forward handshakes to us, at most three are kept. Default none.</summary>
    public IReadOnlyList<UdpEndPoint> RelayAddresses { get; init; } = [];

    /// <summary>Withdraw what is listed of this key first. Default false.</summary>
    public bool Clear { get; init; }

    /// <summary>Tells the topic's peers to look again: Unix milliseconds, at most a minute ahead; 0 for none.</summary>
    public long Bump { get; init; }
}

/// <summary>A DHT operation failed.</summary>
public class DhtException : IOException
{
    /// <summary>Makes one.</summary>
    public DhtException(DhtError error, string message, Exception? innerException = null) : base(message, innerException) => Error = error;

    /// <summary>Why.</summary>
    public DhtError Error { get; }

    /// <summary>The error code that nodes answered with; 0 for none.</summary>
    public int RemoteError { get; init; }
}

/// <summary>Why a DHT operation failed.</summary>
public enum DhtError
{
    /// <summary>Nobody answered in time.</summary>
    RequestTimedOut,

    /// <summary>The node, or the operation it belonged to, was disposed.</summary>
    Destroyed,

    /// <summary>The node was suspended.</summary>
    Suspended,

    /// <summary>No node was found to commit to.</summary>
    TooFewNodes,

    /// <summary>Every node refused the commit.</summary>
    CommitRefused,

    /// <summary>Over a limit of this node's options.</summary>
    LimitReached,

    /// <summary>A mutable value with this sequence number and other bytes exists.</summary>
    SeqReused,

    /// <summary>A mutable value with a higher sequence number exists.</summary>
    SeqTooLow,

    /// <summary>The signature function threw, or its signature is none.</summary>
    SigningFailed,
}
