using System.Text;
using PeopleSwarm.Dht.Messages;
using PeopleSwarm.Dht.Rpc;

namespace PeopleSwarm.Fuzz;

/// <summary>What is read must survive being written and read again, and cost no more memory than its own size allows.</summary>
public class DhtMessageFuzzTests
{
    private const int Count = 30_000;

    [Fact]
    public void Requests() => FuzzRun.Feed(Corpus.Where(b => RpcRequestMessage.TryRead(b, out _)), Count, input =>
    {
        if (!RpcRequestMessage.TryRead(input, out var message)) return;
        byte[] written = new byte[message.Size];
        message.Write(written);
        Assert.True(RpcRequestMessage.TryRead(written, out var again));
        Assert.Equal((message.Tid, message.To, message.Id, message.IsInternal, message.Command, message.Target, message.HasValue),
            (again.Tid, again.To, again.Id, again.IsInternal, again.Command, again.Target, again.HasValue));
        Assert.True(message.Value.SequenceEqual(again.Value) && message.Token.SequenceEqual(again.Token));
    });

    [Fact]
    public void Responses() => FuzzRun.Feed(Corpus.Where(b => RpcResponseMessage.TryRead(b, out _)), Count, input =>
    {
        if (!RpcResponseMessage.TryRead(input, out var message)) return;
        var closer = message.CloserNodes.ToArray();
        byte[] written = new byte[RpcResponseMessage.SizeOf(message.Id is not null, !message.Token.IsEmpty, closer.Length, message.Error,
            message.HasValue ? message.Value.Length : null)];
        Assert.Equal(written.Length, message.Write(written, closer));
        Assert.True(RpcResponseMessage.TryRead(written, out var again));
        Assert.Equal((message.Tid, message.To, message.Id, message.Error, message.HasValue), (again.Tid, again.To, again.Id, again.Error, again.HasValue));
        Assert.Equal(closer, again.CloserNodes.ToArray());
        Assert.True(message.Value.SequenceEqual(again.Value) && message.Token.SequenceEqual(again.Token));
    });

    [Fact]
    public void Handshakes() => FuzzRun.Feed(Corpus.Where(b => PeerHandshakeMessage.TryRead(b, out _)), Count, input =>
    {
        if (!PeerHandshakeMessage.TryRead(input, out var message)) return;
        byte[] written = message.Encode();
        Assert.True(PeerHandshakeMessage.TryRead(written, out var again));
        Assert.Equal(written, again.Encode());
    });

    [Fact]
    public void Punch_rounds() => FuzzRun.Feed(Corpus.Where(b => PeerHolepunchMessage.TryRead(b, out _)), Count, input =>
    {
        if (!PeerHolepunchMessage.TryRead(input, out var message)) return;
        byte[] written = message.Encode();
        Assert.True(PeerHolepunchMessage.TryRead(written, out var again));
        Assert.Equal(written, again.Encode());
    });

    [Fact]
    public void Announcements() => FuzzRun.Feed(Corpus.Where(b => AnnounceMessage.TryRead(b, out _)), Count, input =>
    {
        if (!AnnounceMessage.TryRead(input, out var message)) return;
        byte[] written = message.Encode();
        Assert.True(AnnounceMessage.TryRead(written, out var again));
        Assert.Equal(written, again.Encode());
    });

    [Fact]
    public void Lookup_answers() => FuzzRun.Feed(Corpus.Where(b => LookupReplyCodec.TryRead(b, out _, out _)), Count, input =>
    {
        if (!LookupReplyCodec.TryRead(input, out var peers, out long bump)) return;
        byte[] written = LookupReplyCodec.Encode([.. peers.Select(PeerRecordCodec.Encode)], bump);
        Assert.True(LookupReplyCodec.TryRead(written, out var again, out long bumpAgain));
        Assert.Equal((peers.Length, bump), (again.Length, bumpAgain));
    });

