using F = Org.BouncyCastle.Math.EC.Rfc7748.X25519Field;

namespace PeopleSwarm.Noise.Crypto;

/// <summary>
/// From compressed points of edwards25519 to elements of ristretto255 and back, in constant time. libsodium proves with each product of a
/// point that the point is of the group of prime order, which takes as long as the product; elements need no proof. The scalars stay with the
/// library; only encodings are computed here, over BouncyCastle's field. For one thread at a time: the numbers in between have their place here.
/// </summary>
/// <remarks>RFC 9496, section 4.3.</remarks>
internal sealed class Ristretto255
{
    public const int Size = 32;

    /// <summary>Points that are one element differ by a point whose order divides this.</summary>
    public const int Cofactor = 4;

    private static readonly int[] s_one = One(), s_minusOne = Negative(s_one), s_sqrtMinusOne = RootOf(s_minusOne, s_one);
    private static readonly int[] s_minusSqrtMinusOne = Negative(s_sqrtMinusOne), s_invSqrtAMinusD = RootOf(s_one, AMinusD());

    private readonly ExtendedPoint _point = new();
    private readonly int[] _s = F.Create(), _u1 = F.Create(), _u2 = F.Create(), _v = F.Create(), _product = F.Create(), _invSqrt = F.Create();
    private readonly int[] _v3 = F.Create(), _v7 = F.Create(), _check = F.Create();
    private readonly int[] _ones5 = F.Create(), _ones10 = F.Create(), _ones50 = F.Create(), _a = F.Create(), _b = F.Create();

    /// <summary>Writes the element that a compressed point of the group of prime order belongs to.</summary>
    /// <remarks>Section 4.3.2, with z = 1.</remarks>
    public void Encode(ReadOnlySpan<byte> point, Span<byte> element)
    {
        _point.Decode(point);
        int[] x = _point.X, y = _point.Y, t = _point.T, den1 = _u1, den2 = _u2, zInv = _v; // u2 is t
        F.Sqr(y, _u1);
        SubtractFromOne(_u1);
        F.Sqr(t, _product);
        F.Mul(_product, _u1, _product);
        InvertSqrt(_product);
        F.Mul(_invSqrt, _u1, den1);
        F.Mul(_invSqrt, t, den2);
        F.Mul(den1, den2, zInv);
        F.Mul(zInv, t, zInv);

        F.Mul(t, zInv, _product);
        int rotate = -Sign(_product);
        F.Mul(x, s_sqrtMinusOne, _a);
        F.Mul(y, s_sqrtMinusOne, _b);
        F.CMov(rotate, _b, x);
        F.CMov(rotate, _a, y);
        F.Mul(den1, s_invSqrtAMinusD, den1);
        F.CMov(rotate, den1, den2);

        F.Mul(x, zInv, _product);
        F.CNegate(Sign(_product), y);
        SubtractFromOne(y);
        F.Mul(den2, y, _s);
        MakeAbsolute(_s);
        F.Encode(_s, element);
    }

    /// <summary>
    /// Writes the compressed point that is <see cref="Cofactor"/> times each of those that belong to an element, which the library has
    /// written; false if it is the identity.
    /// </summary>
    /// <remarks>Section 4.3.1, without the refusals.</remarks>
    public bool TryDecode(ReadOnlySpan<byte> element, Span<byte> point)
    {
        int[] x = _point.X, y = _point.Y, denX = x, denY = y;
        F.Decode255(element, _s);
        F.Sqr(_s, _u1);
        F.Copy(_u1, _u2);
        F.AddOne(_u2);
        F.Carry(_u2);
        SubtractFromOne(_u1);
        F.Sqr(_u1, _v);
        F.Mul(_v, ExtendedPoint.D, _v);
        F.Sqr(_u2, _product);
        F.Add(_v, _product, _v);
        F.Negate(_v, _v);
        F.Carry(_v);
        F.Mul(_v, _product, _product);
        InvertSqrt(_product);

        F.Mul(_invSqrt, _u2, denX);
        F.Mul(_invSqrt, denX, denY);
        F.Mul(denY, _v, denY);
        F.Mul(_u1, denY, y);
        F.Add(_s, _s, _s);
        F.Mul(_s, denX, x);
        MakeAbsolute(x);
        F.One(_point.Z);
        for (int times = 1; times < Cofactor; times *= 2) _point.Double(withT: false);
        bool ok = _point.TryEncode(point);
        Clear();
        return ok;
    }

