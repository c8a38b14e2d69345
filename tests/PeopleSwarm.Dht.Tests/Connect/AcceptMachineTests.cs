using PeopleSwarm.Dht.Messages;
using PeopleSwarm.Dht.TestKit;

namespace PeopleSwarm.Dht.Connect;

public class AcceptMachineTests
{
    private static readonly KeyPair s_serverKey = PeerKit.Key(2), s_clientKey = PeerKit.Key(1);
    private static readonly UdpEndPoint s_client = PeerKit.At("6.0.0.1:100"), s_relay = PeerKit.At("7.0.0.1:200"), s_other = PeerKit.At("7.0.0.2:200");
    private static readonly NodeId s_target = PeerKit.Target(s_serverKey);
    private readonly PeerKit _kit = new();
    private readonly List<PeerLink> _accepted = [];
    private readonly TestGate _gate = new();
    private PeerServer _server = null!;

    private FakeEngine Engine => _kit.Engine;

    [Fact]
    public void H8_the_same_message_through_several_relays_is_one_session_with_equal_answers()
    {
        Listen();
        var client = NewClient();
        Send(client, s_relay, RoutingMode.FromRelay, s_client, tid: 1);
        Send(client, s_relay, RoutingMode.FromRelay, s_client, tid: 1);
        Send(client, s_other, RoutingMode.FromRelay, s_client, tid: 2);
        Assert.Equal([s_relay, s_relay, s_other], Engine.Forwards.Select(f => f.To));
        var noises = Engine.Forwards.Select(f => Noise(f.Value)).Distinct();
        Assert.Single(noises);
        Assert.Single(_kit.Streams);
        Assert.Equal(1, _server.Acceptor.SessionCount);
    }

    [Fact]
    public void K2_a_hundred_copies_at_once_ask_the_gate_once_and_get_a_hundred_equal_answers()
    {
        Listen(gate: true);
        var client = NewClient();
        for (int i = 0; i < 100; i++) Send(client, s_relay, RoutingMode.FromRelay, s_client);
        Assert.Empty(Engine.Forwards);
        _kit.Advance(2);
        _gate.Asked.Single().Answer(_kit.Now, false);
        Assert.Equal(100, Engine.Forwards.Count);
        Assert.Single(Engine.Forwards.Select(f => Convert.ToHexString(f.Value)).Distinct());
        Send(client, s_relay, RoutingMode.FromRelay, s_client);
        Assert.Equal(101, Engine.Forwards.Count);
        Assert.Single(_gate.Asked);
    }

    [Fact]
    public void K1_refusal_is_silence_and_is_remembered()
    {
        Listen(gate: true);
        var client = NewClient();
        Send(client, s_relay, RoutingMode.FromRelay, s_client);
        var asked = _gate.Asked.Single();
        Assert.Equal((s_clientKey.PublicKey, s_client, false), (asked.Remote, asked.Payload.Observed, asked.Payload.IsOpen));
        asked.Answer(_kit.Now, true);
        Send(client, s_relay, RoutingMode.FromRelay, s_client);
        Send(client, s_client, RoutingMode.FromClient);
        Assert.Empty(Engine.Forwards);
        Assert.Empty(Engine.Replies);
        Assert.Empty(_kit.Streams);
        Assert.Single(_gate.Asked);
    }

    [Fact]
    public void K1_what_cannot_be_decrypted_meets_silence()
    {
        Listen();
        var stranger = new TestClient(s_clientKey, PeerKit.Key(9).PublicKey); // made for another server
        Send(stranger, s_client, RoutingMode.FromClient);
        Send(stranger, s_relay, RoutingMode.FromRelay, s_client);
        for (int length = 0; length < 200; length += 7)
            _kit.Handle(PeerKit.Incoming(s_client, PeerCommand.PeerHandshake, s_target, new PeerHandshakeMessage(RoutingMode.FromClient, new byte[length]).Encode()));
        Assert.Empty(Engine.Forwards);
        Assert.Empty(Engine.Replies);
    }

    [Fact]
    public void K1_a_wrong_version_and_a_missing_stream_are_answered_with_an_error()
    {
        Listen();
        var noStream = NewClient(new());
        Send(noStream, s_client, RoutingMode.FromClient);
        var answer = noStream.Read(Engine.Replies.Single().Reply.Value!.Value.Span);
        Assert.Equal((PeerErrorCode.Aborted, 0u), (answer.Error, answer.Udx!.Id));
        Assert.Empty(_kit.Streams);
        Assert.Empty(_accepted);
    }

