using System.Buffers.Binary;
using System.Security.Cryptography;
using PeopleSwarm.Noise.Crypto;

namespace PeopleSwarm.Noise;

/// <summary>Seals and opens the datagrams next to a secret stream. No order, no replay check. Safe on any thread.</summary>
/// <remarks>Spec: noise-and-secretstream, 8.</remarks>
internal sealed class UnorderedMessages : IDisposable
{
    /// <summary>Bytes a packet is longer than its message: the counter and the tag.</summary>
    public const int Overhead = CounterSize + SecretBox.TagSize;

    private const int CounterSize = 8;

    private readonly HandshakeRole _role;
    private readonly ReadOnlyMemory<byte> _handshakeHash;
    private readonly IRandomSource _random;
    private readonly Lock _lock = new();
    private byte[]? _keys; // ours, then the peer's
    private ulong _start, _counter;
    private bool _over;

    /// <summary>Derives its keys when they are first needed: few channels have unordered messages.</summary>
    public UnorderedMessages(HandshakeRole role, ReadOnlyMemory<byte> handshakeHash, IRandomSource random) =>
        (_role, _handshakeHash, _random) = (role, handshakeHash, random);

    /// <summary>Seals a message; false once every counter was used, or after dispose.</summary>
    /// <param name="message">The message.</param>
    /// <param name="packet">24 bytes longer than it.</param>
    public bool TrySeal(ReadOnlySpan<byte> message, Span<byte> packet)
    {
        lock (_lock)
        {
            if (_over) return false;
            var key = Keys[..SessionKeys.Size];
            _over = unchecked(++_counter) == _start;
            if (_over) return false;
            Span<byte> nonce = stackalloc byte[SecretBox.NonceSize];
            nonce.Clear();
            BinaryPrimitives.WriteUInt64LittleEndian(nonce, _counter);
            nonce[..CounterSize].CopyTo(packet);
            SecretBox.Seal(key, nonce, message, packet[CounterSize..]);
            return true;
        }
    }

    /// <summary>Opens a packet; false if it is none of the peer's.</summary>
    public bool TryOpen(ReadOnlySpan<byte> packet, Span<byte> message, out int length)
    {
        length = packet.Length - Overhead;
        if (length < 0) return false;
        Span<byte> nonce = stackalloc byte[SecretBox.NonceSize];
        nonce.Clear();
        packet[..CounterSize].CopyTo(nonce);
        lock (_lock) return !_over && SecretBox.TryOpen(Keys[SessionKeys.Size..], nonce, packet[CounterSize..], message[..length]);
    }

    public void Dispose()
    {
        lock (_lock)
        {
            _over = true;
            CryptographicOperations.ZeroMemory(_keys);
        }
    }

    /// <summary>Both keys, made once, and with them the first counter.</summary>
    private ReadOnlySpan<byte> Keys => _keys ??= Derive();

    private byte[] Derive()
    {
        byte[] keys = GC.AllocateUninitializedArray<byte>(2 * SessionKeys.Size, pinned: true);
        var peer = _role == HandshakeRole.Initiator ? HandshakeRole.Responder : HandshakeRole.Initiator;
        SessionKeys.WriteUnorderedKey(_handshakeHash.Span, _role, keys.AsSpan(0, SessionKeys.Size));
        SessionKeys.WriteUnorderedKey(_handshakeHash.Span, peer, keys.AsSpan(SessionKeys.Size));
        Span<byte> start = stackalloc byte[CounterSize];
        _random.Fill(start);
        _counter = _start = BinaryPrimitives.ReadUInt64LittleEndian(start);
        return keys;
    }
}
