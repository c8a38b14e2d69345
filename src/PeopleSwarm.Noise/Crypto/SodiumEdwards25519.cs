using System.Collections.Concurrent;
using System.Security.Cryptography;
using Geralt;

namespace PeopleSwarm.Noise.Crypto;

/// <summary>Ed25519 by libsodium, which the npm peers use too. Only where it is available.</summary>
internal sealed class SodiumEdwards25519 : IEdwards25519
{
    private readonly ConcurrentBag<Ristretto255> _encodings = []; // as many as were ever used at once

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

    public IEdwardsPoint PointOf(PublicKey publicKey) => new Point(publicKey, _encodings);

    /// <summary>
    /// The library proves a point with its first product, so nobody asks before; a point once proved is multiplied as an element of
    /// ristretto255, which needs no proof.
    /// </summary>
    private sealed class Point(PublicKey publicKey, ConcurrentBag<Ristretto255> encodings) : IEdwardsPoint
    {
        private volatile bool _isValid;
        private volatile byte[]? _element;

        /// <summary>The inverse of <see cref="Ristretto255.Cofactor"/> modulo the group order, little endian.</summary>
        private static ReadOnlySpan<byte> InverseCofactor =>
        [
            0xf2, 0x5e, 0xb8, 0xc5, 0x53, 0xca, 0x0d, 0xc2, 0xa0, 0xb5, 0x39, 0xfa, 0x66, 0x3b, 0xa7, 0x0f,
            0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x0c,
        ];

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
            if (_isValid) return TryMultiplyElement(scalar[..EdwardsPoint.Size], product[..EdwardsPoint.Size]);
            Span<byte> encoded = stackalloc byte[PublicKey.Size];
            publicKey.CopyTo(encoded);
            bool ok = Libsodium.MultiplyPoint(product[..EdwardsPoint.Size], scalar[..EdwardsPoint.Size], encoded) == 0;
            if (ok) _isValid = true;
            return ok;
        }

        private bool TryMultiplyElement(ReadOnlySpan<byte> scalar, Span<byte> product)
        {
            Span<byte> part = stackalloc byte[EdwardsPoint.Size], element = stackalloc byte[Ristretto255.Size];
            scalar.CopyTo(part);
            part[^1] &= 127;
            Libsodium.MultiplyScalars(part, part, InverseCofactor);
            var encoding = Rent();
            bool ok = Libsodium.MultiplyElement(element, part, Element(encoding)) == 0 && encoding.TryDecode(element, product);
            encodings.Add(encoding);
            CryptographicOperations.ZeroMemory(part);
            CryptographicOperations.ZeroMemory(element);
            return ok;
        }

        private Ristretto255 Rent() => encodings.TryTake(out var encoding) ? encoding : new();

        private byte[] Element(Ristretto255 encoding)
        {
            if (_element is { } known) return known;
            Span<byte> encoded = stackalloc byte[PublicKey.Size];
            publicKey.CopyTo(encoded);
            byte[] element = new byte[Ristretto255.Size];
            encoding.Encode(encoded, element);
            return _element = element;
        }
    }
}
