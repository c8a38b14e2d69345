using System.Buffers.Binary;
using System.Security.Cryptography;
using CsCheck;
using PeopleSwarm.Noise.Crypto;
using PeopleSwarm.Noise.SecretStream;

namespace PeopleSwarm.Noise;

public class StreamCipherTests
{
    private static readonly CryptoLibraries s_default = CryptoLibraries.Of(new());

    /// <summary>Platform and libsodium, one of them, none.</summary>
    public static TheoryData<bool, bool> Codes => new() { { true, true }, { true, false }, { false, true }, { false, false } };

    public static TheoryData<int, bool, bool> Cases
    {
        get
        {
            var data = new TheoryData<int, bool, bool>();
            for (int i = 0; i < Vectors.Noise("secretstream.cases").GetArrayLength(); i++)
            {
                if (HasAssociatedData(i)) continue; // which the stream never has
                for (int code = 0; code < 4; code++) data.Add(i, code < 2, code % 2 == 0);
            }
            return data;
        }
    }

    [Theory, MemberData(nameof(Cases))]
    public void Seals_and_opens_as_libsodium_does(int index, bool platform, bool native)
    {
        var vector = Vectors.Noise("secretstream.cases")[index];
        byte[] start = vector.Bytes("stateAfterInit");
        using StreamCipher push = new(vector.Bytes("key"), vector.Bytes("header"), new(platform, native)), pull = new(vector.Bytes("key"), vector.Bytes("header"), new(platform, native));
        if (BinaryPrimitives.ReadUInt32LittleEndian(start.AsSpan(32)) == 1) Assert.Equal(start[..44], State(push));
        push.RestoreState(start);
        pull.RestoreState(start);
        foreach (var message in vector.At("messages").EnumerateArray())
        {
            if (message.TryGetProperty("op", out var op))
            {
                Assert.Equal("rekey", op.GetString());
                push.Rekey();
                pull.Rekey();
                Assert.Equal(message.Bytes("state")[..44], State(push));
                continue;
            }
            var tag = (StreamTag)message.At("tag").GetByte();
            byte[] ciphertext = Seal(push, tag, message.Bytes("plaintext"));
            Assert.Equal(message.Bytes("ciphertext"), ciphertext);
            Assert.Equal(message.Bytes("stateAfter")[..44], State(push));
            Assert.Equal(message.Bytes("plaintext"), Open(pull, ciphertext, out var opened));
            Assert.Equal(tag, opened);
            Assert.Equal(message.Bytes("stateAfter")[..44], State(pull));
        }
    }

    [Theory, MemberData(nameof(Codes))]
    public void Opens_what_managed_code_sealed_and_the_other_way_round_for_every_length(bool platform, bool native)
    {
        byte[] key = RandomNumberGenerator.GetBytes(32), header = RandomNumberGenerator.GetBytes(24);
        using StreamCipher managed = new(key, header, default), other = new(key, header, new(platform, native));
        Gen.Select(Gen.OneOf(Gen.Int[0, 80], Gen.Int[900, 1100], Gen.Int[0, 3000]), Gen.Enum<StreamTag>(), Gen.Bool).Sample((length, tag, managedSeals) =>
        {
            byte[] message = RandomNumberGenerator.GetBytes(length);
            var (push, pull) = managedSeals ? (managed, other) : (other, managed);
            Assert.Equal(message, Open(pull, Seal(push, tag, message), out var opened));
            Assert.Equal(tag, opened);
            Assert.Equal(State(push), State(pull));
        }, iter: 2000, threads: 1);
    }

    [Theory, MemberData(nameof(Codes))]
    public void Refuses_a_message_with_any_byte_changed_and_keeps_its_state(bool platform, bool native)
    {
        byte[] key = RandomNumberGenerator.GetBytes(32), header = RandomNumberGenerator.GetBytes(24);
        using StreamCipher push = new(key, header, new(platform, native)), pull = new(key, header, new(platform, native));
        foreach (int length in (int[])[0, 1, 7, 8, 15, 16, 17, 24, 31, 100, 1200])
        {
            byte[] message = RandomNumberGenerator.GetBytes(length), ciphertext = Seal(push, StreamTag.Message, message);
            byte[] state = State(pull);
            for (int i = 0; i < ciphertext.Length; i++)
            {
                ciphertext[i] ^= 1;
                Assert.Null(Open(pull, ciphertext, out _));
                ciphertext[i] ^= 1;
                Assert.Equal(state, State(pull));
            }
            Assert.Equal(message, Open(pull, ciphertext, out _));
        }
    }

