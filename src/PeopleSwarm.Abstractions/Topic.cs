using System.Diagnostics.CodeAnalysis;

namespace PeopleSwarm;

/// <summary>What peers meet on: 32 bytes that all of them know.</summary>
public readonly record struct Topic : IComparable<Topic>
{
    /// <summary>32 bytes.</summary>
    public const int Size = Bytes32.Size;

    private readonly Bytes32 _value;

    /// <summary>Copies 32 bytes.</summary>
    /// <exception cref="ArgumentException"><paramref name="bytes"/> is not 32 bytes long.</exception>
    public Topic(ReadOnlySpan<byte> bytes) => _value = new(bytes, "topic", nameof(bytes));

    /// <summary>Reads 64 hexadecimal digits.</summary>
    /// <exception cref="FormatException">The text is anything else.</exception>
    public static Topic Parse(string text) =>
        TryParse(text, out var value) ? value : throw new FormatException($"'{text}' is not a topic of 64 hexadecimal digits.");

    /// <summary>Reads 64 hexadecimal digits; false if the text is anything else.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, out Topic value)
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
    public int CompareTo(Topic other) => _value.CompareTo(other._value);

    /// <summary>Whether <paramref name="left"/> sorts before <paramref name="right"/>, byte by byte.</summary>
    public static bool operator <(Topic left, Topic right) => left.CompareTo(right) < 0;

    /// <summary>Whether <paramref name="left"/> sorts after <paramref name="right"/>, byte by byte.</summary>
    public static bool operator >(Topic left, Topic right) => left.CompareTo(right) > 0;

    /// <summary>Whether <paramref name="left"/> does not sort after <paramref name="right"/>.</summary>
    public static bool operator <=(Topic left, Topic right) => left.CompareTo(right) <= 0;

    /// <summary>Whether <paramref name="left"/> does not sort before <paramref name="right"/>.</summary>
    public static bool operator >=(Topic left, Topic right) => left.CompareTo(right) >= 0;

    /// <summary>64 lower-case hexadecimal digits.</summary>
    public override string ToString() => _value.ToString();
}
