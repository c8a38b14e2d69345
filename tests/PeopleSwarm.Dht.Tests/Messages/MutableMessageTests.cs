using CsCheck;
using PeopleSwarm.Dht.TestKit;

namespace PeopleSwarm.Dht.Messages;

public class MutableMessageTests
{
    private readonly MutableSigner _signer = new(PeerKit.Crypto, PeerKit.Namespaces);

    [Fact]
    public void G9_mutable_vectors_read_write_sign_and_verify_byte_for_byte()
    {
        int checkedVectors = 0;
        foreach (var vector in PeerVectors.Vectors("mutable"))
        {
            Assert.True(MutablePutMessage.TryRead(vector.Bytes("put_request_value"), out var put));
            Assert.Equal(vector.Text("publicKey"), put.PublicKey.ToString());
            Assert.Equal(vector.GetProperty("seq").GetInt64(), put.Record.Seq);
            Assert.Equal(vector.Text("value"), Convert.ToHexStringLower(put.Record.Value));
            Assert.Equal(vector.Text("target"), PeerTarget.Of(PeerKit.Crypto, put.PublicKey).ToString());
            Assert.True(_signer.Verify(put.PublicKey, put.Record));
            var signable = new byte[MutableSigner.SignableSize];
            _signer.WriteSignable(signable, put.Record.Seq, put.Record.Value);
            Assert.Equal(vector.Text("signable_64_bytes"), PeerVectors.Hex(signable));
            Assert.Equal(vector.Text("put_request_value"), PeerVectors.Hex(put.Encode()));
            Assert.Equal(vector.Text("get_response_value"), PeerVectors.Hex(put.Record.Encode()));
            if (PeerKit.Key(1).PublicKey == put.PublicKey) Assert.Equal(vector.Text("put_request_value"), PeerVectors.Hex(PeerKit.SignMutable(PeerKit.Key(1), put.Record.Value, put.Record.Seq)));
            checkedVectors++;
        }
        Assert.True(checkedVectors >= 2);
    }

    [Fact]
    public void Immutable_vectors_hash_to_their_targets()
    {
        var vectors = PeerVectors.Vectors("immutable").ToArray();
        Assert.Contains(vectors, v => v.Text("value").Length == 0); // A3
        Assert.All(vectors, v => Assert.Equal(v.Text("target"), ImmutableTarget.Of(PeerKit.Crypto, v.Bytes("value")).ToString()));
    }

    [Fact]
    public void Any_record_survives_and_only_its_own_bytes_verify() =>
        Gen.Select(Gen.Byte[1, 200], Gen.Long[0, CompactReader.MaxInteger], Gen.Byte.Array[0, 1830], Gen.Int).Sample((seed, seq, value, change) =>
        {
            var bytes = PeerKit.SignMutable(PeerKit.Key(seed), value, seq);
            if (!MutablePutMessage.TryRead(bytes, out var message) || message.Record.Seq != seq || !message.Record.Value.SequenceEqual(value)) return false;
            if (!_signer.Verify(message.PublicKey, message.Record) || !message.Encode().AsSpan().SequenceEqual(bytes)) return false;
            int place = (int)((uint)change % bytes.Length);
            bytes[place] ^= 1;
            return !MutablePutMessage.TryRead(bytes, out var other) || !_signer.Verify(other.PublicKey, other.Record);
        }, iter: 200);

    [Fact]
    public void Every_cut_message_is_refused()
    {
        var bytes = PeerKit.SignMutable(PeerKit.Key(1), "value"u8, 300);
        for (int length = 0; length < bytes.Length; length++) Assert.False(MutablePutMessage.TryRead(bytes.AsSpan(0, length), out _));
    }

    [Fact]
    public void A2_a_sequence_number_above_2_to_the_53rd_is_no_message()
    {
        var bytes = PeerKit.SignMutable(PeerKit.Key(1), "value"u8, CompactReader.MaxInteger);
        Assert.True(MutablePutMessage.TryRead(bytes, out _));
        bytes[PublicKey.Size + 7] = 0x20; // the seventh byte of the integer: 2^53
        Assert.False(MutablePutMessage.TryRead(bytes, out _));
    }
}
