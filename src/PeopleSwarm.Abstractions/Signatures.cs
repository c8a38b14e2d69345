namespace PeopleSwarm;

/// <summary>Signs for a key that somebody else holds: another process, a device, a person who is asked.</summary>
/// <param name="request">What is signed and what it means.</param>
/// <param name="cancellationToken">Set when the result is of no more use.</param>
/// <returns>The 64-byte Ed25519 signature of <see cref="SignatureRequest.Signable"/>.</returns>
/// <remarks>Called on a pool thread, for several nodes at once. What it throws is the inner exception of the operation's.</remarks>
public delegate ValueTask<ReadOnlyMemory<byte>> SignatureFunction(SignatureRequest request, CancellationToken cancellationToken);

/// <summary>A signature that is asked for (spec hyperdht, 2 and 12.2).</summary>
/// <param name="Purpose">What it is for.</param>
/// <param name="PublicKey">Whose signature.</param>
/// <param name="Signable">The 64 bytes to sign as they are: a prefix of the purpose, and a hash of what the other members tell.</param>
/// <param name="Target">The topic, or the hash of the key.</param>
public sealed record SignatureRequest(SignaturePurpose Purpose, PublicKey PublicKey, ReadOnlyMemory<byte> Signable, NodeId Target)
{
    /// <summary>The node that will store it and no other; null for a mutable value.</summary>
    public NodeId? StoringNode { get; init; }

    /// <summary>The token of that node, 32 bytes; empty for a mutable value.</summary>
    public ReadOnlyMemory<byte> Token { get; init; }

    /// <summary>What is announced or withdrawn; null for a mutable value.</summary>
    public PeerRecord? Record { get; init; }

    /// <summary>The sequence number of a mutable value.</summary>
    public long Seq { get; init; }

    /// <summary>The mutable value.</summary>
    public ReadOnlyMemory<byte> Value { get; init; }
}

/// <summary>What a signature is for.</summary>
public enum SignaturePurpose
{
    /// <summary>An announcement on a topic.</summary>
    Announce,

    /// <summary>The withdrawal of one.</summary>
    Unannounce,

    /// <summary>A mutable value.</summary>
    MutableValue,
}
