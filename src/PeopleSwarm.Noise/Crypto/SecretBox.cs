using System.Security.Cryptography;
using Org.BouncyCastle.Crypto.Engines;
using Org.BouncyCastle.Crypto.Macs;
using Org.BouncyCastle.Crypto.Parameters;

namespace PeopleSwarm.Noise.Crypto;

/// <summary>NaCl's secretbox, XSalsa20-Poly1305: a 16-byte tag followed by the ciphertext. Safe on any thread.</summary>
internal static class SecretBox
{
    public const int KeySize = 32, NonceSize = 24, TagSize = 16;

    public static void Seal(ReadOnlySpan<byte> key, ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> message, Span<byte> box)
    {
        var (cipher, mac) = Start(key, nonce);
        cipher.ProcessBytes(message, box[TagSize..]);
        mac.BlockUpdate(box.Slice(TagSize, message.Length));
        mac.DoFinal(box[..TagSize]);
    }

    public static bool TryOpen(ReadOnlySpan<byte> key, ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> box, Span<byte> message)
    {
        if (box.Length < TagSize) return false;
        var (cipher, mac) = Start(key, nonce);
        Span<byte> tag = stackalloc byte[TagSize];
        mac.BlockUpdate(box[TagSize..]);
        mac.DoFinal(tag);
        if (!CryptographicOperations.FixedTimeEquals(tag, box[..TagSize])) return false;
        cipher.ProcessBytes(box[TagSize..], message);
        return true;
    }

    /// <summary>The first 32 bytes of key stream key the authenticator; the message takes those after.</summary>
    private static (XSalsa20Engine Cipher, Poly1305 Mac) Start(ReadOnlySpan<byte> key, ReadOnlySpan<byte> nonce)
    {
        var cipher = new XSalsa20Engine();
        cipher.Init(forEncryption: true, new ParametersWithIV(new KeyParameter(key), nonce));
        Span<byte> macKey = stackalloc byte[32];
        macKey.Clear();
        cipher.ProcessBytes(macKey, macKey);
        var mac = new Poly1305();
        mac.Init(new KeyParameter(macKey));
        CryptographicOperations.ZeroMemory(macKey);
        return (cipher, mac);
    }
}
