using System.Net.Sockets;

namespace PeopleSwarm.Testing;

public class SimulatedHostTests
{
    private static readonly UdpEndPoint s_alice = new(0x05000001, 1000), s_bob = new(0x05000002, 2000);
    private readonly SimulatedNetwork _net = new(1) { Latency = TimeSpan.FromMilliseconds(10) };

    [Fact]
    public void A_sleeping_host_hears_nothing_and_catches_up_when_it_wakes()
    {
        var pinger = _net.Add(s_alice, new Pinger(_net.Now, s_bob, TimeSpan.FromSeconds(1), 10));
        var bob = _net.Add(s_bob, new Sender());
        _net.RunFor(TimeSpan.FromSeconds(2.5));
        Assert.Equal(3, bob.Received.Count);

        _net.Hosts[0].Sleep();
        bob.Send([9, 0, 0, 0], s_alice);
        _net.RunFor(TimeSpan.FromSeconds(4));
        Assert.Equal(3, bob.Received.Count);
        Assert.Empty(pinger.Received);

        _net.Hosts[0].WakeUp();
        _net.RunFor(TimeSpan.FromSeconds(0.1));
        Assert.Equal(7, bob.Received.Count);
    }

    [Fact]
    public void A_host_that_moves_sends_from_its_new_address_and_is_gone_from_the_old()
    {
        var host = _net.AddHost("5.0.0.9");
        var mover = host.Add(900, new Sender());
        var bob = _net.Add(s_bob, new Sender());
        int changes = 0;
        host.AddressChanged += (_, _) => changes++;

        var nat = _net.AddNat("5.1.0.1");
        host.MoveTo(nat, UdpEndPoint.Parse("10.0.0.2:0"));
        bob.Send([1], UdpEndPoint.Parse("5.0.0.9:900"));
        mover.Send([2], s_bob);
        _net.RunFor(TimeSpan.FromSeconds(1));

        Assert.Empty(mover.Received);
        Assert.Equal(nat.Address.WithPort(900), Assert.Single(bob.Received).Source.From);
        Assert.True(changes > 0);
    }

    [Fact]
    public void A_socket_on_an_address_that_goes_fails_and_others_live_on()
    {
        var host = _net.AddHost(s_alice);
        host.AddAddress(UdpEndPoint.Parse("5.0.0.77:0"));
        var loop = host.AddLoop();
        SocketId lost = loop.Bind(s_alice), kept = loop.Bind(UdpEndPoint.AnyIPv4.WithPort(1));
        List<SocketId> failed = [];
        loop.SocketFailed += (socket, _) => failed.Add(socket);
        host.RemoveAddress(s_alice);
        _net.RunNow();
        Assert.Equal([lost], failed);
        Assert.Equal(1, loop.GetLocalEndPoint(kept).Port);
        Assert.Throws<ArgumentException>(() => loop.GetLocalEndPoint(lost));
        Assert.Equal(UdpEndPoint.Parse("5.0.0.77:0"), host.Address);
    }

    [Fact]
    public void What_is_sent_while_disconnected_is_lost()
    {
        var alice = _net.Add(s_alice, new Sender());
        var bob = _net.Add(s_bob, new Sender());
        _net.Hosts[0].Disconnect();
        alice.Send([1], s_bob);
        _net.RunFor(TimeSpan.FromSeconds(1));
        _net.Hosts[0].Reconnect();
        alice.Send([2], s_bob);
        _net.RunFor(TimeSpan.FromSeconds(1));
        Assert.Equal([2], Assert.Single(bob.Received).Data);
        Assert.Equal(1, _net.Statistics.DroppedFor(DropReason.HostDown));
    }

    [Fact]
    public void Ports_are_taken_once_unless_shared_and_port_0_takes_a_free_one()
    {
        var loop = _net.AddHost(s_alice).AddLoop();
        loop.Bind(s_alice);
        Assert.Equal(SocketError.AddressAlreadyInUse, Assert.Throws<SocketException>(() => loop.Bind(UdpEndPoint.AnyIPv4.WithPort(1000))).SocketErrorCode);
        Assert.Equal(SocketError.AddressNotAvailable, Assert.Throws<SocketException>(() => loop.Bind(s_bob)).SocketErrorCode);
        Assert.InRange(loop.GetLocalEndPoint(loop.Bind(UdpEndPoint.AnyIPv4)).Port, 32_768, 61_000);
        var shared = new DatagramSocketOptions { ReuseAddress = true };
        loop.Bind(s_alice.WithPort(5), shared);
        loop.Bind(s_alice.WithPort(5), shared);
    }

    [Fact]
    public void A_host_reaches_itself_by_loopback_and_by_its_own_address()
    {
        var host = _net.AddHost(s_alice);
        Sender one = host.Add(1, new Sender()), two = host.Add(2, new Sender());
        one.Send([1], UdpEndPoint.Loopback(2));
        one.Send([2], s_alice.WithPort(2));
        _net.RunFor(TimeSpan.FromMilliseconds(1));
        Assert.Equal([UdpEndPoint.Loopback(1), s_alice.WithPort(1)], two.Received.Select(r => r.Source.From));
    }

    [Fact]
    public void Two_hosts_cannot_have_one_address()
    {
        _net.AddHost(s_alice);
        Assert.Throws<ArgumentException>(() => _net.AddHost("5.0.0.1"));
    }
}
