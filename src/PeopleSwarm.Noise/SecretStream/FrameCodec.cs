using System.Buffers;

namespace PeopleSwarm.Noise.SecretStream;

/// <summary>A frame on the byte stream: 3 bytes of length, little endian, and a body. The body lies in a pooled buffer.</summary>
/// <remarks>Spec: noise-and-secretstream, 5.1.</remarks>
internal readonly struct Frame(byte[] buffer, int length)
{
    public const int LengthSize = 3;

    /// <summary>The largest body.</summary>
    public const int MaxLength = 0xFFFFFF;

    /// <summary>The largest message.</summary>
    public const int MaxMessage = MaxLength - StreamCipher.Overhead;

    /// <summary>Bytes free in front of a body, so that a message is opened where it lies.</summary>
    public const int Headroom = StreamCipher.TagBlock - 1;

    public Span<byte> Body => buffer.AsSpan(Headroom, length);

    /// <summary>Bytes of the message that a body of this length carries; negative if it is too short for any.</summary>
    public int MessageLength => length - StreamCipher.Overhead;

    /// <summary>The buffer, for its next owner.</summary>
    public byte[] Buffer => buffer;

    /// <summary>Where in <see cref="Buffer"/> the opened message is.</summary>
    public Memory<byte> Message => buffer.AsMemory(StreamCipher.TagBlock, MessageLength);

    public static void WriteLength(Span<byte> destination, int length) =>
        (destination[0], destination[1], destination[2]) = ((byte)length, (byte)(length >> 8), (byte)(length >> 16));

    /// <summary>Opens the sealed body in place; false if it was forged.</summary>
    public bool TryOpen(StreamCipher cipher)
    {
        buffer[0] = buffer[Headroom]; // the sealed tag, in front of where the ciphertext begins
        return cipher.TryOpen(buffer.AsSpan(0, StreamCipher.TagBlock + MessageLength), Body[^StreamCipher.MacSize..], out _);
    }

    /// <summary>
    /// Seals the message that begins at byte 64 of <paramref name="block"/> and writes it as a frame. The block is overwritten.
    /// </summary>
    /// <returns>Bytes written.</returns>
    public static int WriteSealed(IBufferWriter<byte> output, StreamCipher cipher, Span<byte> block)
    {
        const int start = Headroom - LengthSize;
        Span<byte> mac = stackalloc byte[StreamCipher.MacSize];
        cipher.Seal(StreamTag.Message, block, mac);
        block[Headroom] = block[0];
        WriteLength(block[start..], block.Length - StreamCipher.TagBlock + StreamCipher.Overhead);
        output.Write(block[start..]);
        output.Write(mac);
        return block.Length - start + StreamCipher.MacSize;
    }

    public void Return() => ArrayPool<byte>.Shared.Return(buffer);
}
