using System.Security.Cryptography;
using Org.BouncyCastle.Math.EC.Rfc8032;

namespace PeopleSwarm.Noise.Crypto;

/// <summary>Ed25519 by BouncyCastle, and by our formulas over its field where it has no function of its own.</summary>
internal sealed class ManagedEdwards25519 : IEdwards25519
{
    public static ManagedEdwards25519 Instance { get; } = new();

    public string Library => "BouncyCastle";

    public void WritePublicKey(ReadOnlySpan<byte> seed, Span<byte> publicKey) => Ed25519.GeneratePublicKey(seed, publicKey);

    public void WriteScalar(ReadOnlySpan<byte> seed, Span<byte> scalar)
    {
        Span<byte> hash = stackalloc byte[SHA512.HashSizeInBytes];
        SHA512.HashData(seed, hash);
        hash[..EdwardsPoint.Size].CopyTo(scalar);
        CryptographicOperations.ZeroMemory(hash);
        scalar[0] &= 248;
        scalar[31] = (byte)(scalar[31] & 127 | 64);
    }

    public void Sign(ReadOnlySpan<byte> secretKey, ReadOnlySpan<byte> message, Span<byte> signature) =>
        Ed25519.Sign(secretKey[..KeyPair.SeedSize], secretKey[KeyPair.SeedSize..], message, signature);

    public bool Verify(ReadOnlySpan<byte> publicKey, ReadOnlySpan<byte> message, ReadOnlySpan<byte> signature) =>
        Ed25519.Verify(signature, publicKey, message);

    public IEdwardsPoint PointOf(PublicKey publicKey) => new Point(publicKey);

    /// <summary>Validated when first asked for, which costs as much as a product.</summary>
    private sealed class Point(PublicKey publicKey) : IEdwardsPoint
    {
        private volatile EdwardsPoint? _valid;
        private volatile bool _isInvalid;

        public bool IsValid => Validate() is not null;

        public bool TryMultiply(ReadOnlySpan<byte> scalar, Span<byte> product) => Validate()?.TryMultiply(scalar, product) ?? false;

        private EdwardsPoint? Validate()
        {
            if (_valid is not null || _isInvalid) return _valid;
            Span<byte> encoded = stackalloc byte[PublicKey.Size];
            publicKey.CopyTo(encoded);
            if (Ed25519.ValidatePublicKeyFull(encoded)) _valid = new(encoded);
            else _isInvalid = true;
            return _valid;
        }
    }
}
