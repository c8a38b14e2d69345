using System.Numerics;
using System.Security.Cryptography;
using CsCheck;
using PeopleSwarm.Noise.Crypto;

namespace PeopleSwarm.Noise;

public class ManagedEd25519Tests() : Ed25519Tests(ManagedEdwards25519.Instance);

public class SodiumEd25519Tests() : Ed25519Tests(SodiumEdwards25519.Instance);

/// <summary>What holds whichever library computes.</summary>
public abstract class Ed25519Tests
{
    private static readonly BigInteger s_p = BigInteger.Pow(2, 255) - 19;
    private static readonly BigInteger s_order = BigInteger.Pow(2, 252) + BigInteger.Parse("27742317777372353535851937790883648493");
    private static readonly BigInteger s_d = Mod(-121665 * Invert(121666));

    private readonly IEdwards25519 _curve;
    private readonly Ed25519Agreement _agreement;

    internal Ed25519Tests(IEdwards25519 curve) => (_curve, _agreement) = (curve, new(curve));

    public static TheoryData<int> KeyPairs => Vectors.CasesOf("keypairs.cases");
    public static TheoryData<int> Agreements => Vectors.CasesOf("dh.cases");
    public static TheoryData<int> InvalidKeys => Vectors.CasesOf("dh.invalidPublicKeys");

    [Theory, MemberData(nameof(KeyPairs))]
    public void Makes_the_key_pair_of_a_seed(int index)
    {
        var vector = Vectors.Noise("keypairs.cases")[index];
        using var pair = _agreement.CreateKeyPair(vector.Bytes("seed"));
        Assert.Equal(vector.Text("publicKey"), pair.PublicKey.ToString());
        Assert.Equal(vector.Bytes("secretKey"), pair.SecretKey.ToArray());
        byte[] scalar = new byte[32];
        _curve.WriteScalar(pair.Seed, scalar);
        Assert.Equal(vector.Bytes("scalar"), scalar);
    }

    [Theory, MemberData(nameof(Agreements))]
    public void Agrees_on_the_secret_of_the_vectors(int index)
    {
        var vector = Vectors.Noise("dh.cases")[index];
        using var local = KeyPair.FromSeed(vector.Bytes("localSeed"));
        byte[] shared = new byte[32];
        Assert.True(_agreement.Import(new(vector.Bytes("remotePublicKey"))).TryAgree(local, shared));
        Assert.Equal(vector.Bytes("output"), shared);
    }

    [Fact]
    public void Agrees_on_the_secrets_of_the_dht()
    {
        byte[] shared = new byte[32];
        foreach (var vector in Vectors.Dht("noise_dh.vectors").EnumerateArray())
        {
            using var local = KeyPair.FromSeed(vector.Bytes("local_seed"));
            Assert.True(_agreement.Import(new(vector.Bytes("remote_public"))).TryAgree(local, shared));
            Assert.Equal(vector.Bytes("shared"), shared);
        }
    }

    [Theory, MemberData(nameof(InvalidKeys))]
    public void Accepts_only_canonical_points_of_the_prime_order_subgroup(int index)
    {
        var vector = Vectors.Noise("dh.invalidPublicKeys")[index];
        bool accepted = vector.At("accepted").GetBoolean();
        PublicKey key = new(vector.Bytes("publicKey"));
        using var local = KeyPair.Generate();
        byte[] shared = new byte[32];
        Assert.Equal(accepted, _agreement.Import(key).TryAgree(local, shared)); // neither needs the other
        Assert.Equal(accepted, _agreement.Import(key).IsValid);
        var both = _agreement.Import(key);
        Assert.Equal((accepted, accepted, accepted), (both.IsValid, both.IsValid, both.TryAgree(local, shared)));
    }

    [Fact]
    public void Ignores_bit_255_of_a_scalar_and_refuses_the_scalar_zero()
    {
        byte[] product = new byte[32];
        foreach (var vector in Vectors.Noise("dh.extra").EnumerateArray())
        {
            bool rejected = vector.TryGetProperty("rejected", out var flag) && flag.GetBoolean();
            Assert.Equal(!rejected, _curve.PointOf(new(vector.Bytes("remotePublicKey"))).TryMultiply(vector.Bytes("scalar"), product));
            if (!rejected) Assert.Equal(vector.Bytes("output"), product);
        }
    }

    [Fact]
    public void Multiplies_as_plain_integer_arithmetic_does()
    {
        Gen.Select(Gen.Byte.Array[32], Gen.Byte.Array[32]).Sample((seed, scalar) =>
        {
            using var pair = KeyPair.FromSeed(seed);
            AssertMultiplies(pair.PublicKey, scalar);
        }, iter: 20);
    }

