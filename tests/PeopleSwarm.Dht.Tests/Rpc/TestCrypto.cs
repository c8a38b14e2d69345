using Org.BouncyCastle.Crypto.Digests;

namespace PeopleSwarm.Dht.Rpc;

/// <summary>The hashes of the RPC layer.</summary>
internal sealed class TestCrypto : ICryptoSuite
{
    public static ICryptoSuite Suite { get; } = new TestCrypto();

    public void Hash(ReadOnlySpan<byte> data, Span<byte> hash) => Digest(new(256), data, hash);

    public void KeyedHash(ReadOnlySpan<byte> key, ReadOnlySpan<byte> data, Span<byte> hash) => Digest(new(key.ToArray(), 32, null, null), data, hash);

    public KeyPair CreateKeyPair(ReadOnlySpan<byte> seed) => throw new NotSupportedException();

    public void Sign(KeyPair keyPair, ReadOnlySpan<byte> message, Span<byte> signature) => throw new NotSupportedException();

    public bool Verify(PublicKey publicKey, ReadOnlySpan<byte> message, ReadOnlySpan<byte> signature) => throw new NotSupportedException();

    public void Seal(ReadOnlySpan<byte> key, ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> message, Span<byte> box) => throw new NotSupportedException();

    public bool TryOpen(ReadOnlySpan<byte> key, ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> box, Span<byte> message) => throw new NotSupportedException();

    private static void Digest(Blake2bDigest digest, ReadOnlySpan<byte> data, Span<byte> hash)
    {
        digest.BlockUpdate(data);
        digest.DoFinal(hash);
    }
}
