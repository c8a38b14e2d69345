using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace PeopleSwarm.Noise.SecretStream;

/// <summary>
/// HChaCha20: the ChaCha permutation as a key derivation. BouncyCastle has it inside XChaCha20 only, where it cannot be reached.
/// </summary>
/// <remarks>draft-irtf-cfrg-xchacha-03, section 2.2.</remarks>
internal static class HChaCha20
{
    private const int DoubleRounds = 10;

    /// <summary>Derives 32 bytes from a 32-byte key and 16 bytes of nonce.</summary>
    public static void Derive(ReadOnlySpan<byte> key, ReadOnlySpan<byte> nonce, Span<byte> derived)
    {
        Span<uint> x = stackalloc uint[16];
        "expand 32-byte k"u8.CopyTo(MemoryMarshal.AsBytes(x));
        key[..32].CopyTo(MemoryMarshal.AsBytes(x[4..]));
        nonce[..16].CopyTo(MemoryMarshal.AsBytes(x[12..]));
        if (!BitConverter.IsLittleEndian) BinaryPrimitives.ReverseEndianness(x, x);
        for (int i = 0; i < DoubleRounds; i++)
        {
            QuarterRound(ref x[0], ref x[4], ref x[8], ref x[12]);
            QuarterRound(ref x[1], ref x[5], ref x[9], ref x[13]);
            QuarterRound(ref x[2], ref x[6], ref x[10], ref x[14]);
            QuarterRound(ref x[3], ref x[7], ref x[11], ref x[15]);
            QuarterRound(ref x[0], ref x[5], ref x[10], ref x[15]);
            QuarterRound(ref x[1], ref x[6], ref x[11], ref x[12]);
            QuarterRound(ref x[2], ref x[7], ref x[8], ref x[13]);
            QuarterRound(ref x[3], ref x[4], ref x[9], ref x[14]);
        }
        if (!BitConverter.IsLittleEndian) BinaryPrimitives.ReverseEndianness(x, x);
        MemoryMarshal.AsBytes(x[..4]).CopyTo(derived);
        MemoryMarshal.AsBytes(x[12..]).CopyTo(derived[16..]);
        CryptographicOperations.ZeroMemory(MemoryMarshal.AsBytes(x));
    }

    private static void QuarterRound(ref uint a, ref uint b, ref uint c, ref uint d)
    {
        a += b;
        d = BitOperations.RotateLeft(d ^ a, 16);
        c += d;
        b = BitOperations.RotateLeft(b ^ c, 12);
        a += b;
        d = BitOperations.RotateLeft(d ^ a, 8);
        c += d;
        b = BitOperations.RotateLeft(b ^ c, 7);
    }
}
