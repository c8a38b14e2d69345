using PeopleSwarm.Dht.Connect;
using PeopleSwarm.Dht.Messages;
using PeopleSwarm.Dht.TestKit;

namespace PeopleSwarm.Dht.HolePunch;

/// <summary>The listening side of an attempt, round by round.</summary>
public class ServerPunchTests
{
    private static readonly KeyPair s_serverKey = PeerKit.Key(2), s_clientKey = PeerKit.Key(1);
    private static readonly NodeId s_target = PeerKit.Target(s_serverKey);
    private static readonly UdpEndPoint s_client = PeerKit.At("6.0.0.1:100"), s_foreign = PeerKit.At("8.0.0.1:300"), s_self = PeerKit.At("5.9.9.9:1000");
    private static readonly UdpEndPoint[] s_relays = [PeerKit.At("7.0.0.1:200"), PeerKit.At("7.0.0.2:200"), PeerKit.At("7.0.0.3:200")];
    private static readonly UdpEndPoint[] s_nodes = [.. Enumerable.Range(1, 12).Select(i => new UdpEndPoint(0x09000000u + (uint)i, (ushort)(400 + i)))];

    private readonly PeerKit _kit = new(punches: true);
    private readonly List<PeerLink> _accepted = [];
    private readonly PeerServer _server;
    private PunchSecrets _secrets = null!;

    public ServerPunchTests()
    {
        _server = _kit.Dht.Listen(_kit.Now, s_serverKey, new(), null, _accepted.Add)!;
        Engine.Query.Finish(_kit.Now, [.. s_relays.Select(r => PeerKit.Response(r))]);
        foreach (var call in Engine.OpenOf(PeerCommand.Announce)) call.Answer(_kit.Now);
        Assert.Equal(s_relays, _server.Announcer.Relays.Select(r => r.RelayAddress));
    }

    private FakeEngine Engine => _kit.Engine;

    private SocketId PunchSocket => Engine.Forwards[0].Socket!.Value; // of the handshake's answer

    [Fact]
    public void F6_four_of_the_newest_nodes_are_asked_once_through_the_punch_socket_and_never_the_client()
    {
        Engine.Nodes.AddRange(s_nodes);
        ShakeHands();
        var pings = Pings();
        Assert.Equal(s_nodes[5..9], pings.Select(p => p.Request.To)); // the five newest are asked by everything else
        Assert.All(pings, p => Assert.Equal((0, PunchSocket), (p.Request.Retries, p.Request.Socket)));

        foreach (var ping in pings) ping.TimeOut(_kit.Now);
        Assert.Equal(s_nodes[9..], Pings().Select(p => p.Request.To)); // one second round, of others
        foreach (var ping in Pings()) ping.TimeOut(_kit.Now);
        Assert.Empty(Pings());
    }

    [Fact]
    public void H5_L1_the_answer_and_every_round_leave_through_the_punch_socket()
    {
        LearnNat();
        Assert.Equal(Assert.Single(_kit.PunchSockets.OpenNow), PunchSocket);
        Round(s_relays[0], new() { Round = 0 });
        Assert.Equal((s_relays[0], PunchSocket), (Engine.Forwards[^1].To, Engine.Forwards[^1].Socket!.Value));
    }

    [Fact]
    public void K7_a_client_behind_the_same_address_gets_its_answer_from_the_normal_socket()
    {
        _kit.LocalAddresses = [PeerKit.At("192.168.1.5:9000")];
        var client = new TestClient(s_clientKey, s_serverKey.PublicKey, new() { Udx = new(1), SecretStreamVersion = 1, Addresses4 = [PeerKit.At("192.168.1.6:9000")] });
        _kit.Handle(PeerKit.Incoming(s_relays[0], PeerCommand.PeerHandshake, s_target, client.Value(RoutingMode.FromRelay, s_self.WithPort(77)), to: s_self));
        Assert.Null(Engine.Forwards.Single().Socket);
        Assert.Single(_kit.PunchSockets.OpenNow); // and it may be punched all the same
    }

    [Fact]
    public void F4_F5_each_relay_shows_our_own_address_once_and_only_on_the_punch_socket()
    {
        Engine.Nodes.Add(s_nodes[0]); // its answer is still awaited
        ShakeHands();
        foreach (var relay in s_relays) Round(relay, new(), socket: FakeEngine.Client);
        for (int i = 0; i < 3; i++) Round(s_relays[0], new());
        Round(s_relays[1], new());
        Assert.Empty(Answers());
        Round(s_relays[2], new());
        var answers = Answers();
        Assert.Equal(8, answers.Count);
        Assert.All(answers, a => Assert.Equal(PeerFirewallState.Consistent, a.Firewall));
        Assert.All(answers, a => Assert.Equal([s_self], a.Addresses!));
    }

