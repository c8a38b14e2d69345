using PeopleSwarm.Dht.Messages;
using PeopleSwarm.Dht.Rpc;
using PeopleSwarm.Dht.TestKit;

namespace PeopleSwarm.Dht.Connect;

public class ConnectMachineTests
{
    private static readonly KeyPair s_serverKey = PeerKit.Key(2), s_clientKey = PeerKit.Key(1);
    private static readonly UdpEndPoint s_serverAddress = PeerKit.At("8.0.0.1:300"), s_self = PeerKit.At("6.0.0.1:100");
    private static readonly UdpEndPoint[] s_relays = Enumerable.Range(1, 9).Select(i => new UdpEndPoint(0x07000000u + (uint)i, (ushort)(200 + i))).ToArray();
    private static readonly NoisePayload s_openServer = new() { Udx = new(77), SecretStreamVersion = 1, Firewall = PeerFirewallState.Open, Addresses4 = [s_serverAddress] };
    private static readonly NoisePayload s_natServer = new()
    {
        Udx = new(77), SecretStreamVersion = 1, Holepunch = new(0, [new(s_relays[0], s_serverAddress)]), Addresses4 = [PeerKit.At("192.168.1.5:9000")],
    };

    private readonly PeerKit _kit = new();
    private readonly TestServer _server = new(s_serverKey);
    private readonly List<ConnectOutcome> _outcomes = [];

    private FakeEngine Engine => _kit.Engine;

    private ConnectOutcome Outcome => Assert.Single(_outcomes);

    private FakeStream Stream => _kit.Streams.Single();

    [Fact]
    public void J1_every_attempt_carries_the_same_message()
    {
        Connect(new() { RelayAddresses = s_relays[..3] });
        Found(s_relays[3]);
        Found(s_relays[4]);
        Assert.Equal(5, Handshakes().Length);
        Assert.Single(Handshakes().Select(c => Convert.ToHexString(c.Request.Value!.Value.Span)).Distinct());
    }

    [Fact]
    public void J2_two_attempts_at_once_and_one_winner()
    {
        Connect();
        foreach (var relay in s_relays[..5]) Found(relay);
        Assert.Equal(s_relays[..2], Handshakes().Select(c => c.Request.To));
        Handshakes()[0].TimeOut(_kit.Now);
        Assert.Equal(s_relays[1..3], Handshakes().Select(c => c.Request.To));
        var open = Handshakes();
        Answer(open[0], s_openServer);
        Assert.True(open[1].IsCancelled);
        Assert.True(Engine.Query.IsCancelled);
        open[1].FinishCancel(_kit.Now);
        Engine.Query.Finish(_kit.Now);
        Found(s_relays[6]);
        Assert.Empty(Handshakes());
        Assert.NotNull(Outcome.Link);
    }

    [Fact]
    public void J3_handshakes_leave_while_the_look_up_runs_and_known_relays_race()
    {
        Connect(new() { RelayAddresses = s_relays[..5] });
        Assert.Equal(s_relays[..3], Handshakes().Select(c => c.Request.To));
        Assert.Equal(s_relays[..5], Engine.Query.Request.Nodes);
        Found(s_relays[1]); // already tried
        Found(s_relays[6]);
        Assert.Equal([s_relays[0], s_relays[1], s_relays[2], s_relays[6]], Handshakes().Select(c => c.Request.To));
        Answer(Handshakes()[3], s_openServer);
        Assert.NotNull(Outcome.Link);
    }

    [Fact]
    public void S11_dead_known_relays_do_not_delay_the_one_found()
    {
        Connect(new() { RelayAddresses = s_relays[..1] });
        Found(s_relays[5]);
        Answer(Handshakes().Single(c => c.Request.To == s_relays[5]), s_openServer);
        Assert.NotNull(Outcome.Link);
    }

    [Fact]
    public void J3_a_second_walk_without_seeds_follows_if_the_first_found_nothing()
    {
        Connect(new() { RelayAddresses = s_relays[..1] });
        Engine.Query.Finish(_kit.Now);
        Handshakes()[0].TimeOut(_kit.Now);
        Assert.Equal(2, Engine.Queries.Count);
        Assert.Null(Engine.Query.Request.Nodes);
        Engine.Query.Finish(_kit.Now);
        Assert.Equal(PeerConnectError.PeerNotFound, Outcome.Error!.Error);
    }

