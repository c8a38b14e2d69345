using PeopleSwarm.Dht.Messages;
using PeopleSwarm.Dht.TestKit;
using PeopleSwarm.Testing;

namespace PeopleSwarm.Dht.HolePunch;

public class PuncherTests
{
    private static readonly UdpEndPoint s_verified = new(0x01010101, 1000), s_unverified = new(0x02020202, 2000);
    private readonly FakePunchSockets _sockets = new();
    private readonly PunchMachine _machine;

    public PuncherTests() => _machine = new(_sockets, new SeededRandom(1), TimeSpan.FromSeconds(20));

    [Fact]
    public void Consistent_nats_are_probed_ten_times_a_second_apart_and_unverified_addresses_twice()
    {
        var puncher = Create(isInitiator: true, local: PeerFirewallState.Consistent, remote: PeerFirewallState.Consistent);
        bool exhausted = false;
        puncher.Exhausted = _ => exhausted = true;
        Assert.True(puncher.TryPunch(At(0)));
        var sent = Run(until: 60);
        Assert.Equal(Enumerable.Range(0, 10).Select(s => (double)s), sent.Where(p => p.To == s_verified).Select(p => p.Seconds));
        Assert.Equal([3.0, 7.0], sent.Where(p => p.To == s_unverified).Select(p => p.Seconds));
        Assert.All(sent, p => Assert.Equal(64, p.Ttl));
        Assert.True(exhausted);
        Assert.Empty(_sockets.OpenNow);
        Assert.Equal(0, _machine.Count);
    }

    [Fact]
    public void The_other_side_waits_a_second_without_using_up_a_round()
    {
        var puncher = Create(isInitiator: false, local: PeerFirewallState.Consistent, remote: PeerFirewallState.Consistent);
        Assert.True(puncher.TryPunch(At(0)));
        var sent = Run(until: 60).Where(p => p.To == s_verified).ToList();
        Assert.Equal(10, sent.Count);
        Assert.Equal(1.0, sent[0].Seconds);
    }

    [Fact]
    public void A_peer_that_names_hundreds_of_addresses_makes_us_probe_sixteen()
    {
        var puncher = Create(isInitiator: false, local: PeerFirewallState.Consistent, remote: PeerFirewallState.Consistent);
        puncher.UpdateRemote(new() { Firewall = PeerFirewallState.Consistent, Addresses = [.. Enumerable.Range(1, 300).Select(i => new UdpEndPoint(0x02020200u + (uint)i, 2000))] }, null);
        Assert.True(puncher.TryPunch(At(0)));
        Assert.Equal(2 * 16, Run(until: 60).Count);
    }

    [Fact]
    public void A_random_peer_is_sprayed_at_its_verified_host_only()
    {
        var puncher = Create(isInitiator: true, local: PeerFirewallState.Consistent, remote: PeerFirewallState.Random);
        Assert.True(puncher.TryPunch(At(0)));
        var sent = Run(until: 60);
        Assert.Equal(1750, sent.Count);
        Assert.All(sent, p => Assert.True(p.To.HasSameAddress(s_verified) && p.To.Port >= 1000));
        Assert.True(sent.Select(p => p.To.Port).Distinct().Count() > 1600);
        Assert.Equal(1.020, sent[1023].Seconds, 3); // four at a time, 4 ms apart
        Assert.Equal(1.024 + 725 * 0.02, sent[^1].Seconds, 3);
    }

    [Fact]
    public void A_random_nat_of_our_own_probes_from_256_sockets_first_with_a_low_ttl_and_once_to_a_peer_that_lets_us_in()
    {
        var puncher = Create(isInitiator: true, local: PeerFirewallState.Random, remote: PeerFirewallState.Consistent);
        Assert.True(puncher.TryPunch(At(0)));
        var sent = Run(until: 60);
        Assert.Equal(256, sent.Select(p => p.Socket).Distinct().Count());
        Assert.All(sent, p => Assert.Equal(s_verified, p.To));
        Assert.Equal(255 + 1 + 1750, sent.Count);
        Assert.All(sent.Take(255), p => Assert.Equal(5, p.Ttl));
        Assert.Equal((0.0, 64), (sent[255].Seconds, sent[255].Ttl));
        Assert.All(sent.Skip(256).Take(256), p => Assert.Equal(5, p.Ttl));
        Assert.All(sent.Skip(256 + 256), p => Assert.Equal(64, p.Ttl));
        Assert.Empty(_sockets.OpenNow);
    }

