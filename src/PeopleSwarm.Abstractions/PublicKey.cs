using System.Diagnostics.CodeAnalysis;

namespace PeopleSwarm;

/// <summary>An Ed25519 public key: who a peer is.</summary>
public readonly record struct PublicKey : IComparable<PublicKey>
{
    /// <summary>32 bytes.</summary>
    public const int Size = Bytes32.Size;

    private const string PearLink = "pear://";

    private readonly Bytes32 _value;

    /// <summary>Copies 32 bytes.</summary>
    /// <exception cref="ArgumentException"><paramref name="bytes"/> is not 32 bytes long.</exception>
    public PublicKey(ReadOnlySpan<byte> bytes) => _value = new(bytes, "public key", nameof(bytes));

    /// <summary>Reads a key as <see cref="TryParse"/> does.</summary>
    /// <exception cref="FormatException">The text is anything else.</exception>
    public static PublicKey Parse(string text) =>
        TryParse(text, out var value) ? value : throw new FormatException($"'{text}' is not a public key of 64 hexadecimal digits or 52 characters of z-base-32.");

    /// <summary>
    /// Reads 64 hexadecimal digits, 52 characters of z-base-32, or a <c>pear://</c> link that begins with either; false if the text is anything else.
    /// </summary>
    public static bool TryParse([NotNullWhen(true)] string? text, out PublicKey value)
    {
        Span<byte> bytes = stackalloc byte[Size];
        var key = text.AsSpan();
        if (key.StartsWith(PearLink)) key = key[PearLink.Length..];
        if (key.Length < (text?.Length ?? 0) && key.IndexOf('/') is > 0 and var path) key = key[..path];
        bool ok = Bytes32.TryParseHex(key, bytes) || ZBase32.TryDecode(key, bytes);
        value = ok ? new(bytes) : default;
        return ok;
    }

    /// <summary>Writes the 32 bytes.</summary>
    public void CopyTo(Span<byte> destination) => _value.CopyTo(destination);

    /// <summary>The 32 bytes as a new array.</summary>
    public byte[] ToArray() => _value.ToArray();

    /// <summary>Compares byte by byte.</summary>
    public int CompareTo(PublicKey other) => _value.CompareTo(other._value);

    /// <summary>Whether <paramref name="left"/> sorts before <paramref name="right"/>, byte by byte.</summary>
    public static bool operator <(PublicKey left, PublicKey right) => left.CompareTo(right) < 0;

    /// <summary>Whether <paramref name="left"/> sorts after <paramref name="right"/>, byte by byte.</summary>
    public static bool operator >(PublicKey left, PublicKey right) => left.CompareTo(right) > 0;

    /// <summary>Whether <paramref name="left"/> does not sort after <paramref name="right"/>.</summary>
    public static bool operator <=(PublicKey left, PublicKey right) => left.CompareTo(right) <= 0;

    /// <summary>Whether <paramref name="left"/> does not sort before <paramref name="right"/>.</summary>
    public static bool operator >=(PublicKey left, PublicKey right) => left.CompareTo(right) >= 0;

    /// <summary>52 characters of z-base-32, as keys are shared in the Holepunch world.</summary>
    public string ToZBase32() => ZBase32.Encode(ToArray());

    /// <summary>64 lower-case hexadecimal digits.</summary>
    public override string ToString() => _value.ToString();
}
