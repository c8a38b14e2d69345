using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Security.Cryptography;
using Org.BouncyCastle.Crypto.Digests;

namespace PeopleSwarm.Noise.Crypto;

/// <summary>BLAKE2b (RFC 7693): 64 bytes for handshakes, 32 bytes everywhere else.</summary>
internal sealed class Blake2b : IHash
{
    private const int BlockSize = 128, HashSize = 64;
    private const byte InnerPad = 0x36, OuterPad = 0x5c; // RFC 2104, section 2

    private readonly Blake2bDigest _digest = new(8 * HashSize); // each hash leaves it as new

    public string Name => "BLAKE2b";

    public int Size => HashSize;

    public IHash CreateAnother() => new Blake2b();

    public void Hash(ReadOnlySpan<byte> first, ReadOnlySpan<byte> second, Span<byte> hash)
    {
        _digest.BlockUpdate(first);
        _digest.BlockUpdate(second);
        _digest.DoFinal(hash);
    }

    public void Hkdf(ReadOnlySpan<byte> chainingKey, ReadOnlySpan<byte> inputKey, Span<byte> first, Span<byte> second)
    {
        Span<byte> temporary = stackalloc byte[HashSize], chained = stackalloc byte[HashSize + 1];
        Hmac(chainingKey, inputKey, temporary);
        Hmac(temporary, [1], chained);
        chained[HashSize] = 2;
        Hmac(temporary, chained, second);
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

    /// <summary>HMAC (RFC 2104), of which HKDF is made.</summary>
    public void Hmac(ReadOnlySpan<byte> key, ReadOnlySpan<byte> data, Span<byte> mac)
    {
        Span<byte> block = stackalloc byte[BlockSize], inner = stackalloc byte[HashSize];
        block.Clear();
        if (key.Length <= BlockSize) key.CopyTo(block);
        else Hash(key, [], block);
        Xor(block, InnerPad);
        Hash(block, data, inner);
        Xor(block, InnerPad ^ OuterPad);
        Hash(block, inner, mac);
        CryptographicOperations.ZeroMemory(block);
        CryptographicOperations.ZeroMemory(inner);
    }

    private static void Xor(Span<byte> block, byte pad)
    {
        var pads = Vector128.Create(pad);
        foreach (ref var part in MemoryMarshal.Cast<byte, Vector128<byte>>(block)) part ^= pads;
    }
}