    [Fact]
    public void J4_the_client_says_open_only_if_it_is_proved()
    {
        Connect();
        Found(s_relays[0]);
        Answer(Handshakes()[0], s_openServer);
        Assert.Equal(PeerFirewallState.Unknown, _server.Client!.Firewall);
        Assert.Empty(_server.Client.Addresses4);

        var kit = new PeerKit { LocalAddresses = [PeerKit.At("192.168.1.2:9")] };
        kit.Engine.PublicEndPoint = PeerKit.At("4.4.4.4:9");
        kit.Dht.Connect(kit.Now, s_clientKey, s_serverKey.PublicKey, new(), (_, _) => { });
        kit.Engine.Query.Reply(kit.Now, FindReply(s_relays[0]));
        _server.Answer(kit.Engine.OpenOf(PeerCommand.PeerHandshake).Single().Request, s_openServer, s_serverAddress);
        Assert.Equal(PeerFirewallState.Open, _server.Client.Firewall);
        Assert.Equal([PeerKit.At("4.4.4.4:9"), PeerKit.At("192.168.1.2:9")], _server.Client.Addresses4);
        Assert.Equal(kit.Streams.Single().LocalId, _server.Client.Udx!.Id);
    }

    [Fact]
    public void J5_a_server_that_dials_before_its_answer_is_read_is_used_at_once()
    {
        Connect();
        Found(s_relays[0]);
        Assert.True(Stream.Hear(s_serverAddress, FakeEngine.Server));
        Assert.False(Stream.IsConnected);
        Answer(Handshakes()[0], s_natServer);
        Assert.Equal(new DatagramSource(s_serverAddress, FakeEngine.Server), Stream.Remote);
        Assert.Equal(77u, Stream.RemoteId);
        Assert.True(Outcome.Link!.IsHeard);
    }

    [Fact]
    public void A_direct_answer_is_dialled_at_the_node_asked_through_the_same_socket()
    {
        Connect(new() { RelayAddresses = [s_serverAddress] });
        Answer(Handshakes()[0], s_natServer, relayed: false);
        Assert.Equal(new DatagramSource(s_serverAddress, FakeEngine.Client), Stream.Remote);
        Assert.Equal(PeerPath.Direct, Outcome.Link!.Path);
        Assert.False(Stream.IsAborted);
    }

    [Theory]
    [InlineData("192.168.1.1:5,9.9.9.9:6", "9.9.9.9:6")]
    [InlineData("192.168.1.1:5,10.0.0.1:6", "8.0.0.1:300")]
    [InlineData("", "8.0.0.1:300")]
    [InlineData("9.9.9.9:0", "8.0.0.1:300")]
    public void J8_an_open_server_is_dialled_at_its_first_public_address_or_where_the_relay_sees_it(string listed, string dialled)
    {
        var addresses = listed.Split(',', StringSplitOptions.RemoveEmptyEntries).Select(PeerKit.At).ToArray();
        Connect();
        Found(s_relays[0]);
        Answer(Handshakes()[0], s_openServer with { Addresses4 = addresses });
        Assert.Equal(new DatagramSource(PeerKit.At(dialled), Engine.DefaultSocket), Stream.Remote);
    }

    [Fact]
    public void J8_a_server_without_punch_relays_is_dialled_where_the_relay_sees_it()
    {
        Connect();
        Found(s_relays[0]);
        Answer(Handshakes()[0], s_natServer with { Holepunch = new(0, []), Addresses4 = [] });
        Assert.Equal(s_serverAddress, Stream.Remote.From);
    }

    [Fact]
    public void J8_an_open_client_waits_ten_seconds_for_the_server_to_dial()
    {
        Engine.PublicEndPoint = PeerKit.At("4.4.4.4:9");
        Connect();
        Found(s_relays[0]);
        Answer(Handshakes()[0], s_natServer);
        _kit.Advance(9);
        Assert.Empty(_outcomes);
        Stream.Hear(s_serverAddress, FakeEngine.Server);
        Assert.NotNull(Outcome.Link);
    }

