using System.Runtime.InteropServices;
using System.Security.Cryptography;
using F = Org.BouncyCastle.Math.EC.Rfc7748.X25519Field;

namespace PeopleSwarm.Noise.Crypto;

/// <summary>
/// A point of edwards25519 that can be multiplied by secret scalars in constant time: BouncyCastle has no public multiplication of its own
/// for points other than the base.
/// </summary>
internal sealed class EdwardsPoint
{
    public const int Size = 32;
    private const int Multiples = 8, Parts = 4, Digits = 64; // a table of 1P to 8P for signed 4-bit digits
    private static readonly int[] s_2d = TwiceD();

    private readonly int[] _table = new int[Multiples * Parts * F.Size]; // Y+X, Y-X, 2Z, 2dT of each multiple

    /// <summary>Decodes a compressed point already known to be valid.</summary>
    public EdwardsPoint(ReadOnlySpan<byte> encoded)
    {
        var point = new ExtendedPoint();
        point.Decode(encoded);
        var multiple = point.Copy();
        Store(multiple, 0);
        int[] first = new int[Parts * F.Size];
        _table.AsSpan(0, first.Length).CopyTo(first);
        for (int i = 1; i < Multiples; i++)
        {
            multiple.Add(first);
            Store(multiple, i);
        }
    }

    /// <summary>
    /// Writes the compressed product with a scalar of 32 bytes, little endian, whose bit 255 is ignored; false if it is the identity.
    /// </summary>
    public bool TryMultiply(ReadOnlySpan<byte> scalar, Span<byte> product)
    {
        Span<sbyte> digits = stackalloc sbyte[Digits];
        WriteDigits(scalar, digits);
        int[] entry = new int[Parts * F.Size];
        var sum = ExtendedPoint.Identity();
        for (int i = Digits - 1; i >= 0; i--)
        {
            if (i != Digits - 1)
                for (int j = 0; j < 4; j++) sum.Double(withT: j == 3);
            Select(digits[i], entry);
            sum.Add(entry);
        }
        bool ok = sum.TryEncode(product);
        sum.Clear();
        CryptographicOperations.ZeroMemory(MemoryMarshal.AsBytes(digits));
        ExtendedPoint.Zero([entry]);
        return ok;
    }

    private static void WriteDigits(ReadOnlySpan<byte> scalar, Span<sbyte> digits)
    {
        int carry = 0;
        for (int i = 0; i < Digits; i++)
        {
            int nibble = (scalar[i / 2] >> (4 * (i & 1)) & 15) + carry;
            if (i == Digits - 1) nibble = (scalar[31] >> 4 & 7) + carry;
            carry = i == Digits - 1 ? 0 : (nibble + 8) >> 4;
            digits[i] = (sbyte)(nibble - (carry << 4));
        }
    }

    /// <summary>Copies digit times the point, reading every entry so that the access pattern says nothing.</summary>
    private void Select(int digit, int[] entry)
    {
        int negative = digit >> 31, magnitude = (digit ^ negative) - negative;
        Span<int> plus = entry.AsSpan(0, F.Size), minus = entry.AsSpan(F.Size, F.Size);
        Span<int> twoZ = entry.AsSpan(2 * F.Size, F.Size), t = entry.AsSpan(3 * F.Size, F.Size);
        entry.AsSpan().Clear();
        (plus[0], minus[0], twoZ[0]) = (1, 1, 2); // the identity
        for (int i = 0; i < Multiples; i++)
        {
            int match = ((i + 1 ^ magnitude) - 1) >> 31;
            for (int part = 0; part < Parts; part++)
                F.CMov(match, _table.AsSpan((i * Parts + part) * F.Size, F.Size), entry.AsSpan(part * F.Size, F.Size));
        }
        for (int i = 0; i < F.Size; i++)
        {
            int swap = (plus[i] ^ minus[i]) & negative;
            plus[i] ^= swap;
            minus[i] ^= swap;
            t[i] = (t[i] ^ negative) - negative;
        }
    }

    private static int[] TwiceD()
    {
        int[] twice = F.Create();
        F.Add(ExtendedPoint.D, ExtendedPoint.D, twice);
        F.Carry(twice);
        return twice;
    }

    private void Store(ExtendedPoint p, int index)
    {
        int[] value = F.Create();
        Span<int> slot = _table.AsSpan(index * Parts * F.Size);
        F.Add(p.Y, p.X, value);
        F.Carry(value);
        value.CopyTo(slot);
        F.Sub(p.Y, p.X, value);
        F.Carry(value);
        value.CopyTo(slot[F.Size..]);
        F.Add(p.Z, p.Z, value);
        F.Carry(value);
        value.CopyTo(slot[(2 * F.Size)..]);
        F.Mul(p.T, s_2d, value);
        value.CopyTo(slot[(3 * F.Size)..]);
    }
}
