using PeopleSwarm.Dht.HolePunch;
using PeopleSwarm.Dht.Messages;
using PeopleSwarm.Dht.TestKit;

namespace PeopleSwarm.Dht.Connect;

/// <summary>A listener's relayed connections after punching failed: the client may come back, nobody else.</summary>
public class RelayedSessionTests
{
    private static readonly KeyPair s_serverKey = PeerKit.Key(2);
    private static readonly NodeId s_target = PeerKit.Target(s_serverKey);
    private static readonly UdpEndPoint s_client = PeerKit.At("6.0.0.1:100"), s_node = PeerKit.At("7.0.0.1:200"), s_relay = PeerKit.At("5.1.1.1:500"), s_self = PeerKit.At("5.9.9.9:1000");

    private readonly FakeRelays _relays = new();
    private readonly PeerKit _kit;
    private readonly List<PeerLink> _accepted = [];
    private readonly PunchSecrets _secrets;

    public RelayedSessionTests()
    {
        _kit = new(options: new() { UpgradeTries = 2 }, punches: true, relays: _relays);
        _kit.Engine.Nodes.AddRange(Enumerable.Range(1, 12).Select(i => new UdpEndPoint(0x09000000u + (uint)i, 400))); // asked for our NAT; they do not answer
        _kit.Dht.Listen(_kit.Now, s_serverKey, new(), null, _accepted.Add);
        _kit.Engine.Query.Finish(_kit.Now, PeerKit.Response(s_node));
        foreach (var call in _kit.Engine.OpenOf(PeerCommand.Announce)) call.Answer(_kit.Now);
        var client = new TestClient(PeerKit.Key(1), s_serverKey.PublicKey,
            new() { Udx = new(4711), SecretStreamVersion = 1, RelayThrough = new(PeerKit.Key(9).PublicKey, new([.. Enumerable.Repeat((byte)5, 32)])) });
        _kit.Handle(PeerKit.Incoming(s_node, PeerCommand.PeerHandshake, s_target, client.Value(RoutingMode.FromRelay, s_client)));
        _secrets = client.SecretsAfter(_kit.Context, _kit.Engine.Forwards.Single().Value);
        _relays.Pairings.Single().Events.Paired(_kit.Now, new RelayLeg(new(s_relay, FakeEngine.Client), 77), "");
        Assert.Equal(PeerPath.Relayed, _accepted.Single().Path);
    }

    private FakeStream Stream => _kit.Streams[0];

    private int OpenSockets => _kit.PunchSockets.OpenNow.Count;

    [Fact]
    public void A_client_that_fell_silent_may_come_back_as_often_as_allowed()
    {
        _kit.Advance(11);
        Assert.Equal(0, OpenSockets);
        for (int i = 0; i < 2; i++)
        {
            Round(_secrets.Seal(new()));
            Assert.Equal(1, OpenSockets);
            _kit.Advance(11);
            Assert.Equal(0, OpenSockets);
        }
        Round(_secrets.Seal(new()));
        Assert.Equal(0, OpenSockets);
        Assert.False(Stream.IsAborted);
    }

    [Fact]
    public void What_a_stranger_sends_opens_no_socket()
    {
        _kit.Advance(11);
        for (int i = 0; i < 100; i++) Round(new byte[60 + i]);
        Assert.Equal(0, OpenSockets);
        Round(_secrets.Seal(new()));
        Assert.Equal(1, OpenSockets);
    }

    [Fact]
    public void A_client_that_said_it_gives_up_is_not_waited_for()
    {
        Round(_secrets.Seal(new() { Error = PeerErrorCode.Aborted }));
        Round(_secrets.Seal(new()));
        Assert.Equal(0, OpenSockets);
        _relays.Pairings[0].Events.Lost(_kit.Now, "gone");
        Assert.True(Stream.IsAborted); // nothing is left to wait for
    }

    [Fact]
    public async Task A_relay_that_is_lost_ends_the_stream_once_the_client_had_time_to_punch()
    {
        _kit.Advance(11);
        _relays.Pairings[0].Events.Lost(_kit.Now, "gone");
        Assert.False(Stream.IsAborted);
        _kit.Advance(11);
        Assert.True(Stream.IsAborted);
        Assert.Contains("gone", (await Stream.Closed).Error!.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void M3_the_relay_is_let_go_when_the_peer_has_left_it_and_not_when_we_have()
    {
        var socket = _kit.PunchSockets.OpenNow.Single();
        Assert.True(Stream.Hear(s_client, socket));
        Assert.Equal((new DatagramSource(s_client, socket), PeerPath.Punched), (Stream.Remote, _accepted[0].Paths!.Current));
        Assert.False(_relays.Pairings[0].IsEnded);
        Stream.Prove(s_client, socket);
        Assert.True(_relays.Pairings[0].IsEnded);
        _relays.Pairings[0].Events.Lost(_kit.Now, "gone"); // it was on its way
        Assert.False(Stream.IsAborted);
    }

    [Fact]
    public void A_client_that_waits_too_long_is_forgotten()
    {
        _kit.Advance(11 + UpgradeSchedule.Patience.TotalSeconds + 11);
        Round(_secrets.Seal(new()));
        Assert.Equal(0, OpenSockets);
    }

    private void Round(byte[] box) => _kit.Handle(PeerKit.Incoming(s_node, PeerCommand.PeerHolepunch, s_target,
        new PeerHolepunchMessage(RoutingMode.FromRelay, 0, box, s_client).Encode(), to: s_self));
}
