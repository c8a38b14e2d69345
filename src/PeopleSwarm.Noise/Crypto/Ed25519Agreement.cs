using System.Security.Cryptography;
using Org.BouncyCastle.Math.EC.Rfc8032;

namespace PeopleSwarm.Noise.Crypto;

/// <summary>Diffie-Hellman on Ed25519 points, so that one key both signs and agrees. Not X25519, and not compatible with it.</summary>
/// <remarks>Spec: noise-and-secretstream, section 2.</remarks>
internal sealed class Ed25519Agreement : IDiffieHellman
{
    public static Ed25519Agreement Instance { get; } = new();

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
    public static KeyPair CreateKeyPair(ReadOnlySpan<byte> seed)
    {
        if (seed.Length != KeyPair.SeedSize) throw new ArgumentException($"A seed is {KeyPair.SeedSize} bytes, not {seed.Length}.", nameof(seed));
        Span<byte> secretKey = stackalloc byte[KeyPair.SecretKeySize];
        seed.CopyTo(secretKey);
        Ed25519.GeneratePublicKey(seed, secretKey[KeyPair.SeedSize..]);
        try
        {
            return new(new(secretKey[KeyPair.SeedSize..]), secretKey);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(secretKey);
        }
    }

    public IAgreementKey? Validate(PublicKey remote)
    {
        Span<byte> encoded = stackalloc byte[PublicKey.Size];
        remote.CopyTo(encoded);
        return Ed25519.ValidatePublicKeyFull(encoded) ? new Key(remote, new EdwardsPoint(encoded)) : null;
    }

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

    private sealed class Key(PublicKey publicKey, EdwardsPoint point) : IAgreementKey
    {
        public PublicKey PublicKey => publicKey;

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