    [Fact]
    public void J8_an_open_client_gives_a_silent_server_up_after_ten_seconds()
    {
        Engine.PublicEndPoint = PeerKit.At("4.4.4.4:9");
        Connect();
        Found(s_relays[0]);
        Answer(Handshakes()[0], s_natServer);
        _kit.Advance(10.1);
        Assert.Equal(PeerConnectError.HolepunchAborted, Outcome.Error!.Error);
        Assert.True(Stream.IsAborted);
    }

    [Fact]
    public void J7_behind_one_public_address_the_best_local_one_is_asked_and_the_stream_runs_on_the_server_socket()
    {
        _kit.LocalAddresses = [PeerKit.At("192.168.1.77:1")];
        Connect();
        Found(s_relays[0]);
        var payload = s_natServer with { Addresses4 = [PeerKit.At("192.0.2.1:1"), PeerKit.At("10.0.0.5:9000"), PeerKit.At("192.168.1.5:9000")] };
        Answer(Handshakes()[0], payload, server: s_self.WithPort(999));
        var ping = Engine.OpenOf(PeerCommand.InternalPing, isInternal: true).Single();
        Assert.Equal(PeerKit.At("192.168.1.5:9000"), ping.Request.To);
        Assert.Null(ping.Request.Socket); // the default one
        ping.Answer(_kit.Now);
        Assert.Equal(new DatagramSource(PeerKit.At("192.168.1.5:9000"), FakeEngine.Server), Stream.Remote);
        Assert.Equal(PeerPath.Lan, Outcome.Link!.Path);
    }

    [Fact]
    public void J7_a_server_that_dials_wins_over_the_local_ping()
    {
        Connect();
        Found(s_relays[0]);
        Answer(Handshakes()[0], s_natServer, server: s_self.WithPort(999));
        var ping = Engine.OpenOf(PeerCommand.InternalPing, isInternal: true).Single();
        Stream.Hear(PeerKit.At("192.168.1.5:9000"), FakeEngine.Client);
        Assert.True(ping.IsCancelled);
        ping.FinishCancel(_kit.Now);
        Assert.Equal(PeerPath.Lan, Outcome.Link!.Path);
    }

    [Theory, InlineData(true), InlineData(false)]
    public void A_connect_that_only_punching_could_make_says_so(bool sameNat)
    {
        Connect(new() { LocalConnection = sameNat });
        Found(s_relays[0]);
        Answer(Handshakes()[0], s_natServer, server: sameNat ? s_self.WithPort(999) : s_serverAddress);
        if (sameNat) Engine.OpenOf(PeerCommand.InternalPing, isInternal: true).Single().TimeOut(_kit.Now);
        Assert.Equal(PeerConnectError.HolepunchAborted, Outcome.Error!.Error);
        Assert.Contains("hole punching", Outcome.Error.Message, StringComparison.OrdinalIgnoreCase);
        Assert.True(Stream.IsAborted);
    }

    [Fact]
    public void A_server_that_offers_neither_punching_nor_an_address_cannot_be_reached()
    {
        Connect();
        Found(s_relays[0]);
        Answer(Handshakes()[0], s_natServer with { Holepunch = null, Addresses4 = [s_serverAddress.WithPort(0)] }, server: PeerKit.At("240.0.0.1:300"));
        Assert.Equal(PeerConnectError.CannotHolepunch, Outcome.Error!.Error);
        Assert.True(Stream.IsAborted);
    }

    [Fact]
    public void S12_a_forged_answer_does_not_spoil_the_real_one()
    {
        Connect();
        Found(s_relays[0]);
        Found(s_relays[1]);
        var open = Handshakes();
        open[0].Answer(_kit.Now, new PeerHandshakeMessage(RoutingMode.Reply, new byte[90], s_serverAddress).Encode(), to: s_self);
        Assert.Empty(_outcomes);
        Answer(open[1], s_openServer);
        Assert.NotNull(Outcome.Link);
    }

    [Fact]
    public void Forged_answers_alone_end_with_handshake_invalid()
    {
        Connect();
        Found(s_relays[0]);
        Engine.Query.Finish(_kit.Now);
        Handshakes()[0].Answer(_kit.Now, new PeerHandshakeMessage(RoutingMode.Reply, new byte[90], s_serverAddress).Encode());
        Assert.Equal(PeerConnectError.HandshakeInvalid, Outcome.Error!.Error);
    }

