namespace PeopleSwarm.Dht.Messages;

/// <summary>Where a peer is looked for: the hash of its key (spec hyperdht, 2).</summary>
internal static class PeerTarget
{
    public static NodeId Of(ICryptoSuite crypto, in PublicKey key)
    {
        Span<byte> bytes = stackalloc byte[PublicKey.Size];
        Span<byte> hash = stackalloc byte[NodeId.Size];
        key.CopyTo(bytes);
        crypto.Hash(bytes, hash);
        return new(hash);
    }
}