    [Fact]
    public void L2_a_probe_is_echoed_from_the_handshake_on()
    {
        LearnNat();
        _kit.Punching.Receive(_kit.Now, [0], new(s_client.WithPort(101), PunchSocket));
        var echo = Assert.Single(_kit.TakeProbes());
        Assert.Equal((s_client.WithPort(101), PunchSocket, 64), (echo.To, echo.Socket, (int)echo.Ttl));
        Assert.Empty(_accepted);
    }

    [Fact]
    public void L5_a_token_is_given_through_our_own_relays_alone()
    {
        LearnNat();
        Round(s_foreign, new() { Round = 0 });
        Round(s_relays[1], new() { Round = 1 });
        Assert.Null(Answers()[0].Token);
        Assert.NotNull(Answers()[1].Token);
    }

    [Theory, InlineData(true, 10), InlineData(false, 2)]
    public void L5_a_token_that_comes_back_through_our_own_relay_verifies_the_client(bool throughOwnRelay, int probes)
    {
        LearnNat();
        Round(s_relays[0], new() { Round = 0 });
        _kit.TakeProbes();
        Round(throughOwnRelay ? s_relays[0] : s_foreign, Punching(1, Answers()[^1].Token));
        Assert.True(Answers()[^1].IsPunching);
        _kit.Advance(60);
        Assert.Equal(probes, _kit.TakeProbes().Count(p => p.To == s_client));
    }

    [Fact]
    public void L6_every_round_that_knows_our_address_gets_a_probe_to_the_client_as_the_relay_sees_it()
    {
        LearnNat();
        _kit.TakeProbes();
        for (int i = 0; i < 3; i++) Round(s_relays[i], new() { Round = i, RemoteAddress = s_self, Addresses = [PeerKit.At("1.1.1.1:1")] });
        Assert.Equal([s_client, s_client, s_client], _kit.TakeProbes().Where(p => p.Socket == PunchSocket && p.Ttl == 64).Select(p => p.To));
        Round(s_relays[0], new() { Round = 3, RemoteAddress = s_self.WithPort(7) });
        Round(s_relays[0], new() { Round = 4 });
        Assert.Empty(_kit.TakeProbes());
    }

    [Fact]
    public void L7_a_round_that_comes_late_changes_nothing()
    {
        LearnNat();
        Round(s_relays[0], new() { Round = 5, Firewall = PeerFirewallState.Consistent, Addresses = [s_client] });
        Round(s_relays[1], new() { Round = 4, Firewall = PeerFirewallState.Random, Addresses = [s_client.WithPort(0)] });
        Assert.Equal([5, 5], Answers().Select(a => a.Round));
        Round(s_relays[0], Punching(6, Answers()[0].Token));
        Assert.True(Answers()[^1].IsPunching);
        _kit.Advance(60);
        Assert.Equal(10, _kit.TakeProbes().Count(p => p.To == s_client));
    }

    [Fact]
    public void L7_two_random_nats_are_refused_in_the_round_that_shows_it()
    {
        LearnNat(isRandom: true);
        Round(s_relays[0], Punching(0, null) with { Firewall = PeerFirewallState.Random, Addresses = [s_client.WithPort(0)] });
        Assert.Equal(PeerErrorCode.Aborted, Assert.Single(Answers()).Error);
        Assert.True(_kit.Streams.Single().IsAborted);
        Assert.Empty(_kit.PunchSockets.OpenNow);
        Round(s_relays[0], new() { Round = 1 });
        Assert.Single(Answers()); // it is over
    }

    [Fact]
    public void L10_while_another_punch_sprays_the_client_is_told_to_try_later()
    {
        var other = _kit.Punching.Create(isInitiator: true)!;
        for (ushort i = 0; i < 4; i++) other.Nat.Add(s_self, s_nodes[i]);
        other.UpdateRemote(new() { Firewall = PeerFirewallState.Random, Addresses = [s_foreign.WithPort(0)], IsPunching = true }, s_foreign);
        Assert.True(other.TryPunch(_kit.Now));
        LearnNat();
        Round(s_relays[0], new() { Round = 0 });
        Round(s_relays[0], Punching(1, Answers()[0].Token) with { Firewall = PeerFirewallState.Random, Addresses = [s_client.WithPort(0)] });
        Assert.Equal(PeerErrorCode.TryLater, Answers()[^1].Error);
    }

