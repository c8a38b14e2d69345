using System.Security.Cryptography;
using PeopleSwarm.Dht.Messages;

namespace PeopleSwarm.Dht.HolePunch;

/// <summary>Seals the rounds of one connection and makes the tokens that prove a peer's host (spec hyperdht, 9.2).</summary>
internal sealed class PunchSecrets : IDisposable
{
    private const int NonceSize = 24, TagSize = 16, MinSealedSize = NonceSize + TagSize + 1;

    private readonly ICryptoSuite _crypto;
    private readonly IRandomSource _random;
    private readonly byte[] _key;
    private readonly byte[] _tokenSecret = new byte[32];

    /// <param name="crypto">Hash and secretbox.</param>
    /// <param name="random">Nonces and the token secret.</param>
    /// <param name="key">The 32-byte holepunch secret of the handshake; copied.</param>
    public PunchSecrets(ICryptoSuite crypto, IRandomSource random, ReadOnlySpan<byte> key)
    {
        (_crypto, _random, _key) = (crypto, random, key.ToArray());
        random.Fill(_tokenSecret);
    }

    public byte[] Seal(HolepunchPayload payload)
    {
        byte[] plain = payload.Encode();
        var box = new byte[NonceSize + TagSize + plain.Length];
        _random.Fill(box.AsSpan(0, NonceSize));
        _crypto.Seal(_key, box.AsSpan(0, NonceSize), plain, box.AsSpan(NonceSize));
        return box;
    }

    /// <summary>False for what is short, forged or not understood.</summary>
    public bool TryOpen(ReadOnlySpan<byte> box, out HolepunchPayload payload)
    {
        payload = new();
        if (box.Length < MinSealedSize) return false;
        var plain = new byte[box.Length - NonceSize - TagSize];
        return _crypto.TryOpen(_key, box[..NonceSize], box[NonceSize..], plain) && HolepunchPayload.TryRead(plain, out payload);
    }

    /// <summary>The token of a peer at this host; the port is not part of it.</summary>
    public Topic TokenOf(in UdpEndPoint peer)
    {
        Span<byte> host = stackalloc byte[64];
        Span<byte> token = stackalloc byte[Topic.Size];
        int length = peer.WriteHostText(host);
        _crypto.KeyedHash(_tokenSecret, host[..length], token);
        return new(token);
    }

    public void Dispose()
    {
        CryptographicOperations.ZeroMemory(_key);
        CryptographicOperations.ZeroMemory(_tokenSecret);
    }
}
