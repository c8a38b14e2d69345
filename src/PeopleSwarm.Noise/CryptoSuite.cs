using Microsoft.Extensions.Options;
using PeopleSwarm.Noise.Crypto;

namespace PeopleSwarm.Noise;

/// <summary>The primitives of the DHT, by libsodium and BouncyCastle.</summary>
internal sealed class CryptoSuite(IOptions<NoiseOptions> options) : ICryptoSuite
{
    private const int HashSize = 32, SignatureSize = 64;

    private readonly IEdwards25519 _curve = IEdwards25519.Of(CryptoLibraries.Of(options.Value));

    public void Hash(ReadOnlySpan<byte> data, Span<byte> hash)
    {
        RequireLength(hash.Length, HashSize, "hash", nameof(hash));
        Blake2b.Hash256(data, hash);
    }

    public void KeyedHash(ReadOnlySpan<byte> key, ReadOnlySpan<byte> data, Span<byte> hash)
    {
        RequireLength(hash.Length, HashSize, "hash", nameof(hash));
        if (key.Length is < 1 or > 64) throw new ArgumentException($"A BLAKE2b key is 1 to 64 bytes, not {key.Length}.", nameof(key));
        Blake2b.Hash256(key, data, hash);
    }

    public KeyPair CreateKeyPair(ReadOnlySpan<byte> seed) => new Ed25519Agreement(_curve).CreateKeyPair(seed);

    public void Sign(KeyPair keyPair, ReadOnlySpan<byte> message, Span<byte> signature)
    {
        ArgumentNullException.ThrowIfNull(keyPair);
        RequireLength(signature.Length, SignatureSize, "signature", nameof(signature));
        if (!keyPair.HasSecretKey) throw new InvalidOperationException("This key pair has no secret key to sign with.");
        _curve.Sign(keyPair.SecretKey, message, signature);
    }

    public bool Verify(PublicKey publicKey, ReadOnlySpan<byte> message, ReadOnlySpan<byte> signature)
    {
        if (signature.Length != SignatureSize) return false;
        Span<byte> key = stackalloc byte[PublicKey.Size];
        publicKey.CopyTo(key);
        return _curve.Verify(key, message, signature);
    }

    public void Seal(ReadOnlySpan<byte> key, ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> message, Span<byte> box)
    {
        RequireLength(key.Length, SecretBox.KeySize, "key", nameof(key));
        RequireLength(nonce.Length, SecretBox.NonceSize, "nonce", nameof(nonce));
        RequireLength(box.Length, message.Length + SecretBox.TagSize, "box of this message", nameof(box));
        SecretBox.Seal(key, nonce, message, box);
    }

    public bool TryOpen(ReadOnlySpan<byte> key, ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> box, Span<byte> message)
    {
        RequireLength(key.Length, SecretBox.KeySize, "key", nameof(key));
        RequireLength(nonce.Length, SecretBox.NonceSize, "nonce", nameof(nonce));
        if (box.Length < SecretBox.TagSize) return false;
        if (message.Length < box.Length - SecretBox.TagSize)
            throw new ArgumentException($"The message needs {box.Length - SecretBox.TagSize} bytes, not {message.Length}.", nameof(message));
        return SecretBox.TryOpen(key, nonce, box, message[..(box.Length - SecretBox.TagSize)]);
    }

    private static void RequireLength(int actual, int expected, string what, string paramName)
    {
        if (actual != expected) throw new ArgumentException($"A {what} is {expected} bytes, not {actual}.", paramName);
    }
}
