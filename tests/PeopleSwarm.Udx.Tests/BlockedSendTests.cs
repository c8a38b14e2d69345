using System.Net;
using System.Net.Sockets;
using PeopleSwarm.Udx;

namespace PeopleSwarm;

public class BlockedSendTests
{
    [Theory, InlineData(0), InlineData(400)]
    public async Task What_was_taken_over_is_sent_whole_and_then_the_loop_is_told(int segmentSize)
    {
        using Socket receiver = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp) { ReceiveTimeout = (int)HostKit.Limit.TotalMilliseconds };
        receiver.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        using var sender = UdpBinding.Bind(HostKit.AnyLoopback, DatagramSocketOptions.Default);
        TaskCompletionSource done = new(TaskCreationOptions.RunContinuationsAsynchronously);
        BlockedSend blocked = new(sender, HostKit.Metrics, done.SetResult);
        byte[] bytes = new byte[1000];
        new Random(1).NextBytes(bytes);
        blocked.Begin(bytes, new Transmit(UdpEndPoint.From((IPEndPoint)receiver.LocalEndPoint!), bytes.Length, default, segmentSize));
        await done.Task.WaitAsync(HostKit.Limit);
        Assert.False(blocked.IsBusy);
        byte[] buffer = new byte[2000];
        List<byte> received = [];
        int expected = segmentSize == 0 ? 1 : 3;
        for (int i = 0; i < expected; i++) received.AddRange(buffer.AsSpan(0, receiver.Receive(buffer)));
        Assert.Equal(bytes, received);
        Assert.Equal(0, receiver.Available);
    }

    [Fact]
    public async Task A_socket_closed_meanwhile_ends_the_wait()
    {
        var sender = UdpBinding.Bind(HostKit.AnyLoopback, DatagramSocketOptions.Default);
        TaskCompletionSource done = new(TaskCreationOptions.RunContinuationsAsynchronously);
        BlockedSend blocked = new(sender, HostKit.Metrics, done.SetResult);
        sender.Dispose();
        blocked.Begin(new byte[10], new Transmit(UdpEndPoint.Loopback(9), 10));
        await done.Task.WaitAsync(HostKit.Limit);
        Assert.False(blocked.IsBusy);
    }
}
