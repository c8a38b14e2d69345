using PeopleSwarm.Dht.Connect;
using PeopleSwarm.Dht.HolePunch;
using PeopleSwarm.Dht.Messages;
using PeopleSwarm.Dht.TestKit;
using PeopleSwarm.Testing;

namespace PeopleSwarm.Dht.Node;

/// <summary>Each bound of <see cref="PeerDhtOptions"/> that no other test sets: it holds at the value given, not only at its default.</summary>
public class PeerDhtBoundsTests
{
    private static readonly NodeId s_id = PeerKit.IdOf(PeerKit.At("5.0.0.1:1")), s_topic = new(Enumerable.Repeat((byte)0xaa, 32).ToArray());
    private static readonly KeyPair s_serverKey = PeerKit.Key(2), s_clientKey = PeerKit.Key(1);
    private static readonly UdpEndPoint s_server = PeerKit.At("8.0.0.1:300"), s_self = PeerKit.At("6.0.0.1:100");
    private static readonly AnnounceSigner s_signer = new(PeerKit.Crypto, PeerKit.Namespaces);

    [Fact]
    public void Records_and_routes_are_at_most_two_generations()
    {
        var kit = Storing(new() { MaxRecords = 16, VerificationsPerSecond = 10_000, VerificationsPerSourcePerSecond = 10_000 });
        for (byte i = 1; i <= 100; i++)
        {
            Announce(kit, PeerKit.Key(i), s_topic, From(i));
            Announce(kit, PeerKit.Key(i), PeerKit.Target(PeerKit.Key(i)), From(i));
        }
        Assert.Equal(200, kit.Engine.Replies.Count);
        Assert.InRange(kit.Dht.Storage.RecordCount, 16, 32);
        Assert.InRange(kit.Dht.Storage.Routes.Count, 16, 32);
    }

    [Theory, InlineData(false), InlineData(true)]
    public void A_node_that_defers_sprays_only_when_the_pause_has_passed_since_it_began_or_went_on(bool defers)
    {
        var kit = new PeerKit(options: new() { DeferRandomPunch = defers }, punches: true);
        kit.Dht.Start(kit.Now);
        Assert.Equal(!defers, kit.Punching.MaySpray(kit.Now));
        kit.Advance(kit.Options.RandomPunchInterval);
        Assert.True(kit.Punching.MaySpray(kit.Now));
        kit.Dht.Suspend(kit.Now, _ => { });
        kit.Dht.Resume(kit.Now);
        Assert.Equal(!defers, kit.Punching.MaySpray(kit.Now));
    }

    [Fact]
    public void A_source_makes_room_for_its_own_records_alone()
    {
        var kit = Storing(new() { MaxRecordsPerSource = 3 });
        Announce(kit, PeerKit.Key(100), s_topic, From(2));
        for (byte i = 1; i <= 20; i++) Announce(kit, PeerKit.Key(i), s_topic, From(1));
        Assert.Equal((21, 4), (kit.Engine.Replies.Count, kit.Dht.Storage.RecordCount));
    }

    [Theory, InlineData(79, 1), InlineData(81, 0)]
    public void Records_go_at_four_thirds_of_their_age(int seconds, int left)
    {
        var kit = Storing(new() { RecordAge = TimeSpan.FromMinutes(1) });
        Announce(kit, PeerKit.Key(1), s_topic, From(1));
        kit.Advance(seconds);
        Assert.Equal(left, kit.Dht.Storage.RecordCount);
    }

    [Fact]
    public void Signatures_are_checked_at_a_bounded_rate_whoever_sends_them()
    {
        var kit = Storing(new() { VerificationsPerSecond = 5 });
        for (byte i = 1; i <= 50; i++) Announce(kit, PeerKit.Key(1), s_topic, From(i));
        Assert.Equal((10, 40), (kit.Engine.Replies.Count, kit.Dht.Storage.OverLimit));
        kit.Advance(1);
        for (byte i = 51; i <= 100; i++) Announce(kit, PeerKit.Key(1), s_topic, From(i));
        Assert.Equal(15, kit.Engine.Replies.Count);
    }

