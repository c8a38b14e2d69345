using System.Security.Cryptography;
using Org.BouncyCastle.Crypto.Digests;
using Org.BouncyCastle.Crypto.Macs;
using Org.BouncyCastle.Crypto.Parameters;

namespace PeopleSwarm.Noise.Crypto;

/// <summary>BLAKE2b (RFC 7693): 64 bytes for handshakes, 32 bytes everywhere else.</summary>
internal sealed class Blake2b : IHash
{
    public static Blake2b Instance { get; } = new();

    public string Name => "BLAKE2b";

    public int Size => 64;

    public void Hash(ReadOnlySpan<byte> first, ReadOnlySpan<byte> second, Span<byte> hash)
    {
        var digest = new Blake2bDigest(512);
        digest.BlockUpdate(first);
        digest.BlockUpdate(second);
        digest.DoFinal(hash);
    }

    public void Hmac(ReadOnlySpan<byte> key, ReadOnlySpan<byte> data, Span<byte> mac)
    {
        var hmac = new HMac(new Blake2bDigest(512));
        hmac.Init(new KeyParameter(key));
        hmac.BlockUpdate(data);
        hmac.DoFinal(mac);
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
}
