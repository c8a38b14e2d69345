using System.Security.Cryptography;
using CsCheck;
using Microsoft.Extensions.Options;
using PeopleSwarm.Noise.Crypto;

namespace PeopleSwarm.Noise;

public class CipherTests
{
    public static TheoryData<int, bool, bool> Cases
    {
        get
        {
            var data = new TheoryData<int, bool, bool>();
            for (int i = 0; i < Vectors.Noise("cipher.cases").GetArrayLength(); i++)
            {
                data.Add(i, true, true);
                data.Add(i, true, false);
                data.Add(i, false, false);
            }
            return data;
        }
    }

    [Theory, MemberData(nameof(Cases))]
    public void Seals_and_opens_handshake_messages(int index, bool platform, bool native)
    {
        var vector = Vectors.Noise("cipher.cases")[index];
        var cipher = new ChaChaPoly(new(platform, native));
        byte[] key = vector.Bytes("key"), ad = vector.Bytes("ad"), plaintext = vector.Bytes("plaintext");
        uint counter = vector.At("counter").GetUInt32();
        byte[] ciphertext = new byte[plaintext.Length + 16], opened = new byte[plaintext.Length];

        cipher.Seal(key, counter, ad, plaintext, ciphertext);

        Assert.Equal(vector.Bytes("output"), ciphertext);
        Assert.True(cipher.TryOpen(key, counter, ad, ciphertext, opened));
        Assert.Equal(plaintext, opened);
        for (int i = 0; i < ciphertext.Length; i++)
        {
            ciphertext[i] ^= 1;
            Assert.False(cipher.TryOpen(key, counter, ad, ciphertext, opened));
            ciphertext[i] ^= 1;
        }
        Assert.False(cipher.TryOpen(key, counter + 1, ad, ciphertext, opened));
        Assert.False(cipher.TryOpen(key, counter, ad, ciphertext.AsSpan(0, 15), opened));
    }

    [Fact]
    public void Opens_the_secure_payloads_of_the_dht()
    {
        var suite = new CryptoSuite(Options.Create(new NoiseOptions()));
        foreach (var vector in Vectors.Dht("secure_payload.vectors").EnumerateArray())
        {
            byte[] key = vector.Bytes("key"), nonce = vector.Bytes("nonce"), plain = vector.Bytes("plain"), box = vector.Bytes("sealed")[24..];
            byte[] sealedBox = new byte[plain.Length + 16], opened = new byte[plain.Length];
            suite.Seal(key, nonce, plain, sealedBox);
            Assert.Equal(box, sealedBox);
            Assert.True(suite.TryOpen(key, nonce, box, opened));
            Assert.Equal(plain, opened);
        }
    }

    [Fact]
    public void Refuses_a_secret_box_with_any_byte_changed()
    {
        var suite = new CryptoSuite(Options.Create(new NoiseOptions()));
        Gen.Byte.Array[0, 200].Sample(message =>
        {
            byte[] key = RandomNumberGenerator.GetBytes(32), nonce = RandomNumberGenerator.GetBytes(24);
            byte[] box = new byte[message.Length + 16], opened = new byte[message.Length];
            suite.Seal(key, nonce, message, box);
            Assert.True(suite.TryOpen(key, nonce, box, opened));
            Assert.Equal(message, opened);
            box[message.Sum(b => b) % box.Length] ^= 0x10;
            Assert.False(suite.TryOpen(key, nonce, box, opened));
        }, iter: 200);
    }

    [Fact]
    public void Signs_and_verifies()
    {
        var suite = new CryptoSuite(Options.Create(new NoiseOptions()));
        using var pair = KeyPair.Generate();
        byte[] message = RandomNumberGenerator.GetBytes(64), signature = new byte[64];
        suite.Sign(pair, message, signature);
        Assert.True(suite.Verify(pair.PublicKey, message, signature));
        Assert.False(suite.Verify(KeyPair.Generate().PublicKey, message, signature));
        for (int i = 0; i < signature.Length; i++)
        {
            signature[i] ^= 0x80;
            Assert.False(suite.Verify(pair.PublicKey, message, signature));
            signature[i] ^= 0x80;
        }
        Assert.False(suite.Verify(pair.PublicKey, message, signature.AsSpan(1)));
        Assert.False(suite.Verify(default, message, signature));
        Assert.Throws<InvalidOperationException>(() => suite.Sign(new(pair.PublicKey, []), message, signature));
    }

    [Fact]
    public void Makes_the_key_pairs_and_targets_of_the_dht()
    {
        var suite = new CryptoSuite(Options.Create(new NoiseOptions()));
        byte[] target = new byte[32];
        foreach (var vector in Vectors.Dht("key_pairs.vectors").EnumerateArray())
        {
            using var pair = suite.CreateKeyPair(vector.Bytes("seed"));
            Assert.Equal(vector.Bytes("secretKey"), pair.SecretKey.ToArray());
            suite.Hash(pair.PublicKey.ToArray(), target);
            Assert.Equal(vector.Bytes("target"), target);
        }
    }

    [Fact]
    public void Says_which_argument_has_the_wrong_length()
    {
        var suite = new CryptoSuite(Options.Create(new NoiseOptions()));
        byte[] b16 = new byte[16], b24 = new byte[24], b32 = new byte[32];
        Assert.Equal("hash", Assert.Throws<ArgumentException>(() => suite.Hash(b32, b16)).ParamName);
        Assert.Equal("key", Assert.Throws<ArgumentException>(() => suite.KeyedHash([], b32, b32)).ParamName);
        Assert.Equal("seed", Assert.Throws<ArgumentException>(() => suite.CreateKeyPair(b16)).ParamName);
        Assert.Equal("nonce", Assert.Throws<ArgumentException>(() => suite.Seal(b32, b16, b16, b32)).ParamName);
        Assert.Equal("box", Assert.Throws<ArgumentException>(() => suite.Seal(b32, b24, b16, b16)).ParamName);
        Assert.Equal("message", Assert.Throws<ArgumentException>(() => suite.TryOpen(b32, b24, b24, [])).ParamName);
    }
}