    [Fact]
    public void The_rates_of_so_many_sources_are_remembered_and_no_more()
    {
        var kit = new PeerKit(options: new() { ForwardsPerSourcePerSecond = 1, MaxTrackedSources = 16 });
        for (int i = 0; i < 5; i++) Forward(kit, From(1));
        Assert.Equal(2, kit.Engine.Forwards.Count);
        for (byte i = 2; i <= 10; i++) Forward(kit, From(i));
        int before = kit.Engine.Forwards.Count;
        Forward(kit, From(1)); // still known
        Assert.Equal(before, kit.Engine.Forwards.Count);
        for (byte i = 11; i <= 80; i++) Forward(kit, From(i));
        before = kit.Engine.Forwards.Count;
        Forward(kit, From(1)); // its turn to be forgotten came
        Assert.Equal(before + 1, kit.Engine.Forwards.Count);
    }

    [Fact]
    public void Answers_to_so_many_forwarded_messages_are_waited_for_and_no_more()
    {
        var kit = new PeerKit(options: new() { MaxForwardsInFlight = 16 });
        kit.Dht.Storage.Routes.Set(kit.Now, s_topic, s_server, []);
        for (byte i = 1; i <= 80; i++) Handshake(kit, From(i), RoutingMode.FromClient);
        Handshake(kit, s_server, RoutingMode.FromServer, From(1));
        Assert.Empty(kit.Engine.Replies);
        Handshake(kit, s_server, RoutingMode.FromServer, From(80));
        Assert.Single(kit.Engine.Replies);
    }

    [Theory, InlineData(3, 1), InlineData(7, 0)]
    public void An_answer_to_a_forwarded_message_is_let_through_for_a_while(int seconds, int answers)
    {
        var kit = new PeerKit(options: new() { ForwardLifetime = TimeSpan.FromSeconds(5) });
        kit.Dht.Storage.Routes.Set(kit.Now, s_topic, s_server, []);
        Handshake(kit, From(1), RoutingMode.FromClient);
        kit.Advance(seconds);
        Handshake(kit, s_server, RoutingMode.FromServer, From(1));
        Assert.Equal(answers, kit.Engine.Replies.Count);
    }

    [Theory, InlineData(0, 0), InlineData(1, 0), InlineData(8, 1)]
    public void The_relays_of_so_many_peers_are_remembered(int maxPeers, int known)
    {
        var kit = new PeerKit(options: new() { MaxCachedPeers = maxPeers });
        for (byte i = 2; i <= 5; i++) Connect(kit, PeerKit.Key(i));
        kit.Dht.Connect(kit.Now, s_clientKey, PeerKit.Key(2).PublicKey, new(), (_, _) => { });
        Assert.Equal(known, kit.Engine.OpenOf(PeerCommand.PeerHandshake).Count());
    }

    [Theory, InlineData(1.9, false), InlineData(2.1, true)]
    public void A_listener_waits_so_long_for_the_first_packet(double seconds, bool isOver)
    {
        var kit = new PeerKit(options: new() { PassiveWait = TimeSpan.FromSeconds(2) });
        kit.Dht.Listen(kit.Now, s_serverKey, new(), null, _ => { });
        var client = new TestClient(s_clientKey, s_serverKey.PublicKey);
        kit.Handle(PeerKit.Incoming(s_server, PeerCommand.PeerHandshake, PeerKit.Target(s_serverKey), client.Value(RoutingMode.FromRelay, s_self)));
        kit.Advance(seconds);
        Assert.Equal(isOver, kit.Streams.Single().IsAborted);
    }

    [Fact]
    public void A_listener_keeps_so_many_relays_pings_them_so_often_and_announces_itself_after_so_many_rounds()
    {
        var kit = new PeerKit(options: new() { Relays = 2, RelayPingInterval = TimeSpan.FromSeconds(10), RelayPingRounds = 3 });
        kit.Dht.Listen(kit.Now, s_serverKey, new(), null, _ => { });
        kit.Engine.Query.Finish(kit.Now, [.. Enumerable.Range(1, 6).Select(i => PeerKit.Response(From((byte)i)))]);
        var announces = kit.Engine.OpenOf(PeerCommand.Announce).ToArray();
        Assert.Equal(2, announces.Length);
        foreach (var call in announces) call.Answer(kit.Now);
        List<int> pinged = [];
        for (int second = 1; kit.Engine.Queries.Count == 1; second++)
        {
            var pings = kit.Engine.OpenOf(PeerCommand.InternalPing, isInternal: true).ToArray();
            if (pings.Length > 0) pinged.Add(second);
            foreach (var ping in pings) ping.Answer(kit.Now);
            kit.Advance(1);
        }
        Assert.Equal(3, pinged.Count);
        Assert.All(pinged.Zip(pinged.Skip(1)), p => Assert.InRange(p.Second - p.First, 10, 11));
    }