    [Fact]
    public void Noise_payloads() => FuzzRun.Feed(Corpus.Where(b => NoisePayload.TryRead(b, out var p) && p.Version == NoisePayload.CurrentVersion), Count, input =>
    {
        if (!NoisePayload.TryRead(input, out var payload) || payload.Version != NoisePayload.CurrentVersion) return;
        byte[] written = payload.Encode();
        Assert.True(NoisePayload.TryRead(written, out var again));
        Assert.Equal(written, again.Encode());
    });

    [Fact]
    public void Punch_payloads() => FuzzRun.Feed(Corpus.Where(b => HolepunchPayload.TryRead(b, out _)), Count, input =>
    {
        if (!HolepunchPayload.TryRead(input, out var payload)) return;
        byte[] written = payload.Encode();
        Assert.True(HolepunchPayload.TryRead(written, out var again));
        Assert.Equal(written, again.Encode());
    });

    [Fact]
    public void Peer_records() => FuzzRun.Feed(Corpus.Where(b => PeerRecordCodec.TryRead(b, out _)), Count, input =>
    {
        if (!PeerRecordCodec.TryRead(input, out var record)) return;
        byte[] written = PeerRecordCodec.Encode(record);
        Assert.Equal(input[..PublicKey.Size], written[..PublicKey.Size]);
        Assert.True(PeerRecordCodec.TryRead(written, out var again));
        Assert.Equal(written, PeerRecordCodec.Encode(again));
    });

    [Fact]
    public void Mutable_values() => FuzzRun.Feed(Corpus.Where(b => MutablePutMessage.TryRead(b, out _)), Count, input =>
    {
        if (MutablePutMessage.TryRead(input, out var put))
        {
            byte[] written = put.Encode();
            Assert.True(MutablePutMessage.TryRead(written, out var again));
            Assert.Equal(written, again.Encode());
        }
        if (MutableRecordMessage.TryRead(input, out var record))
        {
            byte[] written = record.Encode();
            Assert.True(MutableRecordMessage.TryRead(written, out var again));
            Assert.Equal(written, again.Encode());
        }
    });

    [Fact]
    public void Addresses_as_text() => FuzzRun.Feed([.. s_texts.Select(Encoding.UTF8.GetBytes)], Count, input =>
    {
        string text = Encoding.UTF8.GetString(input);
        if (UdpEndPoint.TryParse(text, out var address)) Assert.Equal(address, UdpEndPoint.Parse(address.ToString()));
        if (BootstrapEntry.TryParse(text, out var entry))
        {
            Assert.True(BootstrapEntry.TryParse(entry!.ToString(), out var again));
            Assert.Equal(entry, again);
        }
        if (PublicKey.TryParse(text, out var key)) Assert.Equal(text, key.ToString(), ignoreCase: true);
    });

    private static readonly string[] s_texts =
    [
        "1.2.3.4:5", "255.255.255.255:65535", "[::1]:80", "[2001:db8::ff00:42:8329]:443", "[::ffff:1.2.3.4]:5", "node.example:49737", "88.99.3.86@node1.example.org:49737",
        new('a', 64), "0123456789abcdefABCDEF" + new string('0', 42),
    ];

    [Theory]
    [InlineData("feffffffff")]
    [InlineData("ffffffffffffff1f00")]
    [InlineData("fdffff")]
    [InlineData("feffffff7f")]
    [InlineData("ff0000000000000080")]
    public void Huge_lengths_take_no_memory(string hex)
    {
        byte[] tail = Convert.FromHexString(hex);
        byte[] announced = [1, .. new byte[32], .. tail];
        byte[] payload = [1, 2, 0, 0, .. tail];
        NoisePayload.TryRead(payload, out _); // once, so that what is loaded does not count
        LookupReplyCodec.TryRead(tail, out _, out _);
        AnnounceMessage.TryRead(announced, out _);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Assert.False(LookupReplyCodec.TryRead(tail, out _, out _));
        Assert.False(AnnounceMessage.TryRead(announced, out _));
        Assert.False(NoisePayload.TryRead(payload, out _));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 4096);
    }
}