    [Fact]
    public void H6_answers_of_another_source_mode_or_shape_are_refused()
    {
        Connect();
        foreach (var relay in s_relays[..4]) Found(relay);
        var good = _server.Answer(Handshakes()[0].Request, s_openServer, s_serverAddress);
        Assert.True(PeerHandshakeMessage.TryRead(good, out var message));
        Handshakes()[0].Answer(_kit.Now, good, from: s_relays[0].WithPort(9));
        Handshakes()[0].Answer(_kit.Now, new PeerHandshakeMessage(RoutingMode.FromServer, message.Noise, s_serverAddress).Encode());
        Handshakes()[0].Answer(_kit.Now, new PeerHandshakeMessage(RoutingMode.Reply, [], s_serverAddress).Encode());
        Assert.Empty(_outcomes);
        Handshakes()[0].Answer(_kit.Now, good, to: s_self);
        Assert.NotNull(Outcome.Link);
    }

    [Theory]
    [InlineData(2, 0, true, PeerConnectError.ServerIncompatible)]
    [InlineData(1, 1, true, PeerConnectError.ServerError)]
    [InlineData(1, 0, false, PeerConnectError.ServerError)]
    public void J9_an_authentic_refusal_is_final(int version, int error, bool withStream, PeerConnectError expected)
    {
        Connect();
        Found(s_relays[0]);
        Found(s_relays[1]);
        Answer(Handshakes()[0], new() { Version = version, Error = (PeerErrorCode)error, Udx = withStream ? new(1) : null });
        Assert.Equal(expected, Outcome.Error!.Error);
        Assert.Empty(Handshakes());
    }

    [Fact]
    public void J9_a_peer_nobody_knows_is_not_found()
    {
        Connect();
        Engine.Query.Reply(_kit.Now, PeerKit.Response(s_relays[0]));
        Engine.Query.Reply(_kit.Now, PeerKit.Response(s_relays[0], PeerRecordCodec.Encode(new(PeerKit.Key(9).PublicKey, []))));
        Engine.Query.Finish(_kit.Now);
        Assert.Equal(PeerConnectError.PeerNotFound, Outcome.Error!.Error);
        Assert.True(Stream.IsAborted);
    }

    [Fact]
    public void J9_a_known_peer_that_is_silent_fails_with_what_was_tried()
    {
        Connect();
        foreach (var relay in s_relays[..3]) Found(relay);
        Engine.Query.Finish(_kit.Now);
        while (Handshakes() is [var first, ..]) first.TimeOut(_kit.Now);
        Assert.Equal(PeerConnectError.PeerConnectionFailed, Outcome.Error!.Error);
        Assert.All(s_relays[..3], r => Assert.Contains(Outcome.Error.Attempts, a => a.Contains(r.ToString(), StringComparison.Ordinal)));
    }

    [Fact]
    public void Everything_ends_when_the_time_is_over()
    {
        Connect(new() { Timeout = TimeSpan.FromSeconds(5), RelayAddresses = s_relays[..2] });
        Found(s_relays[4]);
        _kit.Advance(5.1);
        Assert.Equal(PeerConnectError.TimedOut, Outcome.Error!.Error);
        Assert.All(Engine.Calls, c => Assert.True(c.IsCancelled));
        Assert.True(Engine.Query.IsCancelled);
        Assert.True(Stream.IsAborted);
        foreach (var call in Engine.Calls) call.FinishCancel(_kit.Now);
        Engine.Query.Finish(_kit.Now);
        Assert.Single(_outcomes);
        Assert.Equal(0, _kit.Dht.ConnectCount);
    }

    [Fact]
    public void The_next_time_who_answered_is_asked_alone_for_a_moment_and_then_everybody()
    {
        Connect();
        Found(s_relays[0]);
        Answer(Handshakes()[0], s_natServer with { Holepunch = null, RelayAddresses = s_relays[4..6] }); // in 10 ms
        _outcomes.Clear();
        Connect();
        Assert.Equal([s_relays[0]], Handshakes().Select(c => c.Request.To));
        Assert.Single(Engine.Queries);
        _kit.Advance(0.029);
        Assert.Single(Handshakes());
        _kit.Advance(0.002);
        Assert.Equal([s_relays[0], .. s_relays[4..6]], Handshakes().Select(c => c.Request.To));
        Assert.Equal(s_relays[4..6], Engine.Query.Request.Nodes);
        Answer(Handshakes()[0], s_openServer);
        Assert.NotNull(Outcome.Link);
    }