    /// <summary>Computes the root, not negative, of 1/v, or of i/v where 1/v is no square.</summary>
    /// <remarks>Section 4.2, SQRT_RATIO_M1 with u = 1.</remarks>
    private void InvertSqrt(int[] v)
    {
        F.Sqr(v, _v3);
        F.Mul(_v3, v, _v3);
        F.Sqr(_v3, _v7);
        F.Mul(_v7, v, _v7);
        Power(_v7, _invSqrt);
        F.Mul(_invSqrt, _v3, _invSqrt);

        F.Sqr(_invSqrt, _check);
        F.Mul(_check, v, _check);
        F.Normalize(_check);
        int flipped = F.AreEqual(_check, s_minusOne) | F.AreEqual(_check, s_minusSqrtMinusOne);
        F.Mul(_invSqrt, s_sqrtMinusOne, _a);
        F.CMov(flipped, _a, _invSqrt);
        MakeAbsolute(_invSqrt);
    }

    /// <summary>Raises to (p - 5) / 8 = 2^252 - 3.</summary>
    private void Power(int[] x, int[] result)
    {
        F.Sqr(x, _a);
        F.Sqr(_a, 2, _b);
        F.Mul(_b, x, _b); // 9
        F.Mul(_a, _b, _a); // 11
        F.Sqr(_a, _a);
        F.Mul(_a, _b, _ones5); // 2^5 - 1
        Append(_ones5, 5, _ones5, _ones10);
        Append(_ones10, 10, _ones10, _a);
        Append(_a, 20, _a, _b);
        Append(_b, 10, _ones10, _ones50);
        Append(_ones50, 50, _ones50, _a);
        Append(_a, 100, _a, _b);
        Append(_b, 50, _ones50, _a); // 2^250 - 1
        Append(_a, 2, x, result);
    }

    private static void Append(int[] high, int bits, int[] low, int[] result)
    {
        F.Sqr(high, bits, result);
        F.Mul(result, low, result);
    }

    /// <summary>1 for a negative number, which is an odd one.</summary>
    private static int Sign(int[] value)
    {
        F.Normalize(value);
        return value[0] & 1;
    }

    private static void MakeAbsolute(int[] value)
    {
        F.CNegate(Sign(value), value);
        F.Normalize(value);
    }

    private static void SubtractFromOne(int[] value)
    {
        F.SubOne(value);
        F.Negate(value, value);
        F.Carry(value);
    }

    /// <summary>Zeroes what depends on secrets.</summary>
    private void Clear()
    {
        _point.Clear();
        ExtendedPoint.Zero([_s, _u1, _u2, _v, _product, _invSqrt, _v3, _v7, _check, _ones5, _ones10, _ones50, _a, _b]);
    }

    private static int[] One()
    {
        int[] one = F.Create();
        F.One(one);
        return one;
    }

    private static int[] Negative(int[] value)
    {
        int[] negative = F.Create();
        F.Negate(value, negative);
        F.Normalize(negative);
        return negative;
    }

    private static int[] AMinusD()
    {
        int[] dMinusA = F.Create();
        F.Add(ExtendedPoint.D, s_one, dMinusA);
        return Negative(dMinusA);
    }

    /// <summary>The root of u/v that is not negative.</summary>
    private static int[] RootOf(int[] u, int[] v)
    {
        int[] root = F.Create();
        F.SqrtRatioVar(u, v, root);
        MakeAbsolute(root);
        return root;
    }
}
