using CsCheck;

namespace PeopleSwarm.Udx.Protocol;

public class UdxHeaderTests
{
    private static readonly Gen<UdxHeader> s_headers = Gen.Select(Gen.Byte, Gen.Byte, Gen.UInt, Gen.UInt, Gen.UInt, Gen.UInt,
        (types, offset, id, window, seq, ack) => new UdxHeader((PacketTypes)types, offset, id, window, seq, ack));

    [Fact]
    public void Reads_back_what_it_wrote() => s_headers.Sample(header =>
    {
        byte[] bytes = new byte[UdxHeader.Size];
        header.Write(bytes);
        return UdxHeader.TryParse(bytes, out var parsed) && parsed == header;
    });

    [Theory]
    [InlineData("ff01010088776655000040000000000000000000", PacketTypes.Data, 0x55667788, 4_194_304, 0, 0)]
    [InlineData("ff01000044332211000040000000000001000000", PacketTypes.None, 0x11223344, 4_194_304, 0, 1)]
    [InlineData("ff01040063000000000040000000000001000000", PacketTypes.Sack, 99, 4_194_304, 0, 1)]
    public void Has_the_bytes_of_the_specification(string hex, byte types, uint id, uint window, uint seq, uint ack)
    {
        byte[] bytes = new byte[UdxHeader.Size];
        new UdxHeader((PacketTypes)types, 0, id, window, seq, ack).Write(bytes);
        Assert.Equal(hex, Convert.ToHexStringLower(bytes));
    }

    [Fact]
    public void Decodes_every_captured_packet()
    {
        int count = 0;
        foreach (var packet in Vectors.AllPackets)
        {
            var decoded = packet.GetProperty("decoded");
            string hex = packet.TryGetProperty("hex", out var whole) ? whole.GetString()! : packet.Text("headerHex");
            bool isUdx = UdxHeader.TryParse(Convert.FromHexString(hex), out var header);
            if (!isUdx) continue; // some stimuli are no UDX packets
            count++;
            Assert.Equal(decoded.GetProperty("typeByte").GetByte(), (byte)header.Types);
            Assert.Equal(decoded.GetProperty("dataOffset").GetByte(), header.DataOffset);
            Assert.Equal(decoded.GetProperty("streamId").GetUInt32(), header.StreamId);
            Assert.Equal(decoded.GetProperty("receiveWindow").GetUInt32(), header.ReceiveWindow);
            Assert.Equal(decoded.GetProperty("seq").GetUInt32(), header.Seq);
            Assert.Equal(decoded.GetProperty("ack").GetUInt32(), header.Ack);
        }
        Assert.InRange(count, 200, int.MaxValue);
    }

    [Fact]
    public void Refuses_what_is_not_udx()
    {
        Assert.False(UdxHeader.TryParse(Convert.FromHexString("fe0100004d000000000040000000000000000000"), out _));
        Assert.False(UdxHeader.TryParse(Convert.FromHexString("ff0200004d000000000040000000000000000000"), out _));
        Assert.False(UdxHeader.TryParse(Convert.FromHexString("ff010000000000000000000000000000000000"), out _));
        Assert.False(UdxHeader.TryParse([0], out _));
        Assert.False(UdxHeader.TryParse([], out _));
    }

    [Fact]
    public void Finds_payload_and_blocks_in_any_bytes() => Gen.Byte.Array[0, 2100].Sample(bytes =>
    {
        if (bytes.Length >= 2) (bytes[0], bytes[1]) = (0xFF, 1);
        if (!UdxPacket.TryParse(bytes, out var packet)) return bytes.Length < UdxHeader.Size;
        int rest = Math.Min(bytes.Length, UdxPacket.MaxSize) - UdxHeader.Size;
        bool payloadFits = !packet.IsWellFormed || packet.Payload.Length == rest - packet.Header.DataOffset;
        return payloadFits && packet.SackArea.Length <= rest && packet.IsWellFormed == (packet.Header.DataOffset <= rest);
    });
}
