using System.Text.Json;
using CsCheck;
using Microsoft.Extensions.Options;

namespace PeopleSwarm.Noise;

public class HandshakeStateTests
{
    public static TheoryData<int> Handshakes => Vectors.CasesOf("noiseHandshakes.cases");

    [Theory, MemberData(nameof(Handshakes))]
    public void Writes_and_reads_the_messages_of_the_vectors(int index)
    {
        var vector = Vectors.Noise("noiseHandshakes.cases")[index];
        var pattern = Enum.Parse<HandshakePattern>(vector.Text("protocolName").Split('_')[1]);
        var (initiator, responder) = Pair(vector, pattern, vector.Bytes("prologue"));
        var writer = initiator;
        foreach (var step in vector.At("messages").EnumerateArray())
        {
            Exchange(writer, writer == initiator ? responder : initiator, step.Bytes("payload"), step.Bytes("message"));
            writer = writer == initiator ? responder : initiator;
        }
        AssertResult(initiator, vector.Bytes("handshakeHash"), vector.Bytes("initiatorTx_responderRx"), vector.Bytes("initiatorRx_responderTx"));
        AssertResult(responder, vector.Bytes("handshakeHash"), vector.Bytes("initiatorRx_responderTx"), vector.Bytes("initiatorTx_responderRx"));
        if (pattern == HandshakePattern.NN) return;
        Assert.Equal(vector.Text("responderStaticPublic"), initiator.RemotePublicKey.ToString());
        Assert.Equal(vector.Text("initiatorStaticPublic"), responder.RemotePublicKey.ToString());
    }

    [Fact]
    public void Does_the_handshake_of_a_dht_connection()
    {
        var vector = Vectors.Noise("dhtHandshake");
        var (initiator, responder) = Pair(vector, HandshakePattern.IK, vector.Bytes("prologue"));
        Exchange(initiator, responder, vector.Bytes("initiatorPayload"), vector.Bytes("message1"));
        Exchange(responder, initiator, vector.Bytes("responderPayload"), vector.Bytes("message2"));
        AssertResult(initiator, vector.Bytes("handshakeHash"), vector.Bytes("initiatorTx"), vector.Bytes("initiatorRx"));

        var dht = Vectors.Dht("noise_ik");
        using KeyPair client = KeyPair.FromSeed(Repeat(1)), server = KeyPair.FromSeed(Repeat(2));
        var dialler = Create(HandshakePattern.IK, HandshakeRole.Initiator, client, server.PublicKey, dht.Bytes("prologue"), Repeat(0xe1));
        var listener = Create(HandshakePattern.IK, HandshakeRole.Responder, server, null, dht.Bytes("prologue"), Repeat(0xe2));
        Exchange(dialler, listener, dht.Bytes("payload1_plain"), dht.Bytes("message1"));
        Exchange(listener, dialler, dht.Bytes("payload2_plain"), dht.Bytes("message2"));
        AssertResult(dialler, dht.Bytes("handshake_hash"), dht.Bytes("client_tx_server_rx"), dht.Bytes("client_rx_server_tx"));
        AssertResult(listener, dht.Bytes("handshake_hash"), dht.Bytes("client_rx_server_tx"), dht.Bytes("client_tx_server_rx"));
    }

