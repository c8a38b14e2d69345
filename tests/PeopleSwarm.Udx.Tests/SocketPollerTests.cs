using System.Net;
using System.Net.Sockets;
using System.Threading.Channels;
using PeopleSwarm.Udx;

namespace PeopleSwarm;

public sealed class SocketPollerTests : IDisposable
{
    private static readonly TimeSpan s_limit = HostKit.Limit;

    private readonly Socket _socket = UdpBinding.Bind(HostKit.AnyLoopback, DatagramSocketOptions.Default);
    private readonly Channel<uint> _told = Channel.CreateUnbounded<uint>();

    public void Dispose() => _socket.Dispose();

    [Fact]
    public async Task A_socket_is_told_once_for_each_time_it_asks()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Only on Linux.");
        using var watch = Watch();
        watch.Ask(SocketPoller.Readable);
        Send();
        Assert.Equal(SocketPoller.Readable, await NextAsync());
        for (int i = 0; i < 10; i++) Send();
        watch.Ask(SocketPoller.Writable);
        Assert.Equal(SocketPoller.Writable, await NextAsync()); // and nothing of the ten datagrams, which nobody asked for
        Assert.False(_told.Reader.TryRead(out _));
        watch.Ask(SocketPoller.Readable); // what waits already is told of at once
        Assert.Equal(SocketPoller.Readable, await NextAsync());
    }

    [Fact]
    public async Task One_wish_outlives_the_answer_to_the_other()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Only on Linux.");
        using var watch = Watch();
        watch.Ask(SocketPoller.Readable);
        watch.Ask(SocketPoller.Writable);
        Assert.Equal(SocketPoller.Writable, await NextAsync());
        Send();
        Assert.Equal(SocketPoller.Readable, await NextAsync());
    }

    [Fact]
    public void Asking_for_a_closed_socket_is_harmless()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Only on Linux.");
        using var watch = Watch();
        _socket.Dispose();
        watch.Ask(SocketPoller.Readable);
    }

    private SocketPoller.Watch Watch() => SocketPoller.Shared.Register(_socket.SafeHandle, ready => _told.Writer.TryWrite(ready));

    private async Task<uint> NextAsync() => await _told.Reader.ReadAsync(TestContext.Current.CancellationToken).AsTask().WaitAsync(s_limit);

    private void Send() => _socket.SendTo(new byte[10], (IPEndPoint)_socket.LocalEndPoint!);
}
