using PeopleSwarm.Dht.Connect;
using PeopleSwarm.Dht.Messages;
using PeopleSwarm.Dht.TestKit;

namespace PeopleSwarm.Dht.HolePunch;

/// <summary>The dialling side of an attempt, round by round.</summary>
public class ClientPunchTests
{
    private static readonly KeyPair s_serverKey = PeerKit.Key(2), s_clientKey = PeerKit.Key(1);
    private static readonly UdpEndPoint s_self = PeerKit.At("6.0.0.1:100"), s_server = PeerKit.At("8.0.0.1:300"), s_announced = PeerKit.At("8.0.0.1:299");
    private static readonly UdpEndPoint s_ours = PeerKit.At("7.0.0.1:200"), s_theirs = PeerKit.At("7.0.0.2:200"), s_spare = PeerKit.At("7.0.0.3:200");
    private static readonly UdpEndPoint[] s_nodes = [.. Enumerable.Range(1, 4).Select(i => new UdpEndPoint(0x09000000u + (uint)i, (ushort)(400 + i)))];
    private static readonly NoisePayload s_natServer = new()
    {
        Udx = new(77), SecretStreamVersion = 1, Holepunch = new(5, [new(s_theirs, s_announced), new(s_spare, s_announced.WithPort(298))]),
    };

    private readonly PeerKit _kit = new(punches: true);
    private readonly TestServer _remote = new(s_serverKey);
    private readonly PunchSecrets _secrets;
    private readonly List<ConnectOutcome> _outcomes = [];
    private readonly Topic _token = new(Enumerable.Repeat((byte)9, 32).ToArray());

    public ClientPunchTests()
    {
        Engine.Nodes.AddRange(s_nodes);
        _kit.Dht.Connect(_kit.Now, s_clientKey, s_serverKey.PublicKey, new(), (_, outcome) => _outcomes.Add(outcome));
        var record = PeerRecordCodec.Encode(new(s_serverKey.PublicKey, []));
        foreach (var relay in (UdpEndPoint[])[s_ours, s_spare]) Engine.Query.Reply(_kit.Now, PeerKit.Response(relay, record));
        var handshake = Engine.OpenOf(PeerCommand.PeerHandshake).First();
        handshake.Answer(_kit.Now, _remote.Answer(handshake.Request, s_natServer, s_server), to: s_self);
        _secrets = _kit.Context.PunchSecretsOf(_remote.Keys!);
    }

    private FakeEngine Engine => _kit.Engine;

    private SocketId PunchSocket => Assert.Single(_kit.PunchSockets.OpenNow);

    private FakeCall Round => Assert.Single(Engine.OpenOf(PeerCommand.PeerHolepunch));

    private PeerConnectError Error => Assert.Single(_outcomes).Error!.Error;

    [Fact]
    public void F7_L1_the_first_round_leaves_beside_the_samples_through_the_same_socket()
    {
        var pings = Pings();
        Assert.Equal(s_nodes, pings.Select(p => p.Request.To));
        Assert.All(pings, p => Assert.Equal(PunchSocket, p.Request.Socket));
        Assert.Equal(PunchSocket, Round.Request.Socket);
        Assert.Equal((PeerFirewallState.Unknown, 0), (Read(Round).Firewall, Read(Round).Round));
        Assert.Equal(1, _kit.Punching.Count); // J2: whatever else answers
    }

    [Fact]
    public void A_dial_that_was_told_not_to_punch_ends_where_there_is_no_other_path()
    {
        PeerKit kit = new(punches: true);
        kit.Dht.Connect(kit.Now, s_clientKey, s_serverKey.PublicKey, new() { Holepunch = false }, (_, outcome) => _outcomes.Add(outcome));
        kit.Engine.Query.Reply(kit.Now, PeerKit.Response(s_ours, PeerRecordCodec.Encode(new(s_serverKey.PublicKey, []))));
        var handshake = Assert.Single(kit.Engine.OpenOf(PeerCommand.PeerHandshake));
        handshake.Answer(kit.Now, _remote.Answer(handshake.Request, s_natServer, s_server), to: s_self);
        Assert.Equal(PeerConnectError.HolepunchAborted, Error);
        Assert.Empty(kit.PunchSockets.OpenNow);
    }

