using System.Runtime.CompilerServices;
using Microsoft.Extensions.Options;
using PeopleSwarm.Noise.Crypto;
using PeopleSwarm.Noise.Protocol;

namespace PeopleSwarm.Noise;

/// <summary>What must be gone after dispose, and numbers that must not be used twice. Looks at private fields: nobody else should.</summary>
public class SecretsTests
{
    private static readonly byte[] s_zeros = new byte[64];

    [Fact]
    public void A_nonce_of_a_handshake_is_used_once_and_the_last_never()
    {
        var recorder = new CounterRecorder();
        using var sender = new CipherState(recorder);
        sender.InitializeKey(new byte[32]);
        CounterOf(sender) = uint.MaxValue - 1;
        byte[] message = new byte[16];
        sender.EncryptWithAd([], [], message);
        for (int i = 0; i < 3; i++) Assert.Throws<OverflowException>(() => sender.EncryptWithAd([], [], message));
        Assert.Equal([uint.MaxValue - 1], recorder.Counters);

        using var receiver = new CipherState(recorder);
        receiver.InitializeKey(new byte[32]);
        CounterOf(receiver) = uint.MaxValue - 1;
        Assert.True(receiver.TryDecryptWithAd([], message, [], out _));
        Assert.False(receiver.TryDecryptWithAd([], message, [], out _));
    }

    [Fact]
    public void A_counter_of_unordered_messages_ends_where_it_began()
    {
        using var messages = new UnorderedMessages(HandshakeRole.Initiator, new byte[64], new ScriptedRandom([5, 0, 0, 0, 0, 0, 0, 0]));
        byte[] packet = new byte[UnorderedMessages.Overhead];
        Assert.True(messages.TrySeal([], packet));
        Assert.Equal(6UL, BitConverter.ToUInt64(packet));
        CounterOf(messages) = ulong.MaxValue - 1;
        for (ulong expected = ulong.MaxValue; expected != 5; expected++)
        {
            Assert.True(messages.TrySeal([], packet));
            Assert.Equal(expected, BitConverter.ToUInt64(packet));
        }
        for (int i = 0; i < 3; i++) Assert.False(messages.TrySeal([], packet));
    }

    [Fact]
    public void Unordered_messages_forget_their_keys()
    {
        var messages = new UnorderedMessages(HandshakeRole.Initiator, new byte[64], new SystemRandomSource());
        byte[] packet = new byte[UnorderedMessages.Overhead];
        Assert.Null(KeysOf(messages)); // few channels need any
        Assert.True(messages.TrySeal([], packet));
        byte[] keys = KeysOf(messages)!;
        Assert.NotEqual(s_zeros[..32], keys[..32]);
        Assert.NotEqual(s_zeros[..32], keys[32..]);
        messages.Dispose();
        Assert.Equal(s_zeros, keys);
        Assert.False(messages.TrySeal([], packet));
        Assert.False(messages.TryOpen(packet, packet, out _));
        Assert.Equal(s_zeros, KeysOf(messages));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_handshake_forgets_its_keys_when_it_is_disposed_and_when_it_breaks(bool breaks)
    {
        using KeyPair alice = KeyPair.Generate(), bob = KeyPair.Generate();
        using var factory = new HandshakeFactory(Options.Create(new NoiseOptions()), new SystemRandomSource());
        var handshake = (HandshakeState)factory.Create(HandshakePattern.IK, HandshakeRole.Initiator, alice, bob.PublicKey);
        handshake.WriteMessage([], new byte[96]);
        var (symmetric, ephemeral) = (handshake.Symmetric, EphemeralOf(handshake)!);
        Assert.NotEqual(s_zeros, symmetric.ChainingKey.ToArray());
        Assert.NotEqual(s_zeros[..32], KeyOf(CipherOf(symmetric)));
        Assert.NotEqual(s_zeros, SecretKeyOf(ephemeral));

        if (breaks) Assert.False(handshake.TryReadMessage(new byte[48], new byte[48], out _));
        else handshake.Dispose();

        Assert.Equal(s_zeros, symmetric.ChainingKey.ToArray());
        Assert.Equal(s_zeros[..32], KeyOf(CipherOf(symmetric)));
        Assert.Equal(s_zeros, SecretKeyOf(ephemeral));
        Assert.NotEqual(s_zeros[..32], alice.Seed.ToArray()); // the long-lived one is the caller's
    }

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_counter")]
    private static extern ref uint CounterOf(CipherState state);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_counter")]
    private static extern ref ulong CounterOf(UnorderedMessages messages);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_keys")]
    private static extern ref byte[]? KeysOf(UnorderedMessages messages);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_ephemeral")]
    private static extern ref KeyPair? EphemeralOf(HandshakeState handshake);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_cipher")]
    private static extern ref CipherState CipherOf(SymmetricState state);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_key")]
    private static extern ref byte[] KeyOf(CipherState state);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_secretKey")]
    private static extern ref byte[] SecretKeyOf(KeyPair pair);

    private sealed class CounterRecorder : ICipher
    {
        public List<uint> Counters { get; } = [];

        public string Name => "recorder";

        public void Seal(ReadOnlySpan<byte> key, uint counter, ReadOnlySpan<byte> associatedData, ReadOnlySpan<byte> plaintext, Span<byte> ciphertext) => Counters.Add(counter);

        public bool TryOpen(ReadOnlySpan<byte> key, uint counter, ReadOnlySpan<byte> associatedData, ReadOnlySpan<byte> ciphertext, Span<byte> plaintext) => true;
    }
}
