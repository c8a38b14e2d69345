using System.Buffers.Binary;

namespace PeopleSwarm.Dht.Messages;

/// <summary>Writes compact encodings (spec dht-rpc, 1) in their shortest form. The <c>SizeOf…</c> members tell beforehand how many bytes it takes.</summary>
internal ref struct CompactWriter(Span<byte> destination)
{
    private readonly Span<byte> _destination = destination;

    /// <summary>Bytes written so far.</summary>
    public int Length { get; private set; }

    /// <summary>The bytes written so far.</summary>
    public readonly ReadOnlySpan<byte> Written => _destination[..Length];

    public static int SizeOfUInt(long value) => value switch { <= 0xfc => 1, <= 0xffff => 3, <= 0xffff_ffff => 5, _ => 9 };

    public static int SizeOfBuffer(int length) => SizeOfUInt(length) + length;

    public static int SizeOfAddresses(int count) => SizeOfUInt(count) + count * AddressArray.ItemSize;

    public void WriteByte(byte value) => Take(1)[0] = value;

    public void WriteBool(bool value) => WriteByte(value ? (byte)1 : (byte)0);

    /// <summary>A variable-length integer.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is negative or above 2^53 - 1, which others could not read.</exception>
    public void WriteUInt(long value)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(value);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(value, CompactReader.MaxInteger);
        var bytes = Take(SizeOfUInt(value));
        switch (bytes.Length)
        {
            case 1:
                bytes[0] = (byte)value;
                break;
            case 3:
                bytes[0] = 0xfd;
                BinaryPrimitives.WriteUInt16LittleEndian(bytes[1..], (ushort)value);
                break;
            case 5:
                bytes[0] = 0xfe;
                BinaryPrimitives.WriteUInt32LittleEndian(bytes[1..], (uint)value);
                break;
            default:
                bytes[0] = 0xff;
                BinaryPrimitives.WriteInt64LittleEndian(bytes[1..], value);
                break;
        }
    }

    public void WriteUInt16(ushort value) => BinaryPrimitives.WriteUInt16LittleEndian(Take(2), value);

    public void WriteUInt32(uint value) => BinaryPrimitives.WriteUInt32LittleEndian(Take(4), value);

    public void WriteBuffer(ReadOnlySpan<byte> value)
    {
        WriteUInt(value.Length);
        WriteBytes(value);
    }

    /// <summary>The bytes as they are, without a length.</summary>
    public void WriteBytes(ReadOnlySpan<byte> value) => value.CopyTo(Take(value.Length));

    public void WriteNodeId(in NodeId value) => value.CopyTo(Take(NodeId.Size));

    public void WritePublicKey(in PublicKey value) => value.CopyTo(Take(PublicKey.Size));

    /// <summary>Four octets and a little-endian port.</summary>
    /// <exception cref="InvalidOperationException">The address is IPv6.</exception>
    public void WriteIPv4Address(in UdpEndPoint value) => AddressArray.Write(Take(AddressArray.ItemSize), value);

    /// <summary>Sixteen bytes in network order and a little-endian port.</summary>
    public void WriteIPv6Address(in UdpEndPoint value)
    {
        var bytes = Take(18);
        value.WriteAddress16(bytes);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes[16..], value.Port);
    }

    public void WriteArrayOfAddresses(ReadOnlySpan<UdpEndPoint> addresses)
    {
        WriteUInt(addresses.Length);
        foreach (var address in addresses) WriteIPv4Address(address);
    }

    public void WriteArrayOfAddresses(IReadOnlyList<UdpEndPoint> addresses)
    {
        WriteUInt(addresses.Count);
        for (int i = 0; i < addresses.Count; i++) WriteIPv4Address(addresses[i]);
    }

    private Span<byte> Take(int length)
    {
        var bytes = _destination.Slice(Length, length);
        Length += length;
        return bytes;
    }
}
