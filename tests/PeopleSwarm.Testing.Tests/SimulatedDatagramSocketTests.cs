using System.Net.Sockets;

namespace PeopleSwarm.Testing;

public class SimulatedDatagramSocketTests
{
    private static readonly UdpEndPoint s_alice = UdpEndPoint.Parse("5.0.0.1:1000"), s_bob = UdpEndPoint.Parse("5.0.0.2:2000");
    private readonly SimulatedNetwork _net = new(1);

    [Fact]
    public async Task Datagrams_wait_until_they_are_taken()
    {
        var (socket, receiver) = Open(s_alice);
        var bob = _net.Add(s_bob, new Sender());
        for (byte i = 0; i < 3; i++) bob.Send([i], s_alice);
        _net.RunNow();
        Assert.True(receiver.Readable > 1);
        Assert.True(socket.Receive(2));
        Assert.Equal([0, 1], receiver.Received.Select(r => r.Data[0]));
        Assert.False(socket.Receive(2));
        Assert.Equal((s_bob, 3), (receiver.Received[2].From, receiver.Received.Count));
        await socket.DisposeAsync();
        Assert.Equal([null], receiver.Closed);
    }

    [Fact]
    public void What_exceeds_the_receive_buffer_is_dropped()
    {
        var (socket, receiver) = Open(s_alice, new DatagramSocketOptions { ReceiveBufferSize = 3 * (100 + LinkOptions.HeaderSize) });
        var bob = _net.Add(s_bob, new Sender());
        for (int i = 0; i < 5; i++) bob.Send(new byte[100], s_alice);
        _net.RunNow();
        socket.Receive(10);
        Assert.Equal(3, receiver.Received.Count);
    }

    [Fact]
    public void A_run_of_segments_is_one_send()
    {
        var (socket, _) = Open(s_alice);
        var bob = _net.Add(s_bob, new Sender());
        Assert.True(socket.TrySend([1, 1, 2, 2, 3], new Transmit(s_bob, 5, SegmentSize: 2)));
        _net.RunNow();
        Assert.Equal([[1, 1], [2, 2], [3]], bob.Received.Select(r => r.Data));
    }

    [Fact]
    public void A_socket_whose_address_goes_says_why()
    {
        var (socket, receiver) = Open(s_alice);
        _net.Hosts[0].RemoveAddress(s_alice);
        Assert.Equal(SocketError.NetworkDown, Assert.IsType<SocketException>(Assert.Single(receiver.Closed)).SocketErrorCode);
        Assert.True(socket.TrySend([1], new Transmit(s_bob, 1)));
    }

    private (IDatagramSocket, Receiver) Open(UdpEndPoint address, DatagramSocketOptions? options = null)
    {
        var socket = new SimulatedDatagramSocketFactory(_net.AddHost(address), maxSegments: 8).Bind(address, options ?? DatagramSocketOptions.Default);
        var receiver = new Receiver();
        socket.Start(receiver);
        return (socket, receiver);
    }

    private sealed class Receiver : IDatagramReceiver
    {
        public List<(byte[] Data, UdpEndPoint From)> Received { get; } = [];
        public List<Exception?> Closed { get; } = [];
        public int Readable { get; private set; }

        public void OnReadable() => Readable++;
        public void OnDatagram(ReadOnlySpan<byte> datagram, in UdpEndPoint from) => Received.Add((datagram.ToArray(), from));
        public void OnWritable() { }
        public void OnClosed(Exception? error) => Closed.Add(error);
    }
}
