using Microsoft.Extensions.Options;
using PeopleSwarm.Noise.Crypto;

namespace PeopleSwarm.Noise;

public class HashTests
{
    public static TheoryData<int> NoiseHashes => Vectors.CasesOf("hash.noiseHash");
    public static TheoryData<int> GenericHashes => Vectors.CasesOf("hash.generichash32");
    public static TheoryData<int> Hmacs => Vectors.CasesOf("hash.hmac");

    [Theory, MemberData(nameof(NoiseHashes))]
    public void Hashes_64_bytes_as_libsodium_does(int index)
    {
        var vector = Vectors.Noise("hash.noiseHash")[index];
        byte[] input = vector.Bytes("input"), hash = new byte[64];
        var blake = new Blake2b();
        for (int i = 0; i < 2; i++)
        {
            blake.Hash(input.AsSpan(0, input.Length / 2), input.AsSpan(input.Length / 2), hash);
            Assert.Equal(vector.Bytes("output"), hash); // nothing is left of the hash before
        }
    }

    [Theory, MemberData(nameof(GenericHashes))]
    public void Hashes_32_bytes_as_libsodium_does(int index)
    {
        var vector = Vectors.Noise("hash.generichash32")[index];
        byte[] hash = new byte[32];
        var suite = new CryptoSuite(Options.Create(new NoiseOptions()));
        if (vector.At("key").GetString() is null) suite.Hash(vector.Bytes("input"), hash);
        else suite.KeyedHash(vector.Bytes("key"), vector.Bytes("input"), hash);
        Assert.Equal(vector.Bytes("output"), hash);
    }

    [Theory, MemberData(nameof(Hmacs))]
    public void Authenticates_with_the_classic_hmac(int index)
    {
        var vector = Vectors.Noise("hash.hmac")[index];
        byte[] mac = new byte[64];
        new Blake2b().Hmac(vector.Bytes("key"), vector.Bytes("input"), mac);
        Assert.Equal(vector.Bytes("output"), mac);
    }

    [Fact]
    public void Derives_the_namespaces_and_session_keys_of_the_vectors()
    {
        foreach (var entry in Vectors.Noise("namespaces.hyperdht").EnumerateObject().Where(e => e.Name.Contains("_id", StringComparison.Ordinal)))
            Assert.Equal(entry.Value.Bytes(), SessionKeys.Namespace("hyperswarm/dht"u8, byte.Parse(entry.Name[(entry.Name.IndexOf("_id", StringComparison.Ordinal) + 3)..])));
        var secretStream = Vectors.Noise("namespaces.secretStream");
        Assert.Equal(secretStream.Bytes("initiator"), SessionKeys.Namespace("hyperswarm/secret-stream"u8, 0));
        Assert.Equal(secretStream.Bytes("responder"), SessionKeys.Namespace("hyperswarm/secret-stream"u8, 1));
        Assert.Equal(secretStream.Bytes("send"), SessionKeys.Namespace("hyperswarm/secret-stream"u8, 2));

        var dht = Vectors.Noise("dhtHandshake");
        byte[] value = new byte[32];
        Blake2b.Hash256(dht.Bytes("handshakeHash"), SessionKeys.Namespace("hyperswarm/dht"u8, 1), value);
        Assert.Equal(dht.Bytes("holepunchSecret"), value);
        SessionKeys.WriteStreamId(dht.Bytes("handshakeHash"), HandshakeRole.Responder, value);
        Assert.Equal(dht.Bytes("initiatorRemoteId"), value);
        SessionKeys.WriteStreamId(dht.Bytes("handshakeHash"), HandshakeRole.Initiator, value);
        Assert.Equal(dht.Bytes("responderRemoteId"), value);
    }

    [Fact]
    public void Makes_topics_from_text()
    {
        foreach (var vector in Vectors.Dht("topic_hashes.vectors").EnumerateArray())
            Assert.Equal(vector.Text("hash"), Topic.FromText(vector.Text("text")).ToString());
    }
}