    [Fact]
    public void J6_L3_the_hole_is_opened_to_where_the_relay_sees_the_server_now()
    {
        var opener = Assert.Single(_kit.TakeProbes());
        Assert.Equal((s_server, PunchSocket, 5), (opener.To, opener.Socket, (int)opener.Ttl));
        Assert.Equal(s_server, Read(Round).RemoteAddress);
    }

    [Fact]
    public void L14_probe_rounds_take_the_servers_relay_and_the_last_one_ours_which_proves_the_path()
    {
        Assert.Equal((s_theirs, s_announced), (Round.Request.To, PeerAddressOf(Round)));
        LearnNat();
        Answer(Round, Consistent());
        Assert.Equal((s_ours, s_server), (Round.Request.To, PeerAddressOf(Round)));
        var last = Read(Round);
        Assert.True(last is { IsPunching: true, Token: not null, Firewall: PeerFirewallState.Consistent, Round: 1 });
        Assert.Equal(_token, last.RemoteToken);
        Assert.Equal([s_self], last.Addresses!);
        _kit.TakeProbes();
        Answer(Round, Consistent() with { IsPunching = true, RemoteToken = last.Token });
        _kit.Advance(20);
        Assert.Equal(10, _kit.TakeProbes().Count(p => p.To == s_server)); // verified, so every second
    }

    [Fact]
    public void L5_an_answer_without_our_token_verifies_nobody()
    {
        LearnNat();
        Answer(Round, Consistent());
        _kit.TakeProbes();
        Answer(Round, Consistent() with { IsPunching = true });
        _kit.Advance(20);
        Assert.Equal(2, _kit.TakeProbes().Count(p => p.To == s_server));
    }

    [Fact]
    public void L2_a_probe_that_arrives_connects_and_ends_the_probing()
    {
        LearnNat();
        Answer(Round, Consistent());
        Answer(Round, Consistent() with { IsPunching = true });
        _kit.Advance(0.1);
        var from = new DatagramSource(s_server.WithPort(303), PunchSocket);
        _kit.Punching.Receive(_kit.Now, [0], from);
        _kit.Punching.Receive(_kit.Now, [0], from);
        var link = Assert.Single(_outcomes).Link!;
        Assert.Equal((PeerPath.Punched, from), (link.Path, ((FakeStream)link.Stream).Remote));
        _kit.TakeProbes();
        _kit.Advance(20);
        Assert.Empty(_kit.TakeProbes());
        Assert.Equal(from.Socket, PunchSocket); // open for the stream
    }

    [Fact]
    public void L11_a_peer_that_does_not_know_its_nat_is_given_a_second_and_one_more_round()
    {
        LearnNat();
        Answer(Round, new() { Token = _token });
        Assert.Empty(Engine.OpenOf(PeerCommand.PeerHolepunch));
        _kit.Advance(0.9);
        Assert.Empty(Engine.OpenOf(PeerCommand.PeerHolepunch));
        _kit.Advance(0.2);
        Assert.Equal((s_theirs, 1L), (Round.Request.To, Read(Round).Round));
        Answer(Round, new() { Token = _token });
        _kit.Advance(1.1);
        Assert.Equal(PeerConnectError.HolepunchProbeTimeout, Error);
        Assert.Equal(PeerErrorCode.Aborted, Read(Round).Error); // L7: the peer is told
        Assert.Empty(_kit.PunchSockets.OpenNow);
    }

    [Fact]
    public void L11_an_answer_without_a_token_is_asked_for_once_more()
    {
        LearnNat();
        Answer(Round, Consistent() with { Token = null });
        Assert.Equal((s_theirs, 1L), (Round.Request.To, Read(Round).Round));
        Answer(Round, Consistent() with { Token = null });
        Assert.True(Read(Round).IsPunching);
    }

