using System.Net;
using CsCheck;

namespace PeopleSwarm;

public class UdpEndPointTests
{
    [Theory]
    [InlineData("1.2.3.4:5", "1.2.3.4:5", true)]
    [InlineData("255.255.255.255:65535", "255.255.255.255:65535", true)]
    [InlineData("[::1]:5", "[::1]:5", false)]
    [InlineData("[2001:db8::7]:49737", "[2001:db8::7]:49737", false)]
    [InlineData("[::ffff:1.2.3.4]:5", "1.2.3.4:5", true)]
    public void Text_is_read_and_written(string text, string written, bool isIPv4)
    {
        var endPoint = UdpEndPoint.Parse(text);
        Assert.Equal(written, endPoint.ToString());
        Assert.Equal(isIPv4, endPoint.IsIPv4);
        Assert.Equal(endPoint, UdpEndPoint.Parse(endPoint.ToString()));
        byte[] host = new byte[45];
        Assert.Equal(endPoint.HostText, System.Text.Encoding.ASCII.GetString(host, 0, endPoint.WriteHostText(host)));
        Assert.Throws<ArgumentException>(() => endPoint.WriteHostText(new byte[2]));
    }

    [Theory]
    [InlineData("127.0.0.1:1", true)]
    [InlineData("127.9.8.7:1", true)]
    [InlineData("[::ffff:127.0.0.1]:1", true)]
    [InlineData("[::1]:1", true)]
    [InlineData("128.0.0.1:1", false)]
    [InlineData("[::2]:1", false)]
    [InlineData("[1::1]:1", false)]
    [InlineData("[::]:1", false)]
    public void A_loopback_is_known_in_both_families(string text, bool isLoopback) => Assert.Equal(isLoopback, UdpEndPoint.Parse(text).IsLoopback);

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("1.2.3.4")]
    [InlineData("::1")]
    [InlineData("[::1]")]
    [InlineData("1.2.3.4:65536")]
    [InlineData("1.2.3.4:-1")]
    [InlineData("host:5")]
    public void Other_text_is_refused(string? text)
    {
        Assert.False(UdpEndPoint.TryParse(text, out var endPoint));
        Assert.Equal(default, endPoint);
        if (text is not null) Assert.Contains(text, Assert.Throws<FormatException>(() => UdpEndPoint.Parse(text)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_address_in_mapped_form_equals_the_plain_one()
    {
        var plain = new UdpEndPoint(0x01020304, 5);
        var mapped = UdpEndPoint.From(IPAddress.Parse("1.2.3.4").MapToIPv6(), 5);
        Assert.Equal(plain, mapped);
        Assert.Equal(plain.GetHashCode(), mapped.GetHashCode());
        Assert.Equal(plain, new UdpEndPoint([1, 2, 3, 4], 5));
        Assert.Equal(0x01020304u, mapped.IPv4);
        Assert.Equal(new IPEndPoint(IPAddress.Parse("1.2.3.4"), 5), mapped.ToIPEndPoint());
    }

    [Fact]
    public void Ports_and_addresses_are_compared_apart()
    {
        var one = new UdpEndPoint(0x01020304, 5);
        Assert.NotEqual(one, one.WithPort(6));
        Assert.True(one.HasSameAddress(one.WithPort(6)));
        Assert.False(one.HasSameAddress(new UdpEndPoint(0x01020305, 5)));
        Assert.False(UdpEndPoint.AnyIPv4.HasSameAddress(UdpEndPoint.AnyIPv6));
    }

    [Fact]
    public void Address_bytes_go_out_as_they_came_in()
    {
        byte[] six = [.. Enumerable.Range(1, 16).Select(i => (byte)i)];
        Span<byte> buffer = stackalloc byte[16];
        Assert.Equal(16, new UdpEndPoint(six, 1).WriteAddress(buffer));
        Assert.Equal(six, buffer.ToArray());
        Assert.Equal(4, new UdpEndPoint([9, 8, 7, 6], 1).WriteAddress(buffer));
        Assert.Equal([9, 8, 7, 6], buffer[..4].ToArray());
        new UdpEndPoint([9, 8, 7, 6], 1).WriteAddress16(buffer);
        Assert.Equal([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 9, 8, 7, 6], buffer.ToArray());
    }

    [Theory, InlineData(0), InlineData(3), InlineData(5), InlineData(15), InlineData(17)]
    public void An_address_of_another_length_is_refused(int length) =>
        Assert.Equal("address", Assert.Throws<ArgumentException>(() => new UdpEndPoint(new byte[length], 1)).ParamName);

    [Fact]
    public void An_ipv6_address_has_no_ipv4_number() => Assert.Throws<InvalidOperationException>(() => UdpEndPoint.Parse("[::1]:5").IPv4);

    [Fact]
    public void Any_end_point_survives_the_platforms_types()
    {
        Gen.Select(Gen.Byte.Array[16], Gen.UShort).Sample((bytes, port) =>
        {
            var endPoint = new UdpEndPoint(bytes, port);
            Assert.Equal(endPoint, UdpEndPoint.From(endPoint.ToIPEndPoint()));
            Assert.Equal(endPoint, UdpEndPoint.Parse(endPoint.ToString()));
        });
    }
}
