namespace PeopleSwarm.Noise.SecretStream;

/// <summary>ChaCha20 and Poly1305 (RFC 8439) apart, as a secret stream needs them. One caller at a time.</summary>
internal interface IStreamPrimitives
{
    /// <summary>XORs with the key stream from a block on.</summary>
    /// <param name="key">32 bytes.</param>
    /// <param name="nonce">12 bytes.</param>
    /// <param name="block">The number of the first block of 64 bytes.</param>
    /// <param name="data">Changed in place.</param>
    void Xor(byte[] key, byte[] nonce, uint block, Span<byte> data);

    /// <summary>Writes the Poly1305 of two pieces, 16 bytes.</summary>
    /// <param name="oneTimeKey">32 bytes.</param>
    /// <param name="first">Counts with <paramref name="second"/> as one.</param>
    /// <param name="second">What follows it.</param>
    /// <param name="mac">Receives 16 bytes.</param>
    void Authenticate(ReadOnlySpan<byte> oneTimeKey, ReadOnlySpan<byte> first, ReadOnlySpan<byte> second, Span<byte> mac);

    /// <summary>Overwrites what is left of keys.</summary>
    void Clear();
}
