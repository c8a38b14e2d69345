using PeopleSwarm.Testing;

namespace PeopleSwarm.Udx.Protocol;

/// <summary>Exchanges of the original, replayed with us in the place of one side: what we send that has a number is what it sent.</summary>
public class CaptureTests
{
    [Theory]
    [InlineData("basic", "A")]
    [InlineData("basic", "B")]
    [InlineData("half-close", "A")]
    [InlineData("half-close", "B")]
    [InlineData("destroy", "A")]
    [InlineData("destroy", "B")]
    [InlineData("tail-loss-probe", "A")]
    [InlineData("sequence-wrap", "A")]
    public void Plays_either_side(string name, string us)
    {
        var capture = Vectors.Capture(name);
        uint idA = capture.GetProperty("streamIdA").GetUInt32(), idB = capture.GetProperty("streamIdB").GetUInt32();
        var endpoint = new UdxEndpoint(new() { KeepAlive = TimeSpan.Zero }, new SeededRandom(1));
        var stream = new TestStream(endpoint, us == "A" ? idA : idB);
        if (name == "sequence-wrap") stream.Machine.StartAt(0xFFFFFFFE, 0);
        stream.Machine.Connect(new(1), default, us == "A" ? idB : idA, RawPeer.Remote);
        byte[] buffer = new byte[65_507];
        string payload = "";
        foreach (var packet in capture.Items("packets").Where(p => !p.TryGetProperty("droppedByNetwork", out _)))
        {
            byte[] bytes = Convert.FromHexString(packet.Text("hex"));
            Timestamp now = new(1_000_000 + packet.GetProperty("tMs").GetInt64() * 1000);
            Assert.True(UdxHeader.TryParse(bytes, out var header));
            bool isOurs = packet.Text("direction").StartsWith(us, StringComparison.Ordinal);
            if (isOurs)
            {
                if (!Do(stream, now, header, bytes.AsSpan(UdxHeader.Size))) continue; // acknowledgements are ours to time
                Assert.True(endpoint.PollTransmit(now, buffer, out var transmit));
                Assert.Equal(packet.Text("hex"), Convert.ToHexStringLower(buffer.AsSpan(0, transmit.Length)));
            }
            else
            {
                if ((header.Types & PacketTypes.Data) != 0)
                    payload += Convert.ToHexStringLower(bytes.AsSpan(UdxHeader.Size));
                Assert.True(endpoint.Receive(now, bytes, new(RawPeer.Remote, default)));
                Answer(endpoint, now, buffer, header);
            }
        }
        Assert.Equal(payload, Convert.ToHexStringLower(stream.Received));
        bool closes = capture.Items("events").Any(e => e[0].GetString() == us && e[1].GetString() == "close");
        Assert.Equal(closes, stream.Closed is not null);
    }

    private static bool Do(TestStream stream, Timestamp now, UdxHeader header, ReadOnlySpan<byte> payload)
    {
        if ((header.Types & (PacketTypes.Data | PacketTypes.End)) != 0) stream.Write(now, payload, end: (header.Types & PacketTypes.End) != 0);
        else if ((header.Types & PacketTypes.Message) != 0) stream.Machine.TrySendMessage(now, payload);
        else if ((header.Types & PacketTypes.Destroy) != 0) stream.Machine.Abort(now, StreamCloseReason.LocalAbort, null);
        else return false;
        return true;
    }

    /// <summary>Numbered packets and heartbeats get one plain ack of everything so far; the rest gets none.</summary>
    private static void Answer(UdxEndpoint endpoint, Timestamp now, byte[] buffer, UdxHeader header)
    {
        bool wants = (header.Types & (PacketTypes.Data | PacketTypes.End | PacketTypes.Heartbeat)) != 0;
        Assert.Equal(wants, endpoint.PollTransmit(now, buffer, out var transmit));
        if (!wants) return;
        Assert.True(UdxHeader.TryParse(buffer.AsSpan(0, transmit.Length), out var ack));
        Assert.Equal(PacketTypes.None, ack.Types);
        if ((header.Types & PacketTypes.Heartbeat) == 0) Assert.Equal(header.Seq + 1, ack.Ack);
        Assert.False(endpoint.PollTransmit(now, buffer, out _));
    }
}
