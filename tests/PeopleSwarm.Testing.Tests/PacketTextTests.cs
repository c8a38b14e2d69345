namespace PeopleSwarm.Testing;

public class PacketTextTests
{
    [Theory]
    [InlineData("00", "punch probe")]
    [InlineData("ff0105000100000000002000020000000300000000", "UDX DATA+SACK id=1 seq=2 ack=3 wnd=2097152 skip=0 payload=1")]
    [InlineData("ff010000010000000000200002000000030000", "19 bytes ff010000010000000000200002000000")]
    [InlineData("0304341205000002d00700", "DHT request PING tid=4660 11 bytes")]
    [InlineData("0310341205000002d0070300", "DHT request LOOKUP tid=4660 value 12 bytes")]
    [InlineData("1310341205000002d00700", "DHT response tid=4660 value 11 bytes")]
    [InlineData("", "0 bytes ")]
    public void Datagrams_of_this_network_are_named(string hex, string text)
    {
        byte[] datagram = Convert.FromHexString(hex);
        Assert.Equal(text, PacketText.Format(datagram, datagram.Length));
    }

    [Fact]
    public void Any_bytes_have_a_text()
    {
        var random = new SeededRandom(1);
        for (int i = 0; i < 10_000; i++)
        {
            byte[] head = new byte[random.Next(PacketTrace.HeadSize + 1)];
            random.Fill(head);
            if (head.Length > 1) (head[0], head[1]) = random.Next(4) switch { 0 => ((byte)0xFF, (byte)1), 1 => ((byte)3, head[1]), 2 => ((byte)0x13, head[1]), _ => (head[0], head[1]) };
            Assert.NotEmpty(PacketText.Format(head, head.Length));
        }
    }
}