    [Fact]
    public void A_closed_listener_is_silent()
    {
        Listen(gate: true);
        var client = NewClient();
        Send(client, s_relay, RoutingMode.FromRelay, s_client);
        _kit.Dht.Close(_kit.Now, _server, unannounce: false);
        _gate.Asked.Single().Answer(_kit.Now, false); // R6: late
        Assert.Empty(Engine.Forwards);
        Assert.Empty(_kit.Streams);
        Assert.Empty(_accepted);
    }

    [Fact]
    public void K4_the_answer_names_session_zero_and_the_relays_unless_we_are_open()
    {
        Listen();
        PeerKitAnnounce();
        var client = NewClient();
        Send(client, s_relay, RoutingMode.FromRelay, s_client);
        var answer = client.Read(Engine.Forwards.Single().Value);
        Assert.Equal((PeerFirewallState.Unknown, 0), (answer.Firewall, answer.Holepunch!.Id));
        Assert.Equal(_server.Announcer.Relays, answer.Holepunch.Relays);
        Assert.Equal(_server.Announcer.RelayAddresses, answer.RelayAddresses);
        Assert.Equal(_kit.Streams.Single().LocalId, answer.Udx!.Id);

        Engine.PublicEndPoint = PeerKit.At("4.4.4.4:44");
        var second = NewClient();
        Send(second, s_relay, RoutingMode.FromRelay, s_client);
        var open = second.Read(Engine.Forwards.Last().Value);
        Assert.Equal(PeerFirewallState.Open, open.Firewall); // J4
        Assert.Null(open.Holepunch);
        Assert.Equal(PeerKit.At("4.4.4.4:44"), open.Addresses4[0]);
    }

    [Fact]
    public void K4_the_second_session_has_the_second_number_and_a_free_one_is_used_again()
    {
        Listen();
        long[] ids = Enumerable.Range(0, 3).Select(_ => SessionId()).ToArray();
        Assert.Equal([0, 1, 2], ids);
        _kit.Advance(25);
        Assert.Equal(0, SessionId());

        long SessionId()
        {
            var client = NewClient();
            Send(client, s_relay, RoutingMode.FromRelay, s_client);
            return client.Read(Engine.Forwards.Last().Value).Holepunch!.Id;
        }
    }

    [Theory, InlineData(true), InlineData(false)]
    public void A_listener_punches_unless_it_was_told_not_to(bool punches)
    {
        var kit = new PeerKit(punches: true);
        kit.Dht.Listen(kit.Now, s_serverKey, new() { Holepunch = punches }, null, _accepted.Add);
        kit.Handle(PeerKit.Incoming(s_relay, PeerCommand.PeerHandshake, s_target, NewClient().Value(RoutingMode.FromRelay, s_client)));
        Assert.Single(kit.Engine.Forwards);
        Assert.Equal(punches ? 1 : 0, kit.PunchSockets.OpenNow.Count);
    }

    [Fact]
    public void K7_a_node_that_does_not_punch_says_how_it_could_be_and_answers_no_round()
    {
        Listen();
        var client = NewClient();
        Send(client, s_relay, RoutingMode.FromRelay, s_client);
        var answer = Engine.Forwards.Single().Value;
        Assert.NotNull(client.Read(answer).Holepunch);
        byte[] box = client.SecretsAfter(_kit.Context, answer).Seal(new());
        _kit.Handle(PeerKit.Incoming(s_relay, PeerCommand.PeerHolepunch, s_target, new PeerHolepunchMessage(RoutingMode.FromRelay, 0, box, s_client).Encode()));
        Assert.Single(Engine.Forwards);
    }

    [Fact]
    public void K9_local_addresses_follow_the_public_one_and_can_be_kept_back()
    {
        _kit.LocalAddresses = [PeerKit.At("192.168.1.5:9000")];
        Engine.PublicEndPoint = PeerKit.At("4.4.4.4:9000");
        Listen();
        var client = NewClient();
        Send(client, s_relay, RoutingMode.FromRelay, s_client);
        Assert.Equal([PeerKit.At("4.4.4.4:9000"), PeerKit.At("192.168.1.5:9000")], client.Read(Engine.Forwards.Last().Value).Addresses4);

        _kit.Dht.Close(_kit.Now, _server, unannounce: false);
        Listen(new() { ShareLocalAddress = false });
        client = NewClient();
        Send(client, s_relay, RoutingMode.FromRelay, s_client);
        Assert.Equal([PeerKit.At("4.4.4.4:9000")], client.Read(Engine.Forwards.Last().Value).Addresses4);
    }

