using System.Buffers.Binary;
using System.Security.Cryptography;
using CsCheck;
using PeopleSwarm.Noise.SecretStream;

namespace PeopleSwarm.Noise;

public class StreamCipherTests
{
    public static TheoryData<int, bool> Cases
    {
        get
        {
            var data = new TheoryData<int, bool>();
            for (int i = 0; i < Vectors.Noise("secretstream.cases").GetArrayLength(); i++)
            {
                data.Add(i, true);
                data.Add(i, false);
            }
            return data;
        }
    }

    [Theory, MemberData(nameof(Cases))]
    public void Seals_and_opens_as_libsodium_does(int index, bool usePlatform)
    {
        var vector = Vectors.Noise("secretstream.cases")[index];
        byte[] start = vector.Bytes("stateAfterInit");
        using StreamCipher push = new(vector.Bytes("key"), vector.Bytes("header"), usePlatform), pull = new(vector.Bytes("key"), vector.Bytes("header"), usePlatform);
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
            byte[] ad = message.TryGetProperty("ad", out var value) ? value.Bytes() : [];
            byte[] ciphertext = Seal(push, tag, message.Bytes("plaintext"), ad);
            Assert.Equal(message.Bytes("ciphertext"), ciphertext);
            Assert.Equal(message.Bytes("stateAfter")[..44], State(push));
            Assert.Equal(message.Bytes("plaintext"), Open(pull, ciphertext, out var opened, ad));
            Assert.Equal(tag, opened);
            Assert.Equal(message.Bytes("stateAfter")[..44], State(pull));
        }
    }

    [Theory, InlineData(true, false), InlineData(false, true), InlineData(true, true)]
    public void Opens_what_was_sealed_for_every_length_whichever_cipher_does_it(bool sealPlatform, bool openPlatform)
    {
        byte[] key = RandomNumberGenerator.GetBytes(32), header = RandomNumberGenerator.GetBytes(24);
        using StreamCipher push = new(key, header, sealPlatform), pull = new(key, header, openPlatform);
        Gen.Select(Gen.OneOf(Gen.Int[0, 80], Gen.Int[0, 3000]), Gen.Enum<StreamTag>()).Sample((length, tag) =>
        {
            byte[] message = RandomNumberGenerator.GetBytes(length);
            Assert.Equal(message, Open(pull, Seal(push, tag, message), out var opened));
            Assert.Equal(tag, opened);
            Assert.Equal(State(push), State(pull));
        }, iter: 2000, threads: 1);
    }

    [Theory, InlineData(true), InlineData(false)]
    public void Refuses_a_message_with_any_byte_changed_and_keeps_its_state(bool usePlatform)
    {
        byte[] key = RandomNumberGenerator.GetBytes(32), header = RandomNumberGenerator.GetBytes(24);
        using StreamCipher push = new(key, header, usePlatform), pull = new(key, header, usePlatform);
        foreach (int length in (int[])[0, 1, 7, 8, 15, 16, 17, 24, 31, 100])
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
        using StreamCipher push = new(key, header, true), pull = new(key, header, true);
        byte[] one = Seal(push, 0, [1]), two = Seal(push, 0, [2]);
        Assert.Null(Open(pull, two, out _));
        Assert.NotNull(Open(pull, one, out _));
        Assert.Null(Open(pull, one, out _));
        Assert.NotNull(Open(pull, two, out _));
    }

    [Fact]
    public void Allocates_nothing_on_the_bulk_path()
    {
        byte[] key = new byte[32], header = new byte[24], block = new byte[64 + 16_384], mac = new byte[16];
        using StreamCipher push = new(key, header, true), pull = new(key, header, true);
        void Once()
        {
            push.Seal(StreamTag.Message, block, mac);
            Assert.True(pull.TryOpen(block, mac, out _));
        }
        for (int i = 0; i < 100; i++) Once();
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 100; i++) Once();
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Fact]
    public void Forgets_its_key_on_dispose()
    {
        var cipher = new StreamCipher(RandomNumberGenerator.GetBytes(32), new byte[24], true);
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

    private static byte[] Seal(StreamCipher cipher, StreamTag tag, byte[] message, byte[]? ad = null)
    {
        byte[] block = RandomNumberGenerator.GetBytes(64 + message.Length), mac = new byte[16];
        message.CopyTo(block, 64);
        cipher.Seal(tag, block, mac, ad);
        return [block[0], .. block[64..], .. mac];
    }

    private static byte[]? Open(StreamCipher cipher, byte[] ciphertext, out StreamTag tag, byte[]? ad = null)
    {
        byte[] block = RandomNumberGenerator.GetBytes(64 + ciphertext.Length - 17);
        block[0] = ciphertext[0];
        ciphertext.AsSpan(1..^16).CopyTo(block.AsSpan(64));
        return cipher.TryOpen(block, ciphertext.AsSpan(^16..), out tag, ad) ? block[64..] : null;
    }

    private static byte[] State(StreamCipher cipher)
    {
        byte[] state = new byte[44];
        cipher.CopyStateTo(state);
        return state;
    }
}
