using System.Runtime.InteropServices;
using System.Security.Cryptography;
using F = Org.BouncyCastle.Math.EC.Rfc7748.X25519Field;

namespace PeopleSwarm.Noise.Crypto;

/// <summary>
/// A point of edwards25519 in extended coordinates: x = X/Z, y = Y/Z, xy = T/Z. The field is BouncyCastle's; the formulas are those for
/// a = -1 (Hisil, Wong, Carter, Dawson 2008; RFC 8032, section 5.1.4).
/// </summary>
internal sealed class ExtendedPoint
{
    /// <summary>The constant d of the curve.</summary>
    public static readonly int[] D = CreateD();

    private readonly int[] _a = F.Create(), _b = F.Create(), _c = F.Create(), _d = F.Create();
    private readonly int[] _e = F.Create(), _f = F.Create(), _g = F.Create(), _h = F.Create();

    public int[] X { get; } = F.Create();

    public int[] Y { get; } = F.Create();

    public int[] Z { get; } = F.Create();

    public int[] T { get; } = F.Create();

    public static ExtendedPoint Identity()
    {
        var p = new ExtendedPoint();
        F.One(p.Y);
        F.One(p.Z);
        return p;
    }

    /// <summary>Becomes a compressed point already known to be valid.</summary>
    public void Decode(ReadOnlySpan<byte> encoded)
    {
        F.Decode255(encoded, Y);
        F.One(Z);
        F.Sqr(Y, _a);
        F.Mul(_a, D, _b);
        F.SubOne(_a);
        F.AddOne(_b);
        if (!F.SqrtRatioVar(_a, _b, X)) throw new ArgumentException("Not a point of the curve.", nameof(encoded));
        F.Normalize(X);
        if ((X[0] & 1) != encoded[31] >> 7) F.Negate(X, X);
        F.Carry(X);
        F.Mul(X, Y, T);
    }

    public ExtendedPoint Copy()
    {
        var p = new ExtendedPoint();
        F.Copy(X, p.X);
        F.Copy(Y, p.Y);
        F.Copy(Z, p.Z);
        F.Copy(T, p.T);
        return p;
    }

    /// <summary>Doubles; T, which only an addition reads, if it is asked for.</summary>
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

    /// <summary>Adds a point given as Y+X, Y-X, 2Z, 2dT.</summary>
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

    /// <summary>Writes the compressed point; false if it is the identity.</summary>
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

    /// <summary>Zeroes what depends on secrets.</summary>
    public void Clear() => Zero([X, Y, Z, T, _a, _b, _c, _d, _e, _f, _g, _h]);

    /// <summary>Zeroes numbers that depend on secrets.</summary>
    public static void Zero(ReadOnlySpan<int[]> numbers)
    {
        foreach (int[] number in numbers) CryptographicOperations.ZeroMemory(MemoryMarshal.AsBytes(number.AsSpan()));
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

    private void Finish(bool withT)
    {
        F.Mul(_e, _f, X);
        F.Mul(_g, _h, Y);
        F.Mul(_f, _g, Z);
        if (withT) F.Mul(_e, _h, T);
    }
}
