using System.Buffers.Binary;

namespace PeopleSwarm.Protomux.Protocol;

/// <summary>Reads compact encodings; false where bytes are missing.</summary>
internal ref struct MuxReader(ReadOnlySpan<byte> source)
{
    private const long MaxInteger = (1L << 53) - 1;

    private ReadOnlySpan<byte> _rest = source;

    public readonly ReadOnlySpan<byte> Rest => _rest;

    /// <summary>A variable-length integer, 0 to 2^53 - 1.</summary>
    public bool TryReadUInt(out long value)
    {
        value = 0;
        if (_rest.IsEmpty) return false;
        int size = _rest[0] switch { <= 0xfc => 1, 0xfd => 3, 0xfe => 5, _ => 9 };
        if (_rest.Length < size) return false;
        value = size switch
        {
            1 => _rest[0],
            3 => BinaryPrimitives.ReadUInt16LittleEndian(_rest[1..]),
            5 => BinaryPrimitives.ReadUInt32LittleEndian(_rest[1..]),
            _ => BinaryPrimitives.ReadInt64LittleEndian(_rest[1..]),
        };
        _rest = _rest[size..];
        return value is >= 0 and <= MaxInteger;
    }

    public bool TryReadBytes(long length, out ReadOnlySpan<byte> value)
    {
        value = default;
        if (length > _rest.Length) return false;
        value = _rest[..(int)length];
        _rest = _rest[(int)length..];
        return true;
    }

    /// <summary>A length and that many bytes.</summary>
    public bool TryReadBuffer(out ReadOnlySpan<byte> value)
    {
        value = default;
        return TryReadUInt(out long length) && TryReadBytes(length, out value);
    }
}
