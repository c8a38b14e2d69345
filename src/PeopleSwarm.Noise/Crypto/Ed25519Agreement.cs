using System.Security.Cryptography;

namespace PeopleSwarm.Noise.Crypto;

/// <summary>Diffie-Hellman on Ed25519 points, so that one key both signs and agrees. Not X25519, and not compatible with it.</summary>
/// <remarks>Spec: noise-and-secretstream, 2.</remarks>
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

    public IAgreementKey Import(PublicKey remote) => new Key(curve, curve.PointOf(remote));

    private sealed class Key(IEdwards25519 curve, IEdwardsPoint point) : IAgreementKey
    {
        public bool IsValid => point.IsValid;

        public bool TryAgree(KeyPair local, Span<byte> shared)
        {
            Span<byte> scalar = stackalloc byte[EdwardsPoint.Size];
            curve.WriteScalar(local.Seed, scalar);
            bool ok = point.TryMultiply(scalar, shared);
            CryptographicOperations.ZeroMemory(scalar);
            return ok;
        }
    }
}
