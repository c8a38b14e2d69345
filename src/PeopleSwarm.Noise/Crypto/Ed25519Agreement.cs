using System.Security.Cryptography;

namespace PeopleSwarm.Noise.Crypto;

/// <summary>Diffie-Hellman on Ed25519 points, so that one key both signs and agrees. Not X25519, and not compatible with it.</summary>
/// <remarks>Spec: noise-and-secretstream, section 2.</remarks>
internal sealed class Ed25519Agreement(IEdwards25519 curve) : IDiffieHellman
{
    public string Name => "Ed25519";

    public KeyPair GenerateKeyPair(IRandomSource random)
    {
        Span<byte> seed = stackalloc byte[KeyPair.SeedSize];
        random.Fill(seed);
        try
        {
            return CreateKeyPair(seed);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(seed);
        }
    }

    /// <summary>The key pair of a 32-byte seed.</summary>
    public KeyPair CreateKeyPair(ReadOnlySpan<byte> seed)
    {
        if (seed.Length != KeyPair.SeedSize) throw new ArgumentException($"A seed is {KeyPair.SeedSize} bytes, not {seed.Length}.", nameof(seed));
        Span<byte> secretKey = stackalloc byte[KeyPair.SecretKeySize];
        seed.CopyTo(secretKey);
        curve.WritePublicKey(seed, secretKey[KeyPair.SeedSize..]);
        try
        {
            return new(new(secretKey[KeyPair.SeedSize..]), secretKey);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(secretKey);
        }
    }

    public IAgreementKey Import(PublicKey remote) => new Key(curve.PointOf(remote));

    /// <summary>The clamped scalar of a seed, 32 bytes little endian.</summary>
    public static void WriteScalar(ReadOnlySpan<byte> seed, Span<byte> scalar)
    {
        Span<byte> hash = stackalloc byte[SHA512.HashSizeInBytes];
        SHA512.HashData(seed, hash);
        hash[..32].CopyTo(scalar);
        CryptographicOperations.ZeroMemory(hash);
        scalar[0] &= 248;
        scalar[31] = (byte)(scalar[31] & 127 | 64);
    }

    private sealed class Key(IEdwardsPoint point) : IAgreementKey
    {
        public bool IsValid => point.IsValid;

        public bool TryAgree(KeyPair local, Span<byte> shared)
        {
            Span<byte> scalar = stackalloc byte[EdwardsPoint.Size];
            WriteScalar(local.Seed, scalar);
            bool ok = point.TryMultiply(scalar, shared);
            CryptographicOperations.ZeroMemory(scalar);
            return ok;
        }
    }
}
