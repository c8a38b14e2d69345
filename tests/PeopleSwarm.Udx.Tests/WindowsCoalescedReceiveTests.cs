using System.Net;
using System.Net.Sockets;

namespace PeopleSwarm.Udx;

public class WindowsCoalescedReceiveTests
{
    // WSACMSGHDR as the system lays it out: its size with the header, IPPROTO_UDP (17), UDP_COALESCED_INFO (3); then a DWORD, here 1,452.
    private const string Info = "1400000000000000" + "11000000" + "03000000" + "ac050000";
    private const string Info32 = "10000000" + "11000000" + "03000000" + "ac050000";

    // IP_PKTINFO (19) of IPPROTO_IP: an address and an interface; of 24 bytes, which needs no padding. And IP_ECN (50), which needs 4 bytes.
    private const string PacketInfo = "1800000000000000" + "00000000" + "13000000" + "7f00000101000000";
    private const string Ecn = "1400000000000000" + "00000000" + "32000000" + "02000000" + "00000000";

    [Theory]
    [InlineData(Info, 1452)]
    [InlineData(Info + "00000000", 1452)]
    [InlineData(PacketInfo + Info, 1452)]
    [InlineData(Ecn + Info, 1452)]
    [InlineData(Ecn + PacketInfo, 0)]
    [InlineData("", 0)]
    public void The_size_of_the_datagrams_is_found_among_the_control_messages(string control, int expected) =>
        Assert.Equal(expected, WindowsCoalescedReceive.ReadSegmentSize(Convert.FromHexString(control), wordSize: 8));

    [Theory]
    [InlineData(Info32, 1452)]
    [InlineData("0d000000" + "00000000" + "13000000" + "7f000000" + Info32, 1452)]
    public void Messages_of_a_32_bit_process_are_aligned_to_its_words(string control, int expected) =>
        Assert.Equal(expected, WindowsCoalescedReceive.ReadSegmentSize(Convert.FromHexString(control), wordSize: 4));

    [Theory]
    [InlineData("0000000000000000" + "11000000" + "03000000" + "ac050000")] // would never end
    [InlineData("0f00000000000000" + "11000000" + "03000000" + "ac050000")] // shorter than its header
    [InlineData("1500000000000000" + "11000000" + "03000000" + "ac050000")] // longer than what there is
    [InlineData("14000000000000ff" + "11000000" + "03000000" + "ac050000")]
    [InlineData("1300000000000000" + "11000000" + "03000000" + "ac0500")] // a part of the size
    [InlineData("1400000000000000" + "11000000" + "03000000" + "000000ff")] // negative
    [InlineData("1400000000000000" + "11000000" + "02000000" + "ac050000")] // another option
    [InlineData("1400000000000000" + "06000000" + "03000000" + "ac050000")] // another protocol
    [InlineData("1400000000000000" + "11000000" + "0300")]
    public void What_makes_no_sense_is_no_size(string control) =>
        Assert.Equal(0, WindowsCoalescedReceive.ReadSegmentSize(Convert.FromHexString(control), wordSize: 8));

    [Fact]
    public void A_message_is_received_with_its_sender_and_nothing_where_nothing_waits()
    {
        Assert.SkipUnless(OperatingSystem.IsWindows(), "The call is one of Windows.");
        using var socket = UdpBinding.Bind(UdpEndPoint.AnyIPv6, DatagramSocketOptions.Default);
        var receive = WindowsCoalescedReceive.TryCreate(socket);
        Assert.NotNull(receive);
        byte[] buffer = new byte[ICoalescedReceive.MaxMessage], from = new byte[SocketAddressCodec.IPv6Size];
        Assert.Equal(SocketError.WouldBlock, receive.Receive(buffer, from, out _, out _));
        using Socket sender = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        sender.SendTo([1, 2, 3], new IPEndPoint(IPAddress.Loopback, ((IPEndPoint)socket.LocalEndPoint!).Port));
        Assert.Equal(SocketError.Success, receive.Receive(buffer, from, out int length, out int segmentSize));
        Assert.Equal((3, 0), (length, segmentSize));
        Assert.Equal([1, 2, 3], buffer[..length]);
        Assert.Equal(UdpEndPoint.Loopback((ushort)((IPEndPoint)sender.LocalEndPoint!).Port), SocketAddressCodec.Read(from, socket.AddressFamily));
        socket.Dispose();
        Assert.Throws<ObjectDisposedException>(() => receive.Receive(buffer, from, out _, out _));
    }
}