    [Fact]
    public void L13_a_round_with_a_bit_flipped_meets_silence()
    {
        LearnNat();
        byte[] box = _secrets.Seal(new() { Round = 9 });
        for (int i = 0; i < box.Length; i++)
        {
            byte[] bent = [.. box];
            bent[i] ^= 1;
            RoundOf(s_relays[0], bent, PunchSocket);
        }
        RoundOf(s_relays[0], [], PunchSocket);
        Assert.Empty(Answers());
        Round(s_relays[0], new() { Round = 1 });
        Assert.Equal(1, Assert.Single(Answers()).Round);
    }

    [Fact]
    public void K5_a_punch_that_begins_at_the_last_moment_is_given_its_ten_probes()
    {
        LearnNat();
        _kit.Advance(8);
        Round(s_relays[0], new() { Round = 0 });
        _kit.TakeProbes();
        _kit.Advance(1.5);
        Round(s_relays[0], Punching(1, Answers()[^1].Token));
        _kit.Advance(9);
        Assert.False(_kit.Streams.Single().IsAborted);
        _kit.Advance(3);
        Assert.Equal(10, _kit.TakeProbes().Count(p => p.To == s_client));
        Assert.True(_kit.Streams.Single().IsAborted); // L12: the schedule ends it
        Assert.Empty(_kit.PunchSockets.OpenNow);
    }

    [Fact]
    public void R1_the_clients_first_packet_counts_on_the_punch_socket_and_keeps_it_open()
    {
        LearnNat();
        var socket = PunchSocket;
        Assert.True(_kit.Streams.Single().Hear(s_client, socket));
        Assert.Equal(PeerPath.Punched, Assert.Single(_accepted).Path);
        Assert.Equal(new DatagramSource(s_client, socket), _kit.Streams[0].Remote);
        _kit.Advance(60);
        Assert.Equal(socket, Assert.Single(_kit.PunchSockets.OpenNow));
        Assert.Empty(_kit.TakeProbes());
    }

    private static HolepunchPayload Punching(long round, Topic? remoteToken) => new()
    {
        Round = round, IsPunching = true, Firewall = PeerFirewallState.Consistent, Addresses = [s_client], RemoteToken = remoteToken,
    };

    private void ShakeHands()
    {
        var client = new TestClient(s_clientKey, s_serverKey.PublicKey);
        _kit.Handle(PeerKit.Incoming(s_relays[0], PeerCommand.PeerHandshake, s_target, client.Value(RoutingMode.FromRelay, s_client)));
        _secrets = client.SecretsAfter(_kit.Context, Engine.Forwards.Single().Value);
    }

    private void LearnNat(bool isRandom = false)
    {
        Engine.Nodes.AddRange(s_nodes);
        ShakeHands();
        ushort port = s_self.Port;
        foreach (var ping in Pings()) ping.Answer(_kit.Now, to: s_self.WithPort(isRandom ? port++ : port));
    }

    private FakeCall[] Pings() => [.. Engine.OpenOf(PeerCommand.InternalPing, isInternal: true).Where(c => c.Request.Socket is not null)];

    private void Round(UdpEndPoint relay, HolepunchPayload payload, SocketId? socket = null) => RoundOf(relay, _secrets.Seal(payload), socket ?? PunchSocket);

    private void RoundOf(UdpEndPoint relay, byte[] box, SocketId socket) => _kit.Handle(PeerKit.Incoming(relay, PeerCommand.PeerHolepunch, s_target,
        new PeerHolepunchMessage(RoutingMode.FromRelay, 0, box, s_client).Encode(), to: s_self, socket: socket));

    private List<HolepunchPayload> Answers()
    {
        List<HolepunchPayload> answers = [];
        foreach (var (_, _, value, _) in Engine.Forwards.Skip(1)) // the first is the handshake's
        {
            Assert.True(PeerHolepunchMessage.TryRead(value, out var message));
            Assert.Equal((RoutingMode.FromServer, s_client), (message.Mode, message.PeerAddress!.Value));
            Assert.True(_secrets.TryOpen(message.Payload, out var payload));
            answers.Add(payload);
        }
        return answers;
    }
}
