using Org.BouncyCastle.Math.EC.Rfc8032;
using PeopleSwarm.Noise.Crypto;

namespace PeopleSwarm.Noise;

/// <summary>The primitives of the DHT, by BouncyCastle.</summary>
internal sealed class CryptoSuite : ICryptoSuite
{
    private const int HashSize = 32;

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

    public KeyPair CreateKeyPair(ReadOnlySpan<byte> seed) => Ed25519Agreement.CreateKeyPair(seed);

    public void Sign(KeyPair keyPair, ReadOnlySpan<byte> message, Span<byte> signature)
    {
        ArgumentNullException.ThrowIfNull(keyPair);
        RequireLength(signature.Length, Ed25519.SignatureSize, "signature", nameof(signature));
        if (!keyPair.HasSecretKey) throw new InvalidOperationException("This key pair has no secret key to sign with.");
        Ed25519.Sign(keyPair.Seed, keyPair.SecretKey[KeyPair.SeedSize..], message, signature);
    }

    public bool Verify(PublicKey publicKey, ReadOnlySpan<byte> message, ReadOnlySpan<byte> signature)
    {
        if (signature.Length != Ed25519.SignatureSize) return false;
        Span<byte> key = stackalloc byte[PublicKey.Size];
        publicKey.CopyTo(key);
        return Ed25519.Verify(signature, key, message);
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
