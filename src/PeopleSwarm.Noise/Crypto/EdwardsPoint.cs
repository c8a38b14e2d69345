using System.Runtime.InteropServices;
using System.Security.Cryptography;
using F = Org.BouncyCastle.Math.EC.Rfc7748.X25519Field;

namespace PeopleSwarm.Noise.Crypto;

/// <summary>
/// A point of edwards25519 that can be multiplied by secret scalars in constant time. The field is BouncyCastle's, which has no
/// public multiplication of its own for points other than the base; the formulas are those for extended coordinates with a = -1
/// (Hisil, Wong, Carter, Dawson 2008; RFC 8032, section 5.1.4).
/// </summary>
internal sealed class EdwardsPoint
{
    public const int Size = 32;
    private const int Multiples = 8, Parts = 4, Digits = 64; // a table of 1P to 8P for signed 4-bit digits
    private static readonly int[] s_d = CreateD(), s_2d = Sum(s_d, s_d);

    private readonly int[] _table = new int[Multiples * Parts * F.Size]; // Y+X, Y-X, 2Z, 2dT of each multiple

    /// <summary>Decodes a compressed point already known to be valid.</summary>
    public EdwardsPoint(ReadOnlySpan<byte> encoded)
    {
        var point = Decode(encoded);
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
        var sum = Point.Identity();
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
        CryptographicOperations.ZeroMemory(MemoryMarshal.AsBytes(entry.AsSpan()));
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

    private void Store(Point p, int index)
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

    private static Point Decode(ReadOnlySpan<byte> encoded)
    {
        int sign = encoded[31] >> 7;
        var p = Point.Identity();
        F.Decode255(encoded, p.Y);
        int[] u = F.Create(), v = F.Create();
        F.Sqr(p.Y, u);
        F.Mul(u, s_d, v);
        F.SubOne(u);
        F.AddOne(v);
        if (!F.SqrtRatioVar(u, v, p.X)) throw new ArgumentException("Not a point of the curve.", nameof(encoded));
        F.Normalize(p.X);
        if ((p.X[0] & 1) != sign) F.Negate(p.X, p.X);
        F.Carry(p.X);
        F.Mul(p.X, p.Y, p.T);
        return p;
    }

    private static int[] CreateD()
    {
        int[] numerator = F.Create(), denominator = F.Create(), d = F.Create();
        (numerator[0], denominator[0]) = (121665, 121666);
        F.InvVar(denominator, denominator);
        F.Mul(numerator, denominator, d);
        F.Negate(d, d);
        F.Normalize(d);
        return d;
    }

    private static int[] Sum(int[] x, int[] y)
    {
        int[] z = F.Create();
        F.Add(x, y, z);
        F.Carry(z);
        return z;
    }

    /// <summary>A point in extended coordinates: x = X/Z, y = Y/Z, xy = T/Z.</summary>
    private sealed class Point
    {
        private readonly int[] _a = F.Create(), _b = F.Create(), _c = F.Create(), _d = F.Create();
        private readonly int[] _e = F.Create(), _f = F.Create(), _g = F.Create(), _h = F.Create();

        public int[] X { get; } = F.Create();

        public int[] Y { get; } = F.Create();

        public int[] Z { get; } = F.Create();

        public int[] T { get; } = F.Create();

        public static Point Identity()
        {
            var p = new Point();
            F.One(p.Y);
            F.One(p.Z);
            return p;
        }

        public Point Copy()
        {
            var p = new Point();
            F.Copy(X, p.X);
            F.Copy(Y, p.Y);
            F.Copy(Z, p.Z);
            F.Copy(T, p.T);
            return p;
        }

        public void Double(bool withT)
        {
            F.Sqr(X, _a);
            F.Sqr(Y, _b);
            F.Sqr(Z, _c);
            F.Add(_c, _c, _c);
            F.Add(X, Y, _e);
            F.Sqr(_e, _e);
            F.Apm(_a, _b, _h, _g);
            F.Sub(_h, _e, _e);
            F.Add(_c, _g, _f);
            F.Carry(_f);
            Finish(withT);
        }

        public void Add(int[] entry)
        {
            F.Apm(Y, X, _b, _a);
            F.Copy(entry.AsSpan(F.Size, F.Size), _c);
            F.Mul(_a, _c, _a);
            F.Copy(entry.AsSpan(0, F.Size), _c);
            F.Mul(_b, _c, _b);
            F.Copy(entry.AsSpan(3 * F.Size, F.Size), _c);
            F.Mul(T, _c, _c);
            F.Copy(entry.AsSpan(2 * F.Size, F.Size), _d);
            F.Mul(Z, _d, _d);
            F.Apm(_b, _a, _h, _e);
            F.Apm(_d, _c, _g, _f);
            Finish(withT: true);
        }

        public bool TryEncode(Span<byte> encoded)
        {
            F.Inv(Z, _a);
            F.Mul(X, _a, _b);
            F.Mul(Y, _a, _c);
            F.Normalize(_b);
            F.Normalize(_c);
            bool identity = (F.IsZero(_b) & F.IsOne(_c)) != 0;
            F.Encode(_c, encoded);
            encoded[31] |= (byte)((_b[0] & 1) << 7);
            return !identity;
        }

        public void Clear()
        {
            foreach (int[] value in (ReadOnlySpan<int[]>)[X, Y, Z, T, _a, _b, _c, _d, _e, _f, _g, _h])
                CryptographicOperations.ZeroMemory(MemoryMarshal.AsBytes(value.AsSpan()));
        }

        private void Finish(bool withT)
        {
            F.Mul(_e, _f, X);
            F.Mul(_g, _h, Y);
            F.Mul(_f, _g, Z);
            if (withT) F.Mul(_e, _h, T);
        }
    }
}