    [Fact]
    public void Punching_takes_so_many_sockets_and_gets_back_those_it_closes()
    {
        var net = new SimulatedNetwork(1);
        var loop = net.AddHost("5.0.0.1").AddLoop();
        var sockets = new PunchSockets(loop, UdpEndPoint.AnyIPv4, net.TimeProvider, maxSockets: 2);
        SocketId? first = sockets.Open(), second = sockets.Open();
        Assert.NotNull(second);
        Assert.Null(sockets.Open());
        sockets.Close(first!.Value);
        Assert.NotNull(sockets.Open());
        Assert.Equal(2, sockets.Count);
    }

    [Fact]
    public void One_punch_at_a_time_sprays_and_the_next_after_a_pause()
    {
        var now = new Timestamp(1_000_000);
        var machine = new PunchMachine(new FakePunchSockets(), new SeededRandom(1), TimeSpan.FromSeconds(30));
        var first = Sprayer();
        Assert.True(first.TryPunch(now));
        Assert.False(Sprayer().TryPunch(now));
        now += TimeSpan.FromSeconds(5);
        first.Stop(now, keep: null);
        Assert.False(Sprayer().TryPunch(now + TimeSpan.FromSeconds(29)));
        Assert.True(Sprayer().TryPunch(now + TimeSpan.FromSeconds(30)));

        Puncher Sprayer()
        {
            var puncher = machine.Create(isInitiator: true)!;
            for (byte i = 1; i <= 4; i++) puncher.Nat.Add(s_self, From(i));
            puncher.UpdateRemote(new() { Firewall = PeerFirewallState.Random, Addresses = [s_server.WithPort(0)], IsPunching = true }, s_server);
            return puncher;
        }
    }

    [Fact]
    public void G12_keys_are_compared_by_their_bytes()
    {
        var kit = Storing(new());
        Announce(kit, PeerKit.Key(1), new(Enumerable.Repeat((byte)3, 32).ToArray()), From(1));
        kit.Engine.Replies.Clear();
        kit.Handle(PeerKit.Incoming(From(2), PeerCommand.Lookup, new NodeId(Enumerable.Repeat((byte)3, 32).ToArray())));
        Assert.NotNull(Assert.Single(kit.Engine.Replies).Reply.Value);
    }

    private static PeerKit Storing(PeerDhtOptions options)
    {
        var kit = new PeerKit(options: options);
        kit.Engine.Id = s_id;
        return kit;
    }

    private static UdpEndPoint From(byte host) => new(0x09000000u + ((uint)host << 8) + 1, 4000);

    private static void Announce(PeerKit kit, KeyPair key, NodeId target, UdpEndPoint from) => kit.Handle(PeerKit.Incoming(from, PeerCommand.Announce, target,
        s_signer.SignAnnounce(key, target, s_id, PeerKit.Token, new(key.PublicKey, [])), token: true));

    private static void Forward(PeerKit kit, UdpEndPoint from) => kit.Handle(PeerKit.Incoming(from, PeerCommand.PeerHolepunch, s_topic,
        new PeerHolepunchMessage(RoutingMode.FromClient, 0, [1], s_server).Encode()));

    private static void Handshake(PeerKit kit, UdpEndPoint from, RoutingMode mode, UdpEndPoint? peer = null) =>
        kit.Handle(PeerKit.Incoming(from, PeerCommand.PeerHandshake, s_topic, new PeerHandshakeMessage(mode, [1, 2, 3], peer).Encode()));

    private static void Connect(PeerKit kit, KeyPair server)
    {
        ConnectOutcome? outcome = null;
        kit.Dht.Connect(kit.Now, s_clientKey, server.PublicKey, new(), (_, o) => outcome = o);
        kit.Engine.Query.Reply(kit.Now, PeerKit.Response(From(9), PeerRecordCodec.Encode(new(server.PublicKey, []))));
        var call = kit.Engine.OpenOf(PeerCommand.PeerHandshake).Single();
        NoisePayload payload = new() { Udx = new(77), SecretStreamVersion = 1, Firewall = PeerFirewallState.Open, Addresses4 = [s_server] };
        call.Answer(kit.Now, new TestServer(server).Answer(call.Request, payload, s_server), to: s_self);
        Assert.NotNull(outcome!.Value.Link);
    }
}
