namespace PeopleSwarm;

public class HandshakeResultTests
{
    private static readonly PublicKey s_key = new(new byte[32]);

    [Fact]
    public void Dispose_zeroes_the_keys_and_keeps_the_hash()
    {
        byte[] hash = [.. Enumerable.Repeat((byte)1, 64)], send = [.. Enumerable.Repeat((byte)2, 32)], receive = [.. Enumerable.Repeat((byte)3, 32)];
        var result = new HandshakeResult(HandshakeRole.Initiator, s_key, null, hash, send, receive);
        Assert.True(result.SendKey.SequenceEqual(send));
        Assert.True(result.ReceiveKey.SequenceEqual(receive));
        result.Dispose();
        Assert.False(result.SendKey.ContainsAnyExcept((byte)0));
        Assert.False(result.ReceiveKey.ContainsAnyExcept((byte)0));
        Assert.True(result.Hash.Span.SequenceEqual(hash));
        Assert.Equal(2, send[0]);
    }

    [Theory]
    [InlineData("hash", 63, 32, 32)]
    [InlineData("sendKey", 64, 31, 32)]
    [InlineData("receiveKey", 64, 32, 33)]
    public void Parts_of_another_length_are_refused_by_name(string name, int hash, int send, int receive) =>
        Assert.Throws<ArgumentException>(name, () => new HandshakeResult(HandshakeRole.Responder, s_key, s_key, new byte[hash], new byte[send], new byte[receive]));
}
