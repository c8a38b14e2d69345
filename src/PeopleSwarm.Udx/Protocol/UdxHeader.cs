using static System.Buffers.Binary.BinaryPrimitives;

namespace PeopleSwarm.Udx.Protocol;

/// <summary>What a packet carries (spec udx, 3.2). None is a plain acknowledgement.</summary>
[Flags]
internal enum PacketTypes : byte
{
    None = 0,
    Data = 0x01,
    End = 0x02,
    Sack = 0x04,
    Message = 0x08,
    Destroy = 0x10,
    Heartbeat = 0x20,
}

/// <summary>The fixed header of every UDX packet: 20 bytes, little-endian (spec udx, 3.1).</summary>
internal readonly record struct UdxHeader(PacketTypes Types, byte DataOffset, uint StreamId, uint ReceiveWindow, uint Seq, uint Ack)
{
    public const int Size = 20;

    /// <summary>Where the stream id stands; a relay rewrites it in place.</summary>
    public const int StreamIdOffset = 4;

    private const byte Magic = 0xFF, Version = 1;

    /// <summary>Reads a header; false if <paramref name="packet"/> is short or not UDX version 1.</summary>
    public static bool TryParse(ReadOnlySpan<byte> packet, out UdxHeader header)
    {
        header = default;
        if (packet.Length < Size || packet[0] != Magic || packet[1] != Version) return false;
        header = new((PacketTypes)packet[2], packet[3], ReadUInt32LittleEndian(packet[4..]),
            ReadUInt32LittleEndian(packet[8..]), ReadUInt32LittleEndian(packet[12..]), ReadUInt32LittleEndian(packet[16..]));
        return true;
    }

    public void Write(Span<byte> destination)
    {
        destination = destination[..Size];
        (destination[0], destination[1], destination[2], destination[3]) = (Magic, Version, (byte)Types, DataOffset);
        WriteUInt32LittleEndian(destination[4..], StreamId);
        WriteUInt32LittleEndian(destination[8..], ReceiveWindow);
        WriteUInt32LittleEndian(destination[12..], Seq);
        WriteUInt32LittleEndian(destination[16..], Ack);
    }
}