    [Theory]
    [InlineData(HandshakePattern.NN, 32, 48)]
    [InlineData(HandshakePattern.XX, 32, 96, 64)]
    [InlineData(HandshakePattern.XK, 48, 48, 64)]
    [InlineData(HandshakePattern.IK, 96, 48)]
    public void Knows_how_long_the_next_message_will_be(HandshakePattern pattern, params int[] overheads)
    {
        var (initiator, responder) = Pair(pattern);
        byte[] message = new byte[200], payload = new byte[200];
        for (int step = 0; step < overheads.Length; step++)
        {
            var (writer, reader) = step % 2 == 0 ? (initiator, responder) : (responder, initiator);
            Assert.True(writer.IsOurTurn);
            Assert.False(reader.IsOurTurn);
            Assert.Equal(overheads[step], writer.NextMessageOverhead);
            if (step + 1 < overheads.Length) Assert.Equal(overheads[step + 1], reader.NextMessageOverhead);
            int length = writer.WriteMessage([1, 2, 3], message);
            Assert.Equal(overheads[step] + 3, length);
            Assert.True(reader.TryReadMessage(message.AsSpan(0, length), payload, out int payloadLength));
            Assert.Equal(new byte[] { 1, 2, 3 }, payload[..payloadLength]);
        }
        Assert.True(initiator.IsComplete && responder.IsComplete);
        Assert.Equal(0, initiator.NextMessageOverhead);
    }

    [Fact]
    public void Agrees_for_any_keys_payloads_and_prologues()
    {
        Gen.Select(Gen.Enum<HandshakePattern>(), Gen.Int, Gen.Byte.Array[0, 300], Gen.Byte.Array[0, 100]).Sample((pattern, seed, payload, prologue) =>
        {
            var (initiator, responder) = Pair(pattern, seed, prologue);
            byte[] message = new byte[500], opened = new byte[500];
            for (var (writer, reader) = (initiator, responder); !initiator.IsComplete || !responder.IsComplete; (writer, reader) = (reader, writer))
            {
                int length = writer.WriteMessage(payload, message);
                Assert.True(reader.TryReadMessage(message.AsSpan(0, length), opened, out int payloadLength));
                Assert.Equal(payload, opened[..payloadLength]);
            }
            using HandshakeResult a = initiator.GetResult(), b = responder.GetResult();
            Assert.Equal(a.Hash.ToArray(), b.Hash.ToArray());
            Assert.Equal(a.SendKey.ToArray(), b.ReceiveKey.ToArray());
            Assert.Equal(a.ReceiveKey.ToArray(), b.SendKey.ToArray());
        }, iter: 40);
    }

    [Theory]
    [InlineData(HandshakePattern.IK)]
    [InlineData(HandshakePattern.XX)]
    public void Breaks_for_good_on_a_changed_byte_but_a_clone_goes_on(HandshakePattern pattern)
    {
        var (initiator, responder) = Pair(pattern);
        byte[] message = new byte[200], payload = new byte[200];
        for (var (writer, reader) = (initiator, responder); !initiator.IsComplete || !responder.IsComplete; (writer, reader) = (reader, writer))
        {
            int length = writer.WriteMessage(default, message);
            if (reader.NextMessageOverhead != 0 || length > 32)
                foreach (int i in (int[])[0, length / 2, length - 1])
                {
                    if (pattern == HandshakePattern.XX && length == 32) continue; // a bare key: any valid point is accepted
                    message[i] ^= 4;
                    using var clone = reader.Clone();
                    Assert.False(clone.TryReadMessage(message.AsSpan(0, length), payload, out _));
                    message[i] ^= 4;
                    Assert.False(clone.TryReadMessage(message.AsSpan(0, length), payload, out _));
                    Assert.False(clone.IsComplete || clone.IsOurTurn);
                    Assert.Throws<InvalidOperationException>(() => clone.WriteMessage([], new byte[200]));
                    Assert.Throws<InvalidOperationException>(clone.GetResult);
                }
            Assert.True(reader.TryReadMessage(message.AsSpan(0, length), payload, out _));
        }
        using HandshakeResult a = initiator.GetResult(), b = responder.GetResult();
        Assert.Equal(a.SendKey.ToArray(), b.ReceiveKey.ToArray());
    }