    [Fact]
    public void A_probe_connects_the_initiator_once_and_keeps_only_the_socket_it_came_on()
    {
        var puncher = Create(isInitiator: true, local: PeerFirewallState.Random, remote: PeerFirewallState.Consistent);
        var connected = new List<DatagramSource>();
        puncher.Connected = (_, source) => connected.Add(source);
        puncher.TryPunch(At(0));
        Run(until: 1);
        var winner = new DatagramSource(s_verified, new SocketId(100));
        Assert.True(_machine.Receive(At(1), [0], winner));
        Assert.True(_machine.Receive(At(1), [0], winner));
        Assert.Equal(winner, Assert.Single(connected));
        Assert.Equal(100, Assert.Single(_sockets.OpenNow).Value);
        Assert.Empty(Run(until: 60));
    }

    [Fact]
    public void A_probe_on_a_socket_that_wrote_to_others_through_a_random_nat_counts_once_it_is_answered()
    {
        var puncher = Create(isInitiator: true, local: PeerFirewallState.Random, remote: PeerFirewallState.Consistent);
        var connected = new List<DatagramSource>();
        puncher.Connected = (_, source) => connected.Add(source);
        var from = new DatagramSource(s_verified, puncher.Socket);
        _machine.Receive(At(0), [0], from);
        Assert.Empty(connected);
        var answer = Assert.Single(Run(until: 0.5));
        Assert.Equal((from.From, from.Socket, 64), (answer.To, answer.Socket, (int)answer.Ttl));
        _machine.Receive(At(1), [0], new(s_unverified, puncher.Socket)); // somebody else
        Assert.Empty(connected);
        _machine.Receive(At(1), [0], from);
        Assert.Equal(from, Assert.Single(connected));
    }

    [Fact]
    public void The_other_side_answers_every_probe_from_the_socket_it_arrived_on()
    {
        var puncher = Create(isInitiator: false, local: PeerFirewallState.Consistent, remote: PeerFirewallState.Consistent);
        var from = new DatagramSource(new(0x05050505, 5555), puncher.Socket);
        _machine.Receive(At(0), [0], from);
        _machine.Receive(At(0), [0], from);
        var sent = Run(until: 0.5);
        Assert.Equal(2, sent.Count);
        Assert.All(sent, p => Assert.Equal((from.From, from.Socket), (p.To, p.Socket)));
        Assert.False(puncher.IsConnected);
    }

    [Fact]
    public void Reopening_takes_a_fresh_socket_and_closes_the_old_one()
    {
        var puncher = Create(isInitiator: true, local: PeerFirewallState.Unknown, remote: PeerFirewallState.Unknown);
        var first = puncher.Socket;
        Assert.True(puncher.TryReopen());
        Assert.NotEqual(first, puncher.Socket);
        Assert.Equal(puncher.Socket, Assert.Single(_sockets.OpenNow));
    }

    [Fact]
    public void A_datagram_that_is_no_probe_is_left_to_others()
    {
        Assert.False(_machine.Receive(At(0), [0, 0], new(s_verified, new SocketId(1))));
        Assert.True(_machine.Receive(At(0), [7], new(s_verified, new SocketId(999))));
    }

    private Puncher Create(bool isInitiator, PeerFirewallState local, PeerFirewallState remote)
    {
        var puncher = _machine.Create(isInitiator)!;
        if (local == PeerFirewallState.Unknown) return puncher;
        for (ushort i = 0; i < 4; i++)
            puncher.Nat.Add(new(0x07070707, local == PeerFirewallState.Random ? (ushort)(100 + i) : (ushort)100), new(0x09090909, (ushort)(i + 1)));
        puncher.UpdateRemote(new() { Firewall = remote, Addresses = [s_verified, s_unverified], IsPunching = true }, s_verified);
        return puncher;
    }

    private List<Sent> Run(double until)
    {
        var sent = new List<Sent>();
        var buffer = new byte[16];
        var now = At(0);
        while (true)
        {
            while (_machine.PollTransmit(now, buffer, out var transmit))
                sent.Add(new(now.Microseconds / 1e6, transmit.To, transmit.Socket, transmit.Ttl));
            if (_machine.NextTimeout is not { } due || due > At(until)) return sent;
            if (due > now) now = due;
            _machine.HandleTimeout(now);
        }
    }

    private static Timestamp At(double seconds) => new((long)(seconds * 1e6));

    private sealed record Sent(double Seconds, UdpEndPoint To, SocketId Socket, byte Ttl);
}