    [Fact]
    public void K6_a_direct_client_is_dialled_at_once_through_the_socket_it_used()
    {
        Listen();
        var client = NewClient(new() { Udx = new(42), SecretStreamVersion = 1, Addresses4 = [PeerKit.At("1.1.1.1:1")] });
        Send(client, s_client, RoutingMode.FromClient, socket: FakeEngine.Server);
        var stream = _kit.Streams.Single();
        Assert.Equal((42u, new DatagramSource(s_client, FakeEngine.Server)), (stream.RemoteId, stream.Remote));
        Assert.Equal((s_clientKey.PublicKey, PeerPath.Direct), (_accepted.Single().RemotePublicKey, _accepted[0].Path));
    }

    [Fact]
    public void K6_an_open_client_is_dialled_where_the_relay_saw_it()
    {
        Listen();
        var client = NewClient(new() { Udx = new(42), SecretStreamVersion = 1, Firewall = PeerFirewallState.Open, Addresses4 = [PeerKit.At("1.1.1.1:1")] });
        Send(client, s_relay, RoutingMode.FromRelay, s_client, socket: FakeEngine.Server);
        Assert.Equal(new DatagramSource(s_client, Engine.DefaultSocket), _kit.Streams.Single().Remote);
        Assert.Single(_accepted);
    }

    [Fact]
    public void K3_the_stream_is_there_before_the_answer_leaves_and_the_first_packet_opens_it()
    {
        Listen();
        var client = NewClient(new() { Udx = new(42), SecretStreamVersion = 1, Addresses4 = [PeerKit.At("192.168.1.7:5")] });
        Send(client, s_relay, RoutingMode.FromRelay, s_client);
        var stream = _kit.Streams.Single();
        Assert.False(stream.Hear(PeerKit.At("6.0.0.1:0"), FakeEngine.Client));
        Assert.False(stream.IsConnected);
        Assert.True(stream.Hear(PeerKit.At("192.168.1.7:5"), FakeEngine.Server));
        Assert.Equal(new DatagramSource(PeerKit.At("192.168.1.7:5"), FakeEngine.Server), stream.Remote);
        Assert.Equal(PeerPath.Lan, _accepted.Single().Path);
        Assert.True(stream.Hear(s_client, FakeEngine.Client)); // later packets on other paths are the stream's affair
        Assert.Single(_accepted);
        Assert.Equal(new DatagramSource(PeerKit.At("192.168.1.7:5"), FakeEngine.Server), stream.Remote);
    }

    [Fact]
    public void K5_a_client_that_never_comes_is_given_up_after_ten_seconds_and_forgotten_after_ten_more()
    {
        Listen();
        var client = NewClient();
        Send(client, s_relay, RoutingMode.FromRelay, s_client);
        _kit.Advance(9.9);
        Assert.False(_kit.Streams[0].IsAborted);
        _kit.Advance(0.2);
        Assert.True(_kit.Streams[0].IsAborted);
        Assert.Equal(1, _server.Acceptor.SessionCount);
        _kit.Advance(10);
        Assert.Equal(0, _server.Acceptor.SessionCount);
    }

    [Fact]
    public void K5_a_finished_session_is_remembered_for_late_duplicates()
    {
        Listen(new() { HandshakeClearWait = TimeSpan.FromSeconds(20) });
        var client = NewClient();
        Send(client, s_client, RoutingMode.FromClient);
        _kit.Advance(19);
        Send(client, s_client, RoutingMode.FromClient);
        Assert.Equal(2, Engine.Replies.Count);
        Assert.Single(_accepted);
        _kit.Advance(2);
        Assert.Equal(0, _server.Acceptor.SessionCount);
    }

    [Fact]
    public void K5_three_hundred_failing_clients_leave_no_residue()
    {
        Listen();
        for (int i = 0; i < 300; i++) Send(NewClient(), s_relay, RoutingMode.FromRelay, s_client.WithPort((ushort)(i + 1)));
        _kit.Advance(21);
        Assert.Equal(0, _server.Acceptor.SessionCount);
        Assert.All(_kit.Streams, s => Assert.True(s.IsAborted));
    }

