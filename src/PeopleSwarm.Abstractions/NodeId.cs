using System.Diagnostics.CodeAnalysis;

namespace PeopleSwarm;

/// <summary>A place in the 256-bit key space of the DHT: a node's id or the target of a query.</summary>
public readonly record struct NodeId : IComparable<NodeId>
{
    /// <summary>32 bytes.</summary>
    public const int Size = Bytes32.Size;

    private readonly Bytes32 _value;

    /// <summary>Copies 32 bytes.</summary>
    /// <exception cref="ArgumentException"><paramref name="bytes"/> is not 32 bytes long.</exception>
    public NodeId(ReadOnlySpan<byte> bytes) => _value = new(bytes, "node id", nameof(bytes));

    /// <summary>Reads 64 hexadecimal digits.</summary>
    /// <exception cref="FormatException">The text is anything else.</exception>
    public static NodeId Parse(string text) =>
        TryParse(text, out var value) ? value : throw new FormatException($"'{text}' is not a node id of 64 hexadecimal digits.");

    /// <summary>Reads 64 hexadecimal digits; false if the text is anything else.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, out NodeId value)
    {
        Span<byte> bytes = stackalloc byte[Size];
        bool ok = Bytes32.TryParseHex(text, bytes);
        value = ok ? new(bytes) : default;
        return ok;
    }

    /// <summary>Writes the 32 bytes.</summary>
    public void CopyTo(Span<byte> destination) => _value.CopyTo(destination);

    /// <summary>The 32 bytes as a new array.</summary>
    public byte[] ToArray() => _value.ToArray();

    /// <summary>Compares byte by byte.</summary>
    public int CompareTo(NodeId other) => _value.CompareTo(other._value);

    /// <summary>Whether <paramref name="left"/> sorts before <paramref name="right"/>, byte by byte.</summary>
    public static bool operator <(NodeId left, NodeId right) => left.CompareTo(right) < 0;

    /// <summary>Whether <paramref name="left"/> sorts after <paramref name="right"/>, byte by byte.</summary>
    public static bool operator >(NodeId left, NodeId right) => left.CompareTo(right) > 0;

    /// <summary>Whether <paramref name="left"/> does not sort after <paramref name="right"/>.</summary>
    public static bool operator <=(NodeId left, NodeId right) => left.CompareTo(right) <= 0;

    /// <summary>Whether <paramref name="left"/> does not sort before <paramref name="right"/>.</summary>
    public static bool operator >=(NodeId left, NodeId right) => left.CompareTo(right) >= 0;

    /// <summary>Orders two ids by XOR distance to <paramref name="target"/>: below 0 if this one is closer.</summary>
    public int CompareDistance(in NodeId other, in NodeId target) => _value.CompareDistance(other._value, target._value);

    /// <summary>Number of leading bits equal in both, 0 to 256.</summary>
    public int CommonPrefix(in NodeId other) => _value.CommonPrefix(other._value);

    /// <summary>64 lower-case hexadecimal digits.</summary>
    public override string ToString() => _value.ToString();
}
