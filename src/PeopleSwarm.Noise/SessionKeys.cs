using PeopleSwarm.Noise.Crypto;

namespace PeopleSwarm.Noise;

/// <summary>What follows from a handshake hash. Anyone who saw the handshake can compute these values.</summary>
/// <remarks>Spec: noise-and-secretstream, 4.</remarks>
internal static class SessionKeys
{
    public const int Size = 32;

    private static readonly byte[] s_initiator = Namespace("hyperswarm/secret-stream"u8, 0);
    private static readonly byte[] s_responder = Namespace("hyperswarm/secret-stream"u8, 1);
    private static readonly byte[] s_send = Namespace("hyperswarm/secret-stream"u8, 2);

    /// <summary>The id in the header frame of the side with this role.</summary>
    public static void WriteStreamId(ReadOnlySpan<byte> handshakeHash, HandshakeRole sender, Span<byte> id) =>
        Blake2b.Hash256(handshakeHash, Of(sender), id);

    /// <summary>The key of unordered messages from the side with this role.</summary>
    public static void WriteUnorderedKey(ReadOnlySpan<byte> handshakeHash, HandshakeRole sender, Span<byte> key)
    {
        Span<byte> input = stackalloc byte[2 * Size];
        Of(sender).CopyTo(input);
        s_send.CopyTo(input[Size..]);
        Blake2b.Hash256(handshakeHash, input, key);
    }

    /// <summary>The 32-byte constant of a name and a number.</summary>
    public static byte[] Namespace(ReadOnlySpan<byte> name, byte id)
    {
        Span<byte> input = stackalloc byte[Size + 1];
        Blake2b.Hash256(name, input[..Size]);
        input[Size] = id;
        byte[] result = new byte[Size];
        Blake2b.Hash256(input, result);
        return result;
    }

    private static byte[] Of(HandshakeRole role) => role == HandshakeRole.Initiator ? s_initiator : s_responder;
}
