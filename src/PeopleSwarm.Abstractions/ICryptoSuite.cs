namespace PeopleSwarm;

/// <summary>The primitives of the DHT, by fixed names: BLAKE2b-256, Ed25519, XSalsa20-Poly1305. Safe on any thread.</summary>
public interface ICryptoSuite
{
    /// <summary>BLAKE2b of <paramref name="data"/>, 32 bytes, unkeyed.</summary>
    void Hash(ReadOnlySpan<byte> data, Span<byte> hash);

    /// <summary>BLAKE2b of <paramref name="data"/>, 32 bytes, keyed with 1 to 64 bytes.</summary>
    void KeyedHash(ReadOnlySpan<byte> key, ReadOnlySpan<byte> data, Span<byte> hash);

    /// <summary>The key pair of a 32-byte seed.</summary>
    /// <exception cref="ArgumentException"><paramref name="seed"/> is not 32 bytes.</exception>
    KeyPair CreateKeyPair(ReadOnlySpan<byte> seed);

    /// <summary>Signs with Ed25519; <paramref name="signature"/> is 64 bytes.</summary>
    /// <exception cref="InvalidOperationException">The key pair has no secret key.</exception>
    void Sign(KeyPair keyPair, ReadOnlySpan<byte> message, Span<byte> signature);

    /// <summary>Verifies an Ed25519 signature; false also for keys and signatures that are not canonical.</summary>
    bool Verify(PublicKey publicKey, ReadOnlySpan<byte> message, ReadOnlySpan<byte> signature);

    /// <summary>Seals a secretbox: <paramref name="box"/> takes 16 bytes more than <paramref name="message"/>, tag first.</summary>
    /// <param name="key">32 bytes.</param>
    /// <param name="nonce">24 bytes, never used twice with one key.</param>
    /// <param name="message">What is hidden.</param>
    /// <param name="box">The tag and the ciphertext.</param>
    void Seal(ReadOnlySpan<byte> key, ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> message, Span<byte> box);

    /// <summary>Opens a secretbox; false if it was not sealed with this key and nonce.</summary>
    bool TryOpen(ReadOnlySpan<byte> key, ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> box, Span<byte> message);
}