    [Fact]
    public void K8_abandoned_handshakes_make_room_for_new_ones_oldest_first()
    {
        Listen(new() { MaxHandshakes = 10 });
        for (int i = 0; i < 100; i++) Send(NewClient(), s_relay, RoutingMode.FromRelay, s_client.WithPort((ushort)(i + 1)));
        Assert.Equal(10, _server.Acceptor.SessionCount);
        Assert.Equal(90, _kit.Streams.Count(s => s.IsAborted));
        Assert.All(_kit.Streams[^10..], s => Assert.False(s.IsAborted));
        Send(NewClient(), s_client, RoutingMode.FromClient);
        Assert.Single(_accepted);
    }

    [Fact]
    public void K8_finished_sessions_go_before_waiting_ones()
    {
        Listen(new() { MaxHandshakes = 2 });
        Send(NewClient(), s_relay, RoutingMode.FromRelay, s_client); // waits
        Send(NewClient(), s_client, RoutingMode.FromClient); // done
        Send(NewClient(), s_relay, RoutingMode.FromRelay, s_client);
        Assert.False(_kit.Streams[0].IsAborted);
        Assert.True(_kit.Streams[0].Hear(s_client, FakeEngine.Client));
        Assert.Equal(2, _accepted.Count);
    }

    [Fact]
    public void H4_a_handshake_over_two_relays_is_answered_to_the_first()
    {
        Listen();
        var client = NewClient();
        _kit.Handle(PeerKit.Incoming(s_other, PeerCommand.PeerHandshake, s_target, client.Value(RoutingMode.FromSecondRelay, s_client, s_relay)));
        Assert.Equal(s_relay, Engine.Forwards.Single().To);
        _kit.Handle(PeerKit.Incoming(s_other, PeerCommand.PeerHandshake, s_target, NewClient().Value(RoutingMode.FromSecondRelay, s_client)));
        Assert.Single(Engine.Forwards);
        Assert.True(PeerHandshakeMessage.TryRead(Engine.Forwards[0].Value, out var answer));
        Assert.Equal((RoutingMode.FromServer, s_client), (answer.Mode, answer.PeerAddress));
    }

    [Fact]
    public void A_gate_that_never_answers_holds_a_session_for_ten_seconds()
    {
        Listen(gate: true);
        Send(NewClient(), s_relay, RoutingMode.FromRelay, s_client);
        _kit.Advance(21);
        Assert.Equal(0, _server.Acceptor.SessionCount);
        _gate.Asked.Single().Answer(_kit.Now, false);
        Assert.Empty(Engine.Forwards);
    }

    [Fact]
    public void The_same_key_is_listened_on_once()
    {
        Listen();
        Assert.Null(_kit.Dht.Listen(_kit.Now, s_serverKey, new(), null, _ => { }));
        _kit.Dht.Close(_kit.Now, _server, unannounce: false);
        Assert.NotNull(_kit.Dht.Listen(_kit.Now, s_serverKey, new(), null, _ => { }));
    }

    private void Listen(PeerListenOptions? options = null, bool gate = false) =>
        _server = _kit.Dht.Listen(_kit.Now, s_serverKey, options ?? new(), gate ? _gate : null, _accepted.Add)!;

    private void PeerKitAnnounce()
    {
        Engine.Query.Finish(_kit.Now, PeerKit.Response(s_relay), PeerKit.Response(s_other));
        foreach (var call in Engine.OpenOf(PeerCommand.Announce)) call.Answer(_kit.Now);
    }

    private static TestClient NewClient(NoisePayload? payload = null) => new(s_clientKey, s_serverKey.PublicKey, payload);

    private void Send(TestClient client, UdpEndPoint from, RoutingMode mode, UdpEndPoint? peer = null, ushort tid = 7, SocketId? socket = null)
    {
        _kit.Handle(PeerKit.Incoming(from, PeerCommand.PeerHandshake, s_target, client.Value(mode, peer), tid: tid, socket: socket));
        _kit.Advance(TimeSpan.Zero); // turns of a loop at rest
    }

    private static string Noise(byte[] value) => PeerHandshakeMessage.TryRead(value, out var message) ? Convert.ToHexString(message.Noise) : "";

    private sealed class TestGate : IPeerGate
    {
        public List<(PublicKey Remote, PeerHandshakePayload Payload, Action<Timestamp, bool> Answer)> Asked { get; } = [];

        public void Ask(PublicKey remote, PeerHandshakePayload payload, Action<Timestamp, bool> answer) => Asked.Add((remote, payload, answer));
    }
}
