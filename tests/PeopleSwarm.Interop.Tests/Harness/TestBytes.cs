using System.Buffers.Binary;
using System.Security.Cryptography;

namespace PeopleSwarm.Interop.Harness;

/// <summary>Data both sides can make and check: the same bytes as <c>bytes</c> and <c>sha256</c> of <c>peer.js</c>.</summary>
public static class TestBytes
{
    /// <summary>Pseudo-random bytes for a seed: xorshift32, little-endian words.</summary>
    public static byte[] Create(int seed, int length)
    {
        var bytes = new byte[length];
        Span<byte> word = stackalloc byte[4];
        uint x = (uint)seed ^ 0x9E3779B9;
        if (x == 0) x = 1;
        for (int i = 0; i < length; i += 4)
        {
            x ^= x << 13;
            x ^= x >> 17;
            x ^= x << 5;
            BinaryPrimitives.WriteUInt32LittleEndian(word, x);
            word[..Math.Min(4, length - i)].CopyTo(bytes.AsSpan(i));
        }
        return bytes;
    }

    /// <summary>SHA-256 as lower-case hexadecimal text.</summary>
    public static string Sha256(ReadOnlySpan<byte> bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));
}
