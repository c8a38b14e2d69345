using System.Buffers.Binary;

namespace PeopleSwarm;

/// <summary>32 bytes by value; what keys, topics and ids have in common.</summary>
internal readonly record struct Bytes32 : IComparable<Bytes32>
{
    public const int Size = 32;
    private readonly ulong _a, _b, _c, _d; // big endian, so that comparing numbers compares bytes

    public Bytes32(ReadOnlySpan<byte> bytes, string typeName, string paramName)
    {
        if (bytes.Length != Size) throw new ArgumentException($"A {typeName} is {Size} bytes, not {bytes.Length}.", paramName);
        _a = BinaryPrimitives.ReadUInt64BigEndian(bytes);
        _b = BinaryPrimitives.ReadUInt64BigEndian(bytes[8..]);
        _c = BinaryPrimitives.ReadUInt64BigEndian(bytes[16..]);
        _d = BinaryPrimitives.ReadUInt64BigEndian(bytes[24..]);
    }

    public void CopyTo(Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt64BigEndian(destination, _a);
        BinaryPrimitives.WriteUInt64BigEndian(destination[8..], _b);
        BinaryPrimitives.WriteUInt64BigEndian(destination[16..], _c);
        BinaryPrimitives.WriteUInt64BigEndian(destination[24..Size], _d);
    }

    public byte[] ToArray()
    {
        var bytes = new byte[Size];
        CopyTo(bytes);
        return bytes;
    }

    public int CompareTo(Bytes32 other)
    {
        int order = _a.CompareTo(other._a);
        if (order == 0) order = _b.CompareTo(other._b);
        if (order == 0) order = _c.CompareTo(other._c);
        return order == 0 ? _d.CompareTo(other._d) : order;
    }

    /// <summary>Whether this is closer to <paramref name="target"/> than <paramref name="other"/> by XOR distance: below 0 if so.</summary>
    public int CompareDistance(in Bytes32 other, in Bytes32 target)
    {
        int order = (_a ^ target._a).CompareTo(other._a ^ target._a);
        if (order == 0) order = (_b ^ target._b).CompareTo(other._b ^ target._b);
        if (order == 0) order = (_c ^ target._c).CompareTo(other._c ^ target._c);
        return order == 0 ? (_d ^ target._d).CompareTo(other._d ^ target._d) : order;
    }

    /// <summary>Number of leading bits equal in both, 0 to 256.</summary>
    public int CommonPrefix(in Bytes32 other)
    {
        ulong x = _a ^ other._a;
        if (x != 0) return System.Numerics.BitOperations.LeadingZeroCount(x);
        x = _b ^ other._b;
        if (x != 0) return 64 + System.Numerics.BitOperations.LeadingZeroCount(x);
        x = _c ^ other._c;
        if (x != 0) return 128 + System.Numerics.BitOperations.LeadingZeroCount(x);
        return 192 + System.Numerics.BitOperations.LeadingZeroCount(_d ^ other._d);
    }

    public static bool TryParseHex(ReadOnlySpan<char> text, Span<byte> bytes) =>
        text.Length == 2 * Size && Convert.FromHexString(text, bytes, out _, out int written) == System.Buffers.OperationStatus.Done && written == Size;

    public override string ToString() => Convert.ToHexStringLower(ToArray());
}