    [Fact]
    public void Refuses_messages_that_are_short_long_or_out_of_turn()
    {
        foreach (int length in (int[])[0, 31, 32, 79, 95, 65_536])
        {
            var (_, responder) = Pair(HandshakePattern.IK);
            Assert.False(responder.TryReadMessage(new byte[length], new byte[length], out _));
            Assert.False(responder.IsOurTurn);
        }
        var (initiator, _) = Pair(HandshakePattern.IK);
        Assert.False(initiator.TryReadMessage(new byte[96], new byte[96], out _));
        Assert.Throws<InvalidOperationException>(() => initiator.WriteMessage([], new byte[96]));
        Assert.Throws<InvalidOperationException>(() => Pair(HandshakePattern.IK).Responder.WriteMessage([], new byte[96]));
    }

    [Fact]
    public void Refuses_an_ephemeral_key_of_low_order()
    {
        foreach (var vector in Vectors.Noise("dh.invalidPublicKeys").EnumerateArray().Where(v => !v.At("accepted").GetBoolean()))
        {
            foreach (bool useNativeLibrary in (bool[])[true, false])
            {
                var factory = new HandshakeFactory(Options.Create(new NoiseOptions { UseNativeLibrary = useNativeLibrary }), new SystemRandomSource());
                using var responder = factory.Create(HandshakePattern.XX, HandshakeRole.Responder, KeyPair.Generate());
                Assert.False(responder.TryReadMessage(vector.Bytes("publicKey"), new byte[32], out _));
            }
        }
    }

    [Fact]
    public void Peers_that_meet_again_share_the_same_secrets_as_strangers_do()
    {
        using KeyPair alice = KeyPair.Generate(), bob = KeyPair.Generate();
        using var knowing = new HandshakeFactory(Options.Create(new NoiseOptions()), new SystemRandomSource());
        using var forgetful = new HandshakeFactory(Options.Create(new NoiseOptions { MaxKnownKeys = 0 }), new SystemRandomSource());
        byte[] message = new byte[96], payload = new byte[96];
        for (int meeting = 0; meeting < 3; meeting++)
        {
            using var initiator = knowing.Create(HandshakePattern.IK, HandshakeRole.Initiator, alice, bob.PublicKey);
            using var responder = forgetful.Create(HandshakePattern.IK, HandshakeRole.Responder, bob);
            Assert.True(responder.TryReadMessage(message.AsSpan(0, initiator.WriteMessage([], message)), payload, out _));
            Assert.True(initiator.TryReadMessage(message.AsSpan(0, responder.WriteMessage([], message)), payload, out _));
        }
    }

    [Fact]
    public void A_caller_mistake_leaves_the_handshake_usable()
    {
        var (initiator, _) = Pair(HandshakePattern.IK);
        Assert.Throws<ArgumentException>(() => initiator.WriteMessage([], new byte[95]));
        Assert.Throws<ArgumentException>(() => initiator.WriteMessage(new byte[65_440], new byte[70_000]));
        Assert.Equal(65_535, initiator.WriteMessage(new byte[65_439], new byte[65_535]));
    }

    [Fact]
    public void Holds_the_peer_to_the_key_that_was_expected()
    {
        using KeyPair alice = KeyPair.Generate(), bob = KeyPair.Generate(), eve = KeyPair.Generate();
        var initiator = Create(HandshakePattern.XX, HandshakeRole.Initiator, alice, bob.PublicKey, []);
        var responder = Create(HandshakePattern.XX, HandshakeRole.Responder, eve, null, []);
        byte[] message = new byte[96], payload = new byte[96];
        int length = initiator.WriteMessage([], message);
        Assert.True(responder.TryReadMessage(message.AsSpan(0, length), payload, out _));
        length = responder.WriteMessage([], message);
        Assert.False(initiator.TryReadMessage(message.AsSpan(0, length), payload, out _));
    }

