using System.Buffers.Binary;
using System.Security.Cryptography;
using PeopleSwarm.Noise.Crypto;

namespace PeopleSwarm.Noise;

/// <summary>Seals and opens the datagrams next to a secret stream. No order, no replay check. Safe on any thread.</summary>
/// <remarks>Spec: noise-and-secretstream, section 8.</remarks>
internal sealed class UnorderedMessages : IDisposable
{
    /// <summary>Bytes a packet is longer than its message: the counter and the tag.</summary>
    public const int Overhead = CounterSize + SecretBox.TagSize;

    private const int CounterSize = 8;

    private readonly byte[] _sendKey = GC.AllocateArray<byte>(SessionKeys.Size, pinned: true);
    private readonly byte[] _receiveKey = GC.AllocateArray<byte>(SessionKeys.Size, pinned: true);
    private readonly Lock _lock = new();
    private readonly ulong _start;
    private ulong _counter;
    private bool _over;

    public UnorderedMessages(HandshakeRole role, ReadOnlySpan<byte> handshakeHash, IRandomSource random)
    {
        SessionKeys.WriteUnorderedKey(handshakeHash, role, _sendKey);
        SessionKeys.WriteUnorderedKey(handshakeHash, role == HandshakeRole.Initiator ? HandshakeRole.Responder : HandshakeRole.Initiator, _receiveKey);
        Span<byte> start = stackalloc byte[CounterSize];
        random.Fill(start);
        _counter = _start = BinaryPrimitives.ReadUInt64LittleEndian(start);
    }

    /// <summary>Seals a message; false once every counter was used, or after dispose.</summary>
    /// <param name="message">The message.</param>
    /// <param name="packet">24 bytes longer than it.</param>
    public bool TrySeal(ReadOnlySpan<byte> message, Span<byte> packet)
    {
        lock (_lock)
        {
            _over |= unchecked(++_counter) == _start;
            if (_over) return false;
            Span<byte> nonce = stackalloc byte[SecretBox.NonceSize];
            nonce.Clear();
            BinaryPrimitives.WriteUInt64LittleEndian(nonce, _counter);
            nonce[..CounterSize].CopyTo(packet);
            SecretBox.Seal(_sendKey, nonce, message, packet[CounterSize..]);
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
        lock (_lock) return !_over && SecretBox.TryOpen(_receiveKey, nonce, packet[CounterSize..], message[..length]);
    }

    public void Dispose()
    {
        lock (_lock)
        {
            _over = true;
            CryptographicOperations.ZeroMemory(_sendKey);
            CryptographicOperations.ZeroMemory(_receiveKey);
        }
    }
}
