namespace PeopleSwarm;

/// <summary>A value found by its hash.</summary>
/// <param name="Response">The answer it came with.</param>
/// <param name="Target">Its BLAKE2b-256 hash.</param>
/// <param name="Value">The value; may be empty.</param>
public sealed record ImmutableRecord(DhtResponse Response, NodeId Target, ReadOnlyMemory<byte> Value)
{
    /// <summary>
    /// Bytes of the largest value a put can carry in its one datagram. Nodes of the reference that know many others can answer with
    /// 1,850 at most: stay below that where it matters.
    /// </summary>
    public const int MaxValueSize = 1938;

    /// <summary>The node that had it.</summary>
    public UdpEndPoint From => Response.From;
}

/// <summary>The latest value of a key that was found.</summary>
/// <param name="Response">The answer it came with.</param>
/// <param name="PublicKey">Whose it is.</param>
/// <param name="Seq">Its sequence number, 0 to 2^53 - 1.</param>
/// <param name="Value">The value; may be empty.</param>
/// <param name="Signature">The owner's 64-byte signature of both; checked.</param>
public sealed record MutableRecord(DhtResponse Response, PublicKey PublicKey, long Seq, ReadOnlyMemory<byte> Value, ReadOnlyMemory<byte> Signature)
{
    /// <summary>
    /// Bytes of the largest value a put can carry in its one datagram. Nodes of the reference that know many others can answer with
    /// 1,774 at most: stay below that where it matters.
    /// </summary>
    public const int MaxValueSize = 1830;

    /// <summary>2^53 - 1, the largest sequence number the network can carry.</summary>
    public const long MaxSeq = (1L << 53) - 1;

    /// <summary>The node that had it.</summary>
    public UdpEndPoint From => Response.From;
}

/// <summary>An immutable value that was stored.</summary>
/// <param name="Target">Its hash, by which it is found.</param>
/// <param name="Query">Where: <see cref="DhtQueryResult.Committed"/> of the closest nodes took it.</param>
public sealed record ImmutablePutResult(NodeId Target, DhtQueryResult Query);

/// <summary>A mutable value that was stored.</summary>
/// <param name="PublicKey">The key by which it is found.</param>
/// <param name="Seq">Its sequence number.</param>
/// <param name="Signature">64 bytes.</param>
/// <param name="Query">Where: <see cref="DhtQueryResult.Committed"/> of the closest nodes took it.</param>
public sealed record MutablePutResult(PublicKey PublicKey, long Seq, ReadOnlyMemory<byte> Signature, DhtQueryResult Query);

/// <summary>How a mutable value is looked for.</summary>
public sealed record MutableGetOptions
{
    /// <summary>The lowest sequence number wanted, 0 to 2^53 - 1; nodes with an older value stay silent about it. Default 0.</summary>
    public long MinimumSeq { get; init; }

    /// <summary>
    /// Whether all closest nodes are asked and the highest sequence number wins. False takes the first valid answer, which may be an old
    /// one. Default true.
    /// </summary>
    public bool Latest { get; init; } = true;

    /// <summary>How the query runs; its commit is not used.</summary>
    public DhtQueryOptions? Query { get; init; }
}
