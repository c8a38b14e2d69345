using System.Buffers.Binary;
using System.Text;

namespace PeopleSwarm.Protomux.Protocol;

/// <summary>What a message on channel 0 means.</summary>
internal enum ControlType
{
    Batch = 0,
    Open = 1,
    Reject = 2,
    Close = 3,
}

/// <summary>
/// Writes the messages of the wire. An entry is what follows the channel's number: in a message of its own the number comes before
/// it, in a batch a length.
/// </summary>
internal static class MuxFrame
{
    public static byte[] OpenEntry(int localId, MuxName name, ReadOnlySpan<byte> handshake)
    {
        int protocol = Encoding.UTF8.GetByteCount(name.Protocol);
        var entry = new byte[1 + SizeOf(localId) + SizeOf(protocol) + protocol + SizeOf(name.Id.Length) + name.Id.Length + handshake.Length];
        var rest = entry.AsSpan();
        Write(ref rest, (int)ControlType.Open);
        Write(ref rest, localId);
        Write(ref rest, protocol);
        rest = rest[Encoding.UTF8.GetBytes(name.Protocol, rest)..];
        Write(ref rest, name.Id.Length);
        name.Id.CopyTo(rest);
        handshake.CopyTo(rest[name.Id.Length..]);
        return entry;
    }

    public static byte[] ControlEntry(ControlType type, int id)
    {
        var entry = new byte[1 + SizeOf(id)];
        var rest = entry.AsSpan();
        Write(ref rest, (int)type);
        Write(ref rest, id);
        return entry;
    }

    public static byte[] MessageEntry(int type, ReadOnlySpan<byte> body)
    {
        var entry = new byte[SizeOf(type) + body.Length];
        var rest = entry.AsSpan();
        Write(ref rest, type);
        body.CopyTo(rest);
        return entry;
    }

    /// <summary>One entry as a message of its own.</summary>
    public static byte[] Single(int localId, ReadOnlySpan<byte> entry)
    {
        var frame = new byte[SizeOf(localId) + entry.Length];
        var rest = frame.AsSpan();
        Write(ref rest, localId);
        entry.CopyTo(rest);
        return frame;
    }

    /// <summary>Many entries as one message; a zero length announces that the next are another channel's.</summary>
    public static byte[] Batch(ReadOnlySpan<BatchEntry> entries)
    {
        int size = 2;
        int previous = -1;
        foreach (var entry in entries)
        {
            if (entry.LocalId != previous) size += (previous < 0 ? 0 : 1) + SizeOf(entry.LocalId);
            previous = entry.LocalId;
            size += SizeOf(entry.Bytes.Length) + entry.Bytes.Length;
        }
        var frame = new byte[size];
        var rest = frame.AsSpan(2); // channel 0, type 0
        previous = -1;
        foreach (var entry in entries)
        {
            if (entry.LocalId != previous)
            {
                if (previous >= 0) Write(ref rest, 0);
                Write(ref rest, entry.LocalId);
                previous = entry.LocalId;
            }
            Write(ref rest, entry.Bytes.Length);
            entry.Bytes.CopyTo(rest);
            rest = rest[entry.Bytes.Length..];
        }
        return frame;
    }

    private static int SizeOf(int value) => value switch { <= 0xfc => 1, <= 0xffff => 3, _ => 5 };

    private static void Write(ref Span<byte> rest, int value)
    {
        int size = SizeOf(value);
        switch (size)
        {
            case 1:
                rest[0] = (byte)value;
                break;
            case 3:
                rest[0] = 0xfd;
                BinaryPrimitives.WriteUInt16LittleEndian(rest[1..], (ushort)value);
                break;
            default:
                rest[0] = 0xfe;
                BinaryPrimitives.WriteInt32LittleEndian(rest[1..], value);
                break;
        }
        rest = rest[size..];
    }
}

/// <summary>A message or control message gathered for a batch.</summary>
internal readonly record struct BatchEntry(int LocalId, byte[] Bytes);
