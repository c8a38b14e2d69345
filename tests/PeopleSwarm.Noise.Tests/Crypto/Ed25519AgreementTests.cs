using System.Numerics;
using CsCheck;
using PeopleSwarm.Noise.Crypto;

namespace PeopleSwarm.Noise;

public class Ed25519AgreementTests
{
    private static readonly BigInteger s_p = BigInteger.Pow(2, 255) - 19;
    private static readonly BigInteger s_d = Mod(-121665 * Invert(121666));

    public static TheoryData<int> KeyPairs => Vectors.CasesOf("keypairs.cases");
    public static TheoryData<int> Agreements => Vectors.CasesOf("dh.cases");
    public static TheoryData<int> InvalidKeys => Vectors.CasesOf("dh.invalidPublicKeys");

    [Theory, MemberData(nameof(KeyPairs))]
    public void Makes_the_key_pair_of_a_seed(int index)
    {
        var vector = Vectors.Noise("keypairs.cases")[index];
        using var pair = KeyPair.FromSeed(vector.Bytes("seed"));
        Assert.Equal(vector.Text("publicKey"), pair.PublicKey.ToString());
        Assert.Equal(vector.Bytes("secretKey"), pair.SecretKey.ToArray());
        byte[] scalar = new byte[32];
        Ed25519Agreement.WriteScalar(pair.Seed, scalar);
        Assert.Equal(vector.Bytes("scalar"), scalar);
    }

    [Fact]
    public void Makes_the_key_pairs_and_targets_of_the_dht()
    {
        byte[] target = new byte[32];
        foreach (var vector in Vectors.Dht("key_pairs.vectors").EnumerateArray())
        {
            using var pair = new CryptoSuite().CreateKeyPair(vector.Bytes("seed"));
            Assert.Equal(vector.Bytes("secretKey"), pair.SecretKey.ToArray());
            new CryptoSuite().Hash(pair.PublicKey.ToArray(), target);
            Assert.Equal(vector.Bytes("target"), target);
        }
    }

    [Theory, MemberData(nameof(Agreements))]
    public void Agrees_on_the_secret_of_the_vectors(int index)
    {
        var vector = Vectors.Noise("dh.cases")[index];
        using var local = KeyPair.FromSeed(vector.Bytes("localSeed"));
        byte[] shared = new byte[32];
        Assert.True(Ed25519Agreement.Instance.Validate(new(vector.Bytes("remotePublicKey")))!.TryAgree(local, shared));
        Assert.Equal(vector.Bytes("output"), shared);
    }

    [Fact]
    public void Agrees_on_the_secrets_of_the_dht()
    {
        byte[] shared = new byte[32];
        foreach (var vector in Vectors.Dht("noise_dh.vectors").EnumerateArray())
        {
            using var local = KeyPair.FromSeed(vector.Bytes("local_seed"));
            Assert.True(Ed25519Agreement.Instance.Validate(new(vector.Bytes("remote_public")))!.TryAgree(local, shared));
            Assert.Equal(vector.Bytes("shared"), shared);
        }
    }

    [Theory, MemberData(nameof(InvalidKeys))]
    public void Accepts_only_canonical_points_of_the_prime_order_subgroup(int index)
    {
        var vector = Vectors.Noise("dh.invalidPublicKeys")[index];
        Assert.Equal(vector.At("accepted").GetBoolean(), Ed25519Agreement.Instance.Validate(new(vector.Bytes("publicKey"))) is not null);
    }

    [Fact]
    public void Ignores_bit_255_of_a_scalar_and_refuses_the_scalar_zero()
    {
        byte[] product = new byte[32];
        foreach (var vector in Vectors.Noise("dh.extra").EnumerateArray())
        {
            bool rejected = vector.TryGetProperty("rejected", out var flag) && flag.GetBoolean();
            Assert.Equal(!rejected, new EdwardsPoint(vector.Bytes("remotePublicKey")).TryMultiply(vector.Bytes("scalar"), product));
            if (!rejected) Assert.Equal(vector.Bytes("output"), product);
        }
    }

    [Fact]
    public void Multiplies_as_plain_integer_arithmetic_does()
    {
        Gen.Select(Gen.Byte.Array[32], Gen.Byte.Array[32]).Sample((seed, scalar) =>
        {
            using var pair = KeyPair.FromSeed(seed);
            byte[] product = new byte[32];
            bool ok = new EdwardsPoint(pair.PublicKey.ToArray()).TryMultiply(scalar, product);
            var expected = MultiplyPlainly(pair.PublicKey.ToArray(), new BigInteger(scalar, isUnsigned: true) & ((BigInteger.One << 255) - 1));
            Assert.Equal(expected.Y != 1 || expected.X != 0, ok);
            Assert.Equal(Encode(expected), product);
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
        byte[] scalar = new byte[32], product = new byte[32];
        Convert.FromHexString(hex).CopyTo(scalar, 0);
        byte[] point = KeyPair.FromSeed(new byte[32]).PublicKey.ToArray();
        var expected = MultiplyPlainly(point, new BigInteger(scalar, isUnsigned: true) & ((BigInteger.One << 255) - 1));
        Assert.Equal(expected != (BigInteger.Zero, BigInteger.One), new EdwardsPoint(point).TryMultiply(scalar, product));
        Assert.Equal(Encode(expected), product);
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
