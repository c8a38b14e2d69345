using System.Net.Sockets;

namespace PeopleSwarm.Udx;

public class ArrivalWatchTests
{
    private readonly Socket _receiver = UdpBinding.Bind(HostKit.AnyLoopback, DatagramSocketOptions.Default);
    private readonly Socket _sender = UdpBinding.Bind(HostKit.AnyLoopback, DatagramSocketOptions.Default);

    [Theory, InlineData(0), InlineData(1), InlineData(2000)]
    public void A_datagram_is_told_of_once_and_left_where_it_is(int length)
    {
        using SemaphoreSlim told = new(0);
        using ArrivalWatch watch = new(_receiver, () => told.Release());
        for (int i = 0; i < 3; i++)
        {
            Assert.False(watch.Ask());
            Assert.False(watch.Ask()); // asked for already
            _sender.SendTo(new byte[length], _receiver.LocalEndPoint!);
            Assert.True(told.Wait(HostKit.Limit));
            Assert.Equal(length, _receiver.Receive(new byte[3000]));
        }
        Assert.False(told.Wait(20));
    }

    [Fact]
    public void What_waits_already_is_told_at_once_or_in_a_moment()
    {
        using SemaphoreSlim told = new(0);
        using ArrivalWatch watch = new(_receiver, () => told.Release());
        _sender.SendTo(new byte[100], _receiver.LocalEndPoint!);
        Assert.True(SpinWait.SpinUntil(() => _receiver.Available > 0, HostKit.Limit));
        Assert.True(watch.Ask() || told.Wait(HostKit.Limit));
        Assert.Equal(100, _receiver.Receive(new byte[3000]));
    }

    [Fact]
    public void A_socket_that_is_closed_ends_the_wait()
    {
        using SemaphoreSlim told = new(0);
        using ArrivalWatch watch = new(_receiver, () => told.Release());
        Assert.False(watch.Ask());
        _receiver.Dispose();
        Assert.True(told.Wait(HostKit.Limit));
        Assert.Throws<ObjectDisposedException>(() => watch.Ask());
    }
}
