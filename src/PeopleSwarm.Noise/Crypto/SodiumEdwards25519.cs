using System.Security.Cryptography;
using Geralt;

namespace PeopleSwarm.Noise.Crypto;

/// <summary>Ed25519 by libsodium, which the npm peers use too. Only where it is available.</summary>
internal sealed class SodiumEdwards25519 : IEdwards25519
{
    public static SodiumEdwards25519 Instance { get; } = new();

    public string Library => "libsodium";

    public void WritePublicKey(ReadOnlySpan<byte> seed, Span<byte> publicKey)
    {
        Span<byte> secretKey = stackalloc byte[KeyPair.SecretKeySize];
        Ed25519.GenerateKeyPair(publicKey, secretKey, seed);
        CryptographicOperations.ZeroMemory(secretKey);
    }

    public void WriteScalar(ReadOnlySpan<byte> seed, Span<byte> scalar)
    {
        if (Libsodium.WriteScalar(scalar[..EdwardsPoint.Size], seed[..KeyPair.SeedSize]) != 0) throw new CryptographicException("The seed was not hashed.");
    }

    public void Sign(ReadOnlySpan<byte> secretKey, ReadOnlySpan<byte> message, Span<byte> signature) => Ed25519.Sign(signature, message, secretKey);

    public bool Verify(ReadOnlySpan<byte> publicKey, ReadOnlySpan<byte> message, ReadOnlySpan<byte> signature) =>
        Ed25519.Verify(signature, message, publicKey);

    public IEdwardsPoint PointOf(PublicKey publicKey) => new Point(publicKey);

    /// <summary>The library validates with each multiplication: asking for the validity of a point that will be multiplied is a waste.</summary>
    private sealed class Point(PublicKey publicKey) : IEdwardsPoint
    {
        private volatile bool _isValid;

        public bool IsValid
        {
            get
            {
                if (_isValid) return true;
                Span<byte> encoded = stackalloc byte[PublicKey.Size];
                publicKey.CopyTo(encoded);
                return _isValid = Libsodium.IsValidPoint(encoded) == 1;
            }
        }

        public bool TryMultiply(ReadOnlySpan<byte> scalar, Span<byte> product)
        {
            Span<byte> encoded = stackalloc byte[PublicKey.Size];
            publicKey.CopyTo(encoded);
            return Libsodium.MultiplyPoint(product[..EdwardsPoint.Size], scalar[..EdwardsPoint.Size], encoded) == 0;
        }
    }
}
