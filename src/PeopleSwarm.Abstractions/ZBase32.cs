namespace PeopleSwarm;

/// <summary>The text form of keys in the Holepunch world: 52 characters without case or look-alikes.</summary>
internal static class ZBase32
{
    /// <summary>Characters of 32 bytes.</summary>
    public const int Length = 52;

    private const string Alphabet = "ybndrfg8ejkmcpqxot1uwisza345h769";
    private const int BitsOfCharacter = 5, UnusedBits = Length * BitsOfCharacter - 8 * Bytes32.Size;

    public static string Encode(ReadOnlySpan<byte> bytes)
    {
        Span<char> text = stackalloc char[Length];
        int buffer = 0, bits = 0, next = 0;
        foreach (byte value in bytes)
        {
            (buffer, bits) = (buffer << 8 | value, bits + 8);
            for (; bits >= BitsOfCharacter; bits -= BitsOfCharacter) text[next++] = Alphabet[buffer >> (bits - BitsOfCharacter) & 31];
        }
        text[next] = Alphabet[buffer << (BitsOfCharacter - bits) & 31];
        return new(text);
    }

    public static bool TryDecode(ReadOnlySpan<char> text, Span<byte> bytes)
    {
        if (text.Length != Length) return false;
        int buffer = 0, bits = 0, next = 0;
        foreach (char character in text)
        {
            int value = Alphabet.IndexOf(character, StringComparison.Ordinal);
            if (value < 0) return false;
            (buffer, bits) = (buffer << BitsOfCharacter | value, bits + BitsOfCharacter);
            if (bits < 8) continue;
            bits -= 8;
            bytes[next++] = (byte)(buffer >> bits);
        }
        return (buffer & ((1 << UnusedBits) - 1)) == 0; // one text for each key
    }
}
