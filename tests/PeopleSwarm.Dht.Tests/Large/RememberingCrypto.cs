using System.Buffers.Binary;

namespace PeopleSwarm.Dht.Large;

/// <summary>Remembers the hashes of addresses: a network of many nodes asks for the same ones all the time.</summary>
internal sealed class RememberingCrypto(ICryptoSuite inner) : ICryptoSuite
{
    private const int AddressSize = 6, HashSize = 32;
    private readonly Dictionary<ulong, byte[]> _hashes = [];

    public void Hash(ReadOnlySpan<byte> data, Span<byte> hash)
    {
        if (data.Length != AddressSize)
        {
            inner.Hash(data, hash);
            return;
        }
        ulong address = BinaryPrimitives.ReadUInt32LittleEndian(data) | (ulong)BinaryPrimitives.ReadUInt16LittleEndian(data[4..]) << 32;
        if (!_hashes.TryGetValue(address, out var known))
        {
            _hashes[address] = known = new byte[HashSize];
            inner.Hash(data, known);
        }
        known.CopyTo(hash);
    }

    public void KeyedHash(ReadOnlySpan<byte> key, ReadOnlySpan<byte> data, Span<byte> hash) => inner.KeyedHash(key, data, hash);

    public KeyPair CreateKeyPair(ReadOnlySpan<byte> seed) => inner.CreateKeyPair(seed);

    public void Sign(KeyPair keyPair, ReadOnlySpan<byte> message, Span<byte> signature) => inner.Sign(keyPair, message, signature);

    public bool Verify(PublicKey publicKey, ReadOnlySpan<byte> message, ReadOnlySpan<byte> signature) => inner.Verify(publicKey, message, signature);

    public void Seal(ReadOnlySpan<byte> key, ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> message, Span<byte> box) => inner.Seal(key, nonce, message, box);

    public bool TryOpen(ReadOnlySpan<byte> key, ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> box, Span<byte> message) => inner.TryOpen(key, nonce, box, message);
}