    [Fact]
    public void L11_a_random_nat_of_ours_tries_three_fresh_sockets_and_then_gives_up_on_a_random_peer()
    {
        var used = new HashSet<SocketId>();
        Answer(Round, Consistent() with { Firewall = PeerFirewallState.Random, Addresses = [s_server.WithPort(0)] });
        while (Pings() is { Length: > 0 } pings)
        {
            used.Add(PunchSocket);
            ushort port = 1;
            foreach (var ping in pings) ping.Answer(_kit.Now, to: s_self.WithPort((ushort)(1000 * used.Count + port++)), socket: PunchSocket);
        }
        Assert.Equal(4, used.Count);
        Assert.Equal(PeerConnectError.HolepunchDoubleRandomizedNats, Error);
        Assert.Empty(_kit.PunchSockets.OpenNow);
    }

    [Fact]
    public void L10_while_another_punch_sprays_ours_does_not()
    {
        var other = _kit.Punching.Create(isInitiator: true)!;
        for (ushort i = 0; i < 4; i++) other.Nat.Add(s_self, s_nodes[i]);
        other.UpdateRemote(new() { Firewall = PeerFirewallState.Random, Addresses = [s_spare.WithPort(0)], IsPunching = true }, s_spare);
        Assert.True(other.TryPunch(_kit.Now));
        LearnNat();
        Answer(Round, Consistent() with { Firewall = PeerFirewallState.Random, Addresses = [s_server.WithPort(0)] });
        Assert.Equal(PeerConnectError.HolepunchBusy, Error);
    }

    [Fact]
    public void S13_a_silent_relay_is_followed_by_the_servers_next_one()
    {
        Round.TimeOut(_kit.Now);
        Assert.Equal((s_spare, s_announced.WithPort(298)), (Round.Request.To, PeerAddressOf(Round)));
        Round.TimeOut(_kit.Now);
        Assert.Equal(PeerConnectError.HolepunchAborted, Error);
    }

    [Theory]
    [InlineData((int)PeerErrorCode.Aborted, PeerConnectError.RemoteAborted), InlineData((int)PeerErrorCode.TryLater, PeerConnectError.HolepunchBusy)]
    public void L7_a_peer_that_gives_up_ends_the_attempt_at_once(int error, PeerConnectError expected)
    {
        Answer(Round, new() { Error = (PeerErrorCode)error });
        Assert.Equal(expected, Error);
        Assert.Empty(_kit.PunchSockets.OpenNow);
    }

    [Fact]
    public void L12_a_peer_that_meets_no_probe_ends_the_attempt_once()
    {
        LearnNat();
        Answer(Round, Consistent());
        Answer(Round, Consistent() with { IsPunching = true });
        _kit.Advance(11);
        Assert.Equal(PeerConnectError.HolepunchAborted, Error);
        _kit.Advance(60);
        Assert.Single(_outcomes);
        Assert.Equal((0, 0), (_kit.Punching.Count, _kit.PunchSockets.OpenNow.Count));
    }

    [Fact]
    public void A_server_that_does_not_punch_back_is_reported_as_such()
    {
        LearnNat();
        Answer(Round, Consistent());
        Answer(Round, Consistent());
        Assert.Equal(PeerConnectError.RemoteNotHolepunching, Error);
    }

    private HolepunchPayload Consistent() => new() { Firewall = PeerFirewallState.Consistent, Addresses = [s_server], Token = _token };

    private void LearnNat()
    {
        foreach (var ping in Pings()) ping.Answer(_kit.Now, to: s_self, socket: ping.Request.Socket);
    }

    private FakeCall[] Pings() => [.. Engine.OpenOf(PeerCommand.InternalPing, isInternal: true)];

    private void Answer(FakeCall call, HolepunchPayload payload) => call.Answer(_kit.Now,
        new PeerHolepunchMessage(RoutingMode.Reply, 5, _secrets.Seal(payload), s_server).Encode(), to: s_self, socket: call.Request.Socket);

    private HolepunchPayload Read(FakeCall call)
    {
        Assert.True(PeerHolepunchMessage.TryRead(call.Request.Value!.Value.Span, out var message));
        Assert.Equal((RoutingMode.FromClient, 5), (message.Mode, message.Id));
        Assert.True(_secrets.TryOpen(message.Payload, out var payload));
        return payload;
    }

    private static UdpEndPoint PeerAddressOf(FakeCall call)
    {
        Assert.True(PeerHolepunchMessage.TryRead(call.Request.Value!.Value.Span, out var message));
        return message.PeerAddress!.Value;
    }
}