    [Theory]
    [InlineData("01")]
    [InlineData("08")]
    [InlineData("88888888")]
    [InlineData("f7ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f")]
    [InlineData("ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff")]
    [InlineData("ecd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010")] // the group order less one
    [InlineData("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010")] // the group order: the identity
    public void Multiplies_by_scalars_at_the_borders_of_the_digits(string hex)
    {
        byte[] scalar = new byte[32];
        Convert.FromHexString(hex).CopyTo(scalar, 0);
        AssertMultiplies(KeyPair.FromSeed(new byte[32]).PublicKey, scalar);
    }

    [Fact]
    public void Signs_as_the_other_library_does_and_both_verify()
    {
        Gen.Select(Gen.Byte.Array[32], Gen.Byte.Array[0, 300]).Sample((seed, message) =>
        {
            using var pair = _agreement.CreateKeyPair(seed);
            byte[] signature = new byte[64], expected = new byte[64], key = pair.PublicKey.ToArray();
            _curve.Sign(pair.SecretKey, message, signature);
            ManagedEdwards25519.Instance.Sign(pair.SecretKey, message, expected);
            Assert.Equal(expected, signature);
            Assert.True(_curve.Verify(key, message, signature));
            signature[seed[0] % 64] ^= 1;
            Assert.False(_curve.Verify(key, message, signature));
        }, iter: 20);
    }

    [Fact]
    public void Refuses_a_second_form_of_a_signature_and_keys_of_low_order()
    {
        using var pair = KeyPair.Generate();
        byte[] signature = new byte[64], message = RandomNumberGenerator.GetBytes(40);
        _curve.Sign(pair.SecretKey, message, signature);
        var s = new BigInteger(signature.AsSpan(32), isUnsigned: true) + s_order; // the same number modulo the order
        Assert.True(s.TryWriteBytes(signature.AsSpan(32), out _, isUnsigned: true));
        Assert.False(_curve.Verify(pair.PublicKey.ToArray(), message, signature));

        byte[] identity = new byte[32], forged = new byte[64];
        identity[0] = forged[0] = 1; // R and key are the identity, s is 0: true for any message, if it were looked at
        Assert.False(_curve.Verify(identity, message, forged));
    }

    private void AssertMultiplies(PublicKey point, byte[] scalar)
    {
        var expected = MultiplyPlainly(point.ToArray(), new BigInteger(scalar, isUnsigned: true) & ((BigInteger.One << 255) - 1));
        var multiplied = _curve.PointOf(point);
        for (int time = 1; time <= 3; time++) // once proved, a point takes another way
        {
            byte[] product = new byte[32];
            bool ok = multiplied.TryMultiply(scalar, product);
            Assert.Equal(expected != (BigInteger.Zero, BigInteger.One), ok);
            if (ok) Assert.Equal(Encode(expected), product);
        }
    }

    private static (BigInteger X, BigInteger Y) MultiplyPlainly(byte[] point, BigInteger scalar)
    {
        var y = new BigInteger(point, isUnsigned: true) & ((BigInteger.One << 255) - 1);
        var square = Mod((y * y - 1) * Invert(Mod(s_d * y * y + 1)));
        var x = BigInteger.ModPow(square, (s_p + 3) / 8, s_p);
        if (Mod(x * x - square) != 0) x = Mod(x * BigInteger.ModPow(2, (s_p - 1) / 4, s_p));
        if ((int)(x & 1) != point[31] >> 7) x = s_p - x;
        (BigInteger X, BigInteger Y) sum = (0, 1), power = (x, y);
        for (; scalar > 0; scalar >>= 1, power = Add(power, power))
            if (!scalar.IsEven) sum = Add(sum, power);
        return sum;
    }

    private static (BigInteger X, BigInteger Y) Add((BigInteger X, BigInteger Y) a, (BigInteger X, BigInteger Y) b)
    {
        var t = Mod(s_d * Mod(a.X * b.X) * Mod(a.Y * b.Y));
        return (Mod((a.X * b.Y + b.X * a.Y) * Invert(1 + t)), Mod((a.Y * b.Y + a.X * b.X) * Invert(Mod(1 - t))));
    }

    private static byte[] Encode((BigInteger X, BigInteger Y) point)
    {
        byte[] bytes = new byte[32];
        point.Y.TryWriteBytes(bytes, out _, isUnsigned: true);
        if (!point.X.IsEven) bytes[31] |= 0x80;
        return bytes;
    }

    private static BigInteger Invert(BigInteger value) => BigInteger.ModPow(value, s_p - 2, s_p);

    private static BigInteger Mod(BigInteger value) => (value % s_p + s_p) % s_p;
}
