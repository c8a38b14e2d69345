using System.Security.Cryptography;
using Org.BouncyCastle.Crypto.Digests;

namespace PeopleSwarm.Noise.Crypto;

/// <summary>BLAKE2b (RFC 7693): 64 bytes for handshakes, 32 bytes everywhere else.</summary>
internal sealed class Blake2b : IHash
{
    private const int BlockSize = 128, HashSize = 64;
    private const byte InnerPad = 0x36, OuterPad = 0x5c; // RFC 2104, section 2

    public static Blake2b Instance { get; } = new();

    public string Name => "BLAKE2b";

    public int Size => HashSize;

    public void Hash(ReadOnlySpan<byte> first, ReadOnlySpan<byte> second, Span<byte> hash) => Hash(Digest512(), first, second, hash);

    /// <summary>HMAC (RFC 2104), of which HKDF is made.</summary>
    public static void Hmac(ReadOnlySpan<byte> key, ReadOnlySpan<byte> data, Span<byte> mac) => Hmac(Digest512(), key, data, mac);

    public void Hkdf(ReadOnlySpan<byte> chainingKey, ReadOnlySpan<byte> inputKey, Span<byte> first, Span<byte> second)
    {
        var digest = Digest512();
        Span<byte> temporary = stackalloc byte[HashSize], chained = stackalloc byte[HashSize + 1];
        Hmac(digest, chainingKey, inputKey, temporary);
        Hmac(digest, temporary, [1], chained);
        chained[HashSize] = 2;
        Hmac(digest, temporary, chained, second);
        chained[..HashSize].CopyTo(first);
        CryptographicOperations.ZeroMemory(temporary);
        CryptographicOperations.ZeroMemory(chained);
    }

    /// <summary>The 32-byte hash.</summary>
    public static void Hash256(ReadOnlySpan<byte> data, Span<byte> hash)
    {
        var digest = new Blake2bDigest(256);
        digest.BlockUpdate(data);
        digest.DoFinal(hash);
    }

    /// <summary>The 32-byte hash keyed with 1 to 64 bytes.</summary>
    public static void Hash256(ReadOnlySpan<byte> key, ReadOnlySpan<byte> data, Span<byte> hash)
    {
        byte[] copy = key.ToArray();
        var digest = new Blake2bDigest(copy, 32, null, null);
        digest.BlockUpdate(data);
        digest.DoFinal(hash);
        digest.ClearKey();
        CryptographicOperations.ZeroMemory(copy);
    }

    private static Blake2bDigest Digest512() => new(8 * HashSize);

    /// <summary>Leaves the digest as new.</summary>
    private static void Hash(Blake2bDigest digest, ReadOnlySpan<byte> first, ReadOnlySpan<byte> second, Span<byte> hash)
    {
        digest.BlockUpdate(first);
        digest.BlockUpdate(second);
        digest.DoFinal(hash);
    }

    private static void Hmac(Blake2bDigest digest, ReadOnlySpan<byte> key, ReadOnlySpan<byte> data, Span<byte> mac)
    {
        Span<byte> block = stackalloc byte[BlockSize], inner = stackalloc byte[HashSize];
        block.Clear();
        if (key.Length <= BlockSize) key.CopyTo(block);
        else Hash(digest, key, [], block);
        Xor(block, InnerPad);
        Hash(digest, block, data, inner);
        Xor(block, InnerPad ^ OuterPad);
        Hash(digest, block, inner, mac);
        CryptographicOperations.ZeroMemory(block);
        CryptographicOperations.ZeroMemory(inner);
    }

    private static void Xor(Span<byte> block, byte pad)
    {
        for (int i = 0; i < block.Length; i++) block[i] ^= pad;
    }
}
