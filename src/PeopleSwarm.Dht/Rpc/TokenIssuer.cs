using System.Security.Cryptography;

namespace PeopleSwarm.Dht.Rpc;

/// <summary>Round-trip tokens: who holds one receives at its address (spec dht-rpc, 7).</summary>
internal sealed class TokenIssuer(ICryptoSuite crypto, IRandomSource random)
{
    private const int SecretSize = 32;

    /// <summary>A token lives for one to two of these.</summary>
    public static readonly TimeSpan RotationInterval = TimeSpan.FromSeconds(7.5);

    private byte[]? _older, _newer;
    private Timestamp _rotateAt;

    /// <summary>With given secrets; for tests against captured tokens.</summary>
    public TokenIssuer(ICryptoSuite crypto, IRandomSource random, Timestamp now, byte[] older, byte[] newer) : this(crypto, random) =>
        (_older, _newer, _rotateAt) = (older, newer, now + RotationInterval);

    /// <summary>Writes the 32-byte token of an address; the port is not part of it.</summary>
    public void Issue(Timestamp now, in UdpEndPoint address, Span<byte> token)
    {
        Rotate(now);
        Make(_newer!, address, token);
    }

    /// <summary>Whether we gave this token to this address lately.</summary>
    public bool Verify(Timestamp now, in UdpEndPoint address, ReadOnlySpan<byte> token)
    {
        Rotate(now);
        Span<byte> expected = stackalloc byte[RpcProtocol.TokenSize];
        Make(_newer!, address, expected);
        if (CryptographicOperations.FixedTimeEquals(token, expected)) return true;
        Make(_older!, address, expected);
        return CryptographicOperations.FixedTimeEquals(token, expected);
    }

    private void Rotate(Timestamp now)
    {
        if (_newer is null || now >= _rotateAt + RotationInterval) // two rotations would leave nothing of the old secrets
        {
            (_older, _newer) = (NewSecret(), NewSecret());
            _rotateAt = now + RotationInterval;
        }
        else if (now >= _rotateAt)
        {
            var next = new byte[SecretSize];
            crypto.Hash(_older, next);
            (_older, _newer) = (_newer, next);
            _rotateAt += RotationInterval;
        }
    }

    private byte[] NewSecret()
    {
        var secret = new byte[SecretSize];
        random.Fill(secret);
        return secret;
    }

    private void Make(byte[] secret, in UdpEndPoint address, Span<byte> token)
    {
        Span<byte> text = stackalloc byte[64];
        int length = address.WriteHostText(text);
        crypto.KeyedHash(secret, text[..length], token);
    }
}