    [Fact]
    public void Says_what_is_wrong_with_its_arguments()
    {
        using var pair = KeyPair.Generate();
        Assert.Equal("remote", Assert.Throws<ArgumentException>(() => Create(HandshakePattern.IK, HandshakeRole.Initiator, pair, null, [])).ParamName);
        Assert.Equal("remote", Assert.Throws<ArgumentException>(() => Create(HandshakePattern.XK, HandshakeRole.Initiator, pair, default(PublicKey), [])).ParamName);
        Assert.Equal("local", Assert.Throws<ArgumentException>(() => Create(HandshakePattern.XX, HandshakeRole.Initiator, new(pair.PublicKey, []), null, [])).ParamName);
        Assert.Equal("pattern", Assert.Throws<ArgumentOutOfRangeException>(() => Create((HandshakePattern)9, HandshakeRole.Initiator, pair, null, [])).ParamName);
    }

    [Fact]
    public void Nothing_works_after_dispose()
    {
        var (initiator, _) = Pair(HandshakePattern.XX);
        initiator.Dispose();
        initiator.Dispose();
        Assert.Throws<ObjectDisposedException>(() => initiator.WriteMessage([], new byte[96]));
        Assert.Throws<ObjectDisposedException>(() => initiator.TryReadMessage([], [], out _));
        Assert.Throws<ObjectDisposedException>(initiator.Clone);
        Assert.Throws<ObjectDisposedException>(initiator.GetResult);
    }

    private static void Exchange(IHandshake writer, IHandshake reader, byte[] payload, byte[] expected)
    {
        byte[] message = new byte[payload.Length + writer.NextMessageOverhead], opened = new byte[payload.Length];
        Assert.Equal(expected.Length, writer.WriteMessage(payload, message));
        Assert.Equal(expected, message);
        Assert.True(reader.TryReadMessage(message, opened, out int length));
        Assert.Equal(payload, opened[..length]);
    }

    private static void AssertResult(IHandshake handshake, byte[] hash, byte[] sendKey, byte[] receiveKey)
    {
        Assert.True(handshake.IsComplete);
        using var result = handshake.GetResult();
        Assert.Equal(hash, result.Hash.ToArray());
        Assert.Equal(sendKey, result.SendKey.ToArray());
        Assert.Equal(receiveKey, result.ReceiveKey.ToArray());
    }

    private static (IHandshake Initiator, IHandshake Responder) Pair(JsonElement vector, HandshakePattern pattern, byte[] prologue)
    {
        KeyPair alice = KeyPair.FromSeed(vector.Bytes("initiatorStaticSeed")), bob = KeyPair.FromSeed(vector.Bytes("responderStaticSeed"));
        bool known = pattern is HandshakePattern.IK or HandshakePattern.XK;
        return (Create(pattern, HandshakeRole.Initiator, alice, known ? bob.PublicKey : null, prologue, vector.Bytes("initiatorEphemeralSeed")),
            Create(pattern, HandshakeRole.Responder, bob, null, prologue, vector.Bytes("responderEphemeralSeed")));
    }

    private static (IHandshake Initiator, IHandshake Responder) Pair(HandshakePattern pattern, int seed = 1, byte[]? prologue = null)
    {
        var random = new SeededRandom(seed);
        byte[] one = new byte[32], two = new byte[32];
        random.Fill(one);
        random.Fill(two);
        KeyPair alice = KeyPair.FromSeed(one), bob = KeyPair.FromSeed(two);
        return (Create(pattern, HandshakeRole.Initiator, alice, bob.PublicKey, prologue ?? []), Create(pattern, HandshakeRole.Responder, bob, null, prologue ?? []));
    }

    /// <summary>The initiator has libsodium and the responder managed code, so that each checks the other.</summary>
    private static IHandshake Create(HandshakePattern pattern, HandshakeRole role, KeyPair local, PublicKey? remote, byte[] prologue, byte[]? ephemeralSeed = null) =>
        new HandshakeFactory(Options.Create(new NoiseOptions { UseNativeLibrary = role == HandshakeRole.Initiator }),
            ephemeralSeed is null ? new SystemRandomSource() : new ScriptedRandom(ephemeralSeed))
            .Create(pattern, role, local, remote, prologue);

    private static byte[] Repeat(byte value) => [.. Enumerable.Repeat(value, 32)];
}
