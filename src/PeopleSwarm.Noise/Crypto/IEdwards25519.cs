namespace PeopleSwarm.Noise.Crypto;

/// <summary>Ed25519 by one library or another: public keys, signatures, and the products of points behind key agreement. Safe on any thread.</summary>
internal interface IEdwards25519
{
    /// <summary>The library that computes.</summary>
    string Library { get; }

    /// <summary>Writes the public key of a 32-byte seed.</summary>
    void WritePublicKey(ReadOnlySpan<byte> seed, Span<byte> publicKey);

    /// <summary>Writes the clamped scalar of a 32-byte seed, 32 bytes little endian.</summary>
    void WriteScalar(ReadOnlySpan<byte> seed, Span<byte> scalar);

    /// <summary>Signs with a 64-byte secret key.</summary>
    void Sign(ReadOnlySpan<byte> secretKey, ReadOnlySpan<byte> message, Span<byte> signature);

    /// <summary>Verifies; false also for keys and signatures that are not canonical, and for keys of low order.</summary>
    bool Verify(ReadOnlySpan<byte> publicKey, ReadOnlySpan<byte> message, ReadOnlySpan<byte> signature);

    /// <summary>The point that a key encodes, or claims to.</summary>
    IEdwardsPoint PointOf(PublicKey publicKey);

    /// <summary>libsodium's or BouncyCastle's.</summary>
    static IEdwards25519 Of(CryptoLibraries libraries) => libraries.Sodium ? SodiumEdwards25519.Instance : ManagedEdwards25519.Instance;
}

/// <summary>A point as a peer sent it. Safe on any thread.</summary>
internal interface IEdwardsPoint
{
    /// <summary>Whether it is canonical, on the curve, and of the subgroup of prime order without the identity.</summary>
    bool IsValid { get; }

    /// <summary>
    /// Writes the product with a secret scalar of 32 bytes, little endian, whose bit 255 is ignored, in constant time; false if the point is
    /// not valid or the product is the identity.
    /// </summary>
    bool TryMultiply(ReadOnlySpan<byte> scalar, Span<byte> product);
}