    [Fact]
    public void Refuses_a_message_repeated_or_out_of_order()
    {
        byte[] key = new byte[32], header = new byte[24];
        using StreamCipher push = new(key, header, s_default), pull = new(key, header, s_default);
        byte[] one = Seal(push, 0, [1]), two = Seal(push, 0, [2]);
        Assert.Null(Open(pull, two, out _));
        Assert.NotNull(Open(pull, one, out _));
        Assert.Null(Open(pull, one, out _));
        Assert.NotNull(Open(pull, two, out _));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(100)]
    [InlineData(1000)]
    [InlineData(1001)]
    [InlineData(16_384)]
    [InlineData(65_535)]
    public void Allocates_nothing_whatever_the_length(int length)
    {
        byte[] key = new byte[32], header = new byte[24], block = new byte[64 + length], mac = new byte[16];
        using StreamCipher push = new(key, header, s_default), pull = new(key, header, s_default);
        void Once()
        {
            push.Seal(StreamTag.Message, block, mac);
            Assert.True(pull.TryOpen(block, mac, out _));
        }
        Assert.Equal(0, Allocations.OfRound(() =>
        {
            for (int i = 0; i < 100; i++) Once();
        }));
    }

    [Fact]
    public void Channels_that_share_a_thread_do_not_share_keys()
    {
        byte[] header = new byte[24];
        StreamCipher Cipher(byte key, CryptoLibraries code) => new(Enumerable.Repeat(key, 32).ToArray(), header, code);
        using StreamCipher a = Cipher(1, s_default), b = Cipher(2, s_default), managedA = Cipher(1, default), managedB = Cipher(2, default);
        for (int i = 0; i < 4; i++)
        {
            Assert.Equal(Seal(managedA, StreamTag.Message, [1, 2, 3]), Seal(a, StreamTag.Message, [1, 2, 3]));
            Assert.Equal(Seal(managedB, StreamTag.Message, [1, 2, 3]), Seal(b, StreamTag.Message, [1, 2, 3]));
        }
    }

    [Fact]
    public void Forgets_its_key_on_dispose()
    {
        var cipher = new StreamCipher(RandomNumberGenerator.GetBytes(32), new byte[24], s_default);
        cipher.Dispose();
        Assert.Equal(new byte[44], State(cipher));
        Assert.Throws<ObjectDisposedException>(() => cipher.Seal(StreamTag.Message, new byte[64], new byte[16]));
        Assert.Throws<ObjectDisposedException>(() => cipher.TryOpen(new byte[64], new byte[16], out _));
    }

    [Fact]
    public void Derives_the_subkey_of_the_draft()
    {
        byte[] derived = new byte[32]; // draft-irtf-cfrg-xchacha-03, section 2.2.1
        HChaCha20.Derive(Convert.FromHexString("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"),
            Convert.FromHexString("000000090000004a0000000031415927"), derived);
        Assert.Equal("82413b4227b27bfed30e42508a877d73a0f9e4d58a74a853c12ec41326d3ecdc", Convert.ToHexStringLower(derived));
    }

    private static byte[] Seal(StreamCipher cipher, StreamTag tag, byte[] message)
    {
        byte[] block = RandomNumberGenerator.GetBytes(64 + message.Length), mac = new byte[16];
        message.CopyTo(block, 64);
        cipher.Seal(tag, block, mac);
        return [block[0], .. block[64..], .. mac];
    }

    private static byte[]? Open(StreamCipher cipher, byte[] ciphertext, out StreamTag tag)
    {
        byte[] block = RandomNumberGenerator.GetBytes(64 + ciphertext.Length - 17);
        block[0] = ciphertext[0];
        ciphertext.AsSpan(1..^16).CopyTo(block.AsSpan(64));
        return cipher.TryOpen(block, ciphertext.AsSpan(^16..), out tag) ? block[64..] : null;
    }

    private static bool HasAssociatedData(int index) => Vectors.Noise("secretstream.cases")[index].At("messages").EnumerateArray()
        .Any(m => m.TryGetProperty("ad", out var ad) && ad.GetString() is { Length: > 0 });

    private static byte[] State(StreamCipher cipher)
    {
        byte[] state = new byte[44];
        cipher.CopyStateTo(state);
        return state;
    }
}
