using System.Text;
using System.Text.Json;
using PeopleSwarm.Noise.Crypto;
using PeopleSwarm.Noise.Protocol;

namespace PeopleSwarm.Noise;

public class SymmetricStateTests
{
    public static TheoryData<int> Handshakes => Vectors.CasesOf("noiseHandshakes.cases");
    public static TheoryData<int> Derivations => Vectors.CasesOf("hash.hkdf");

    /// <summary>The traces leave out what a side decrypts, so each message is followed in its writer's and its reader's trace.</summary>
    [Theory, MemberData(nameof(Handshakes))]
    public void Follows_every_step_of_the_transcripts(int index)
    {
        var vector = Vectors.Noise("noiseHandshakes.cases")[index];
        using var state = Create(vector.Text("protocolName"));
        var pattern = PatternTokens.Of(Enum.Parse<HandshakePattern>(vector.Text("protocolName").Split('_')[1]));
        using IEnumerator<JsonElement> initiator = vector.At("initiatorTrace").EnumerateArray().GetEnumerator();
        using IEnumerator<JsonElement> responder = vector.At("responderTrace").EnumerateArray().GetEnumerator();
        for (int i = 0; i < (pattern.ResponderKeyKnown ? 2 : 1); i++) MixHash(state, Next(initiator), Next(responder));
        Assert.Equal(vector.Bytes("afterInitialise.h"), state.HandshakeHash.ToArray());

        for (int message = 0; message < pattern.Messages.Length; message++)
        {
            foreach (var token in (IEnumerable<Token>)[.. pattern.Messages[message], Token.S]) // the payload is treated like a key
            {
                if (token == Token.E) MixHash(state, Next(initiator), Next(responder));
                else if (token == Token.S) EncryptAndHash(state, message % 2 == 0 ? Next(initiator) : Next(responder));
                else MixKey(state, Next(initiator), Next(responder));
            }
        }
        Assert.False(initiator.MoveNext() || responder.MoveNext());
        Assert.Equal(vector.Bytes("handshakeHash"), state.HandshakeHash.ToArray());
        byte[] first = new byte[32], second = new byte[32];
        state.Split(first, second);
        Assert.Equal(vector.Bytes("initiatorTx_responderRx"), first);
        Assert.Equal(vector.Bytes("initiatorRx_responderTx"), second);

        JsonElement Next(IEnumerator<JsonElement> trace)
        {
            Assert.True(trace.MoveNext());
            return trace.Current;
        }
    }

    private static void MixHash(SymmetricState state, params JsonElement[] steps)
    {
        state.MixHash(steps[0].Bytes("data"));
        foreach (var step in steps)
        {
            Assert.Equal("mixHash", step.Text("op"));
            Assert.Equal(step.Bytes("h"), state.HandshakeHash.ToArray());
        }
    }

    private static void MixKey(SymmetricState state, params JsonElement[] steps)
    {
        state.MixKey(steps[0].Bytes("dh"));
        foreach (var step in steps)
        {
            Assert.Equal("mixKey", step.Text("op"));
            Assert.Equal(step.Bytes("ck"), state.ChainingKey.ToArray());
        }
    }

    private static void EncryptAndHash(SymmetricState state, JsonElement step)
    {
        using var reader = state.Clone();
        byte[] plaintext = step.Bytes("plaintext"), ciphertext = new byte[step.Bytes("ciphertext").Length], opened = new byte[plaintext.Length];
        Assert.Equal(ciphertext.Length, state.EncryptAndHash(plaintext, ciphertext));
        Assert.Equal(step.Bytes("ciphertext"), ciphertext);
        Assert.True(reader.TryDecryptAndHash(ciphertext, opened, out int length));
        Assert.Equal(plaintext, opened[..length]);
        Assert.Equal(step.Bytes("h"), state.HandshakeHash.ToArray());
        Assert.Equal(step.Bytes("h"), reader.HandshakeHash.ToArray());
    }

    [Theory, MemberData(nameof(Derivations))]
    public void Derives_two_keys(int index)
    {
        var vector = Vectors.Noise("hash.hkdf")[index];
        byte[] chainingKey = vector.Bytes("chainingKey");
        using var state = new SymmetricState(chainingKey, new ChaChaPoly(default), new Blake2b());
        byte[] first = new byte[64], second = new byte[64];
        if (vector.Bytes("ikm").Length == 0)
        {
            state.Split(first, second);
            Assert.Equal(vector.Bytes("output1"), first);
            Assert.Equal(vector.Bytes("output2"), second);
        }
        else
        {
            state.MixKey(vector.Bytes("ikm"));
            Assert.Equal(vector.Bytes("output1"), state.ChainingKey.ToArray());
        }
    }

    private static SymmetricState Create(string protocolName) =>
        new(Encoding.ASCII.GetBytes(protocolName), new ChaChaPoly(default), new Blake2b());
}