    [Fact]
    public void The_next_time_a_peer_that_strangers_reach_is_asked_itself()
    {
        Connect();
        Found(s_relays[0]);
        Answer(Handshakes()[0], s_openServer with { RelayAddresses = s_relays[4..6] });
        _outcomes.Clear();
        Connect();
        Assert.Equal([s_serverAddress], Handshakes().Select(c => c.Request.To));
        Answer(Handshakes()[0], s_openServer, relayed: false);
        Assert.Equal(new DatagramSource(s_serverAddress, FakeEngine.Client), _kit.Streams[^1].Remote);
        Assert.Single(Engine.Queries);
    }

    [Fact]
    public void Who_answered_the_last_time_and_knows_no_way_now_costs_no_time()
    {
        Connect();
        Found(s_relays[0]);
        Answer(Handshakes()[0], s_openServer with { RelayAddresses = s_relays[4..6] });
        Connect();
        Handshakes()[0].Answer(_kit.Now);
        Assert.Equal(s_relays[4..6], Handshakes().Select(c => c.Request.To));
        Assert.Equal(2, Engine.Queries.Count);
    }

    [Fact]
    public void Relays_of_an_earlier_run_are_tried_at_once()
    {
        _kit.Dht.RememberRelays(_kit.Now, new(s_serverKey.PublicKey, s_relays[4..6]));
        Connect();
        Assert.Equal(s_relays[4..6], Handshakes().Select(c => c.Request.To));
        Assert.Single(Engine.Queries);
    }

    [Fact]
    public void A_peer_announced_on_ourselves_is_dialled_through_where_it_announced_from()
    {
        _kit.Dht.Storage.Routes.Set(_kit.Now, PeerKit.Target(s_serverKey), s_serverAddress, []);
        Connect(new() { RelayAddresses = s_relays[..1] });
        Assert.Equal([s_serverAddress, s_relays[0]], Handshakes().Select(c => c.Request.To));
    }

    [Fact]
    public void C8_a_suspended_node_fails_at_once()
    {
        Connect();
        _kit.Dht.Suspend(_kit.Now, _ => { });
        Assert.Equal(PeerConnectError.Suspended, Outcome.Error!.Error);
        _outcomes.Clear();
        Connect();
        Assert.Equal(PeerConnectError.Suspended, Outcome.Error!.Error);
    }

    [Fact]
    public void A_node_that_goes_away_fails_its_connects()
    {
        Connect();
        _kit.Dht.Destroy(_kit.Now);
        Assert.Equal(PeerConnectError.NodeDestroyed, Outcome.Error!.Error);
    }

    [Fact]
    public void The_number_of_connects_is_bounded()
    {
        var kit = new PeerKit(options: new() { MaxConnects = 2 });
        for (int i = 0; i < 2; i++) kit.Dht.Connect(kit.Now, s_clientKey, s_serverKey.PublicKey, new(), (_, _) => { });
        var error = Assert.Throws<DhtException>(() => kit.Dht.Connect(kit.Now, s_clientKey, s_serverKey.PublicKey, new(), (_, _) => { }));
        Assert.Equal(DhtError.LimitReached, error.Error);
    }

    private void Connect(PeerConnectOptions? options = null) =>
        _kit.Dht.Connect(_kit.Now, s_clientKey, s_serverKey.PublicKey, options ?? new(), (_, outcome) => _outcomes.Add(outcome));

    private static RpcResponse FindReply(UdpEndPoint from) => PeerKit.Response(from, PeerRecordCodec.Encode(new(s_serverKey.PublicKey, [])));

    private void Found(UdpEndPoint relay) => Engine.Query.Reply(_kit.Now, FindReply(relay));

    private FakeCall[] Handshakes() => Engine.OpenOf(PeerCommand.PeerHandshake).ToArray();

    private void Answer(FakeCall call, NoisePayload payload, bool relayed = true, UdpEndPoint? server = null) =>
        call.Answer(_kit.Now, _server.Answer(call.Request, payload, relayed ? server ?? s_serverAddress : null), to: s_self);
}
