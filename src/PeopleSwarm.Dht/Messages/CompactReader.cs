using System.Buffers.Binary;

namespace PeopleSwarm.Dht.Messages;

/// <summary>Reads compact encodings (spec dht-rpc, 1). Every read returns false where bytes are missing and then leaves the position alone.</summary>
/// <remarks>Spans handed out are borrowed from the datagram.</remarks>
internal ref struct CompactReader(ReadOnlySpan<byte> source)
{
    /// <summary>2^53 - 1, the largest integer the network can carry.</summary>
    public const long MaxInteger = (1L << 53) - 1;

    private ReadOnlySpan<byte> _rest = source;

    /// <summary>The bytes not read yet.</summary>
    public readonly ReadOnlySpan<byte> Rest => _rest;

    public bool TryReadByte(out byte value)
    {
        value = _rest.IsEmpty ? (byte)0 : _rest[0];
        return TryTake(1, out _);
    }

    /// <summary>True only for byte 1.</summary>
    public bool TryReadBool(out bool value)
    {
        bool ok = TryReadByte(out byte b);
        value = b == 1;
        return ok;
    }

    /// <summary>A variable-length integer, 0 to <see cref="MaxInteger"/>; over-long forms pass.</summary>
    public bool TryReadUInt(out long value)
    {
        value = 0;
        if (_rest.IsEmpty) return false;
        byte first = _rest[0];
        int size = first switch { <= 0xfc => 1, 0xfd => 3, 0xfe => 5, _ => 9 };
        if (_rest.Length < size) return false;
        value = size switch
        {
            1 => first,
            3 => BinaryPrimitives.ReadUInt16LittleEndian(_rest[1..]),
            5 => BinaryPrimitives.ReadUInt32LittleEndian(_rest[1..]),
            _ => BinaryPrimitives.ReadInt64LittleEndian(_rest[1..]),
        };
        if (value is < 0 or > MaxInteger)
        {
            value = 0;
            return false;
        }
        _rest = _rest[size..];
        return true;
    }

    public bool TryReadUInt16(out ushort value)
    {
        bool ok = TryTake(2, out var bytes);
        value = ok ? BinaryPrimitives.ReadUInt16LittleEndian(bytes) : (ushort)0;
        return ok;
    }

    public bool TryReadUInt32(out uint value)
    {
        bool ok = TryTake(4, out var bytes);
        value = ok ? BinaryPrimitives.ReadUInt32LittleEndian(bytes) : 0;
        return ok;
    }

    /// <summary>A length and that many bytes; empty is not missing.</summary>
    public bool TryReadBuffer(out ReadOnlySpan<byte> value)
    {
        var before = _rest;
        if (TryReadUInt(out long length) && length <= _rest.Length && TryTake((int)length, out value)) return true;
        _rest = before;
        value = default;
        return false;
    }

    public bool TryReadFixed32(out ReadOnlySpan<byte> value) => TryTake(32, out value);

    public bool TryReadFixed64(out ReadOnlySpan<byte> value) => TryTake(64, out value);

    public bool TryReadBytes(int length, out ReadOnlySpan<byte> value) => TryTake(length, out value);

    public bool TryReadNodeId(out NodeId value)
    {
        bool ok = TryTake(NodeId.Size, out var bytes);
        value = ok ? new(bytes) : default;
        return ok;
    }

    public bool TryReadPublicKey(out PublicKey value)
    {
        bool ok = TryTake(PublicKey.Size, out var bytes);
        value = ok ? new(bytes) : default;
        return ok;
    }

    /// <summary>Four octets and a little-endian port, which may be 0.</summary>
    public bool TryReadIPv4Address(out UdpEndPoint value)
    {
        bool ok = TryTake(AddressArray.ItemSize, out var bytes);
        value = ok ? AddressArray.Read(bytes) : default;
        return ok;
    }

    /// <summary>Sixteen bytes in network order and a little-endian port.</summary>
    public bool TryReadIPv6Address(out UdpEndPoint value)
    {
        bool ok = TryTake(18, out var bytes);
        value = ok ? new(bytes[..16], BinaryPrimitives.ReadUInt16LittleEndian(bytes[16..])) : default;
        return ok;
    }

    /// <summary>The count of an array whose items take at least <paramref name="minItemSize"/> bytes; false where they cannot follow.</summary>
    public bool TryReadCount(int minItemSize, out int count)
    {
        var before = _rest;
        if (TryReadUInt(out long value) && value <= _rest.Length / minItemSize)
        {
            count = (int)value;
            return true;
        }
        _rest = before;
        count = 0;
        return false;
    }

    /// <summary>An array of IPv4 addresses, borrowed; nothing is allocated for what a count only announces.</summary>
    public bool TryReadArrayOfAddresses(out AddressArray addresses)
    {
        addresses = default;
        if (!TryReadCount(AddressArray.ItemSize, out int count) || !TryTake(count * AddressArray.ItemSize, out var bytes)) return false;
        addresses = new(bytes);
        return true;
    }

    private bool TryTake(int length, out ReadOnlySpan<byte> bytes)
    {
        bytes = default;
        if (_rest.Length < length) return false;
        bytes = _rest[..length];
        _rest = _rest[length..];
        return true;
    }
}
