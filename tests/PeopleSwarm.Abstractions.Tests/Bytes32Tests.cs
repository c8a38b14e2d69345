using CsCheck;

namespace PeopleSwarm;

public class Bytes32Tests
{
    private static readonly Gen<byte[]> s_bytes = Gen.Byte.Array[32];

    [Fact]
    public void Values_sort_as_their_bytes_and_as_their_text() => Gen.Select(s_bytes, s_bytes).Sample((a, b) =>
    {
        int bytes = Math.Sign(a.AsSpan().SequenceCompareTo(b));
        Assert.Equal(bytes, Math.Sign(new PublicKey(a).CompareTo(new PublicKey(b))));
        Assert.Equal(bytes, Math.Sign(new NodeId(a).CompareTo(new NodeId(b))));
        Assert.Equal(bytes, Math.Sign(string.CompareOrdinal(new Topic(a).ToString(), new Topic(b).ToString())));
        Assert.Equal(bytes < 0, new Topic(a) < new Topic(b));
        Assert.Equal(bytes <= 0, new Topic(a) <= new Topic(b));
        Assert.Equal(bytes > 0, new Topic(a) > new Topic(b));
        Assert.Equal(bytes >= 0, new Topic(a) >= new Topic(b));
    });

    [Fact]
    public void Bytes_and_text_survive_the_round_trip() => s_bytes.Sample(bytes =>
    {
        var key = new PublicKey(bytes);
        Assert.Equal(bytes, key.ToArray());
        Assert.Equal(Convert.ToHexStringLower(bytes), key.ToString());
        Assert.Equal(key, PublicKey.Parse(key.ToString()));
        Assert.Equal(key, PublicKey.Parse(key.ToString().ToUpperInvariant()));
        Assert.Equal(key.GetHashCode(), PublicKey.Parse(key.ToString()).GetHashCode());
    });

    [Fact]
    public void Distance_is_the_number_the_xor_spells() => Gen.Select(s_bytes, s_bytes, s_bytes).Sample((a, b, target) =>
    {
        byte[] toA = [.. a.Zip(target, (x, y) => (byte)(x ^ y))], toB = [.. b.Zip(target, (x, y) => (byte)(x ^ y))];
        int order = Math.Sign(new NodeId(a).CompareDistance(new NodeId(b), new NodeId(target)));
        Assert.Equal(Math.Sign(toA.AsSpan().SequenceCompareTo(toB)), order);
        Assert.Equal(-order, Math.Sign(new NodeId(b).CompareDistance(new NodeId(a), new NodeId(target))));
    });

    [Theory, InlineData(0), InlineData(1), InlineData(7), InlineData(8), InlineData(63), InlineData(64), InlineData(127), InlineData(128), InlineData(200), InlineData(255)]
    public void The_common_prefix_ends_at_the_first_bit_that_differs(int bit)
    {
        byte[] one = [.. Enumerable.Repeat((byte)0xA5, 32)], other = [.. one];
        other[bit / 8] ^= (byte)(0x80 >> bit % 8);
        if (bit < 255) other[31] ^= 1;
        Assert.Equal(bit, new NodeId(one).CommonPrefix(new NodeId(other)));
        Assert.Equal(256, new NodeId(one).CommonPrefix(new NodeId(one)));
    }

    [Theory, InlineData(0), InlineData(31), InlineData(33), InlineData(64)]
    public void Another_length_is_refused_with_the_name_of_the_value(int length)
    {
        Assert.Contains("public key", Assert.Throws<ArgumentException>("bytes", () => new PublicKey(new byte[length])).Message, StringComparison.Ordinal);
        Assert.Contains("topic", Assert.Throws<ArgumentException>("bytes", () => new Topic(new byte[length])).Message, StringComparison.Ordinal);
        Assert.Contains("node id", Assert.Throws<ArgumentException>("bytes", () => new NodeId(new byte[length])).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("zz00000000000000000000000000000000000000000000000000000000000000")]
    [InlineData("000000000000000000000000000000000000000000000000000000000000000")]
    [InlineData("00000000000000000000000000000000000000000000000000000000000000000")]
    [InlineData(" 0000000000000000000000000000000000000000000000000000000000000000")]
    public void Other_text_is_refused(string? text)
    {
        Assert.False(PublicKey.TryParse(text, out var key));
        Assert.Equal(default, key);
        Assert.False(Topic.TryParse(text, out _));
        Assert.False(NodeId.TryParse(text, out _));
        if (text is null) return;
        Assert.Throws<FormatException>(() => PublicKey.Parse(text));
        Assert.Throws<FormatException>(() => Topic.Parse(text));
        Assert.Throws<FormatException>(() => NodeId.Parse(text));
    }
}
