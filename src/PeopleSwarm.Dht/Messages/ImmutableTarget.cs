namespace PeopleSwarm.Dht.Messages;

/// <summary>Where an immutable value is stored: its hash (spec hyperdht, 1.1).</summary>
internal static class ImmutableTarget
{
    public static NodeId Of(ICryptoSuite crypto, ReadOnlySpan<byte> value)
    {
        Span<byte> hash = stackalloc byte[NodeId.Size];
        crypto.Hash(value, hash);
        return new(hash);
    }
}
