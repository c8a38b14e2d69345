using PeopleSwarm.Dht.Connect;
using PeopleSwarm.Dht.Rpc;
using PeopleSwarm.Dht.TestKit;
using PeopleSwarm.Testing;

namespace PeopleSwarm.Dht.HolePunch;

/// <summary>Two real machines behind simulated NATs, with a small DHT of open nodes between them.</summary>
public class PunchNetworkTests
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(60);

    private static readonly Dictionary<string, NatOptions> s_nats = new()
    {
        ["cone"] = NatOptions.FullCone,
        ["address-restricted"] = NatOptions.AddressRestricted,
        ["port-restricted"] = NatOptions.PortRestricted,
        ["symmetric"] = NatOptions.Symmetric,
    };

    [Theory]
    [InlineData("cone", "cone")]
    [InlineData("cone", "address-restricted")]
    [InlineData("cone", "port-restricted")]
    [InlineData("cone", "symmetric")]
    [InlineData("address-restricted", "cone")]
    [InlineData("address-restricted", "address-restricted")]
    [InlineData("address-restricted", "port-restricted")]
    [InlineData("address-restricted", "symmetric")]
    [InlineData("port-restricted", "cone")]
    [InlineData("port-restricted", "address-restricted")]
    [InlineData("port-restricted", "port-restricted")]
    [InlineData("port-restricted", "symmetric")]
    [InlineData("symmetric", "cone")]
    [InlineData("symmetric", "address-restricted")]
    [InlineData("symmetric", "port-restricted")]
    public void Every_pair_of_NATs_but_two_symmetric_ones_is_punched(string client, string server)
    {
        var pair = new NatPair(seed: 1, s_nats[client], s_nats[server]);
        pair.Connect();
        Assert.Null(pair.Client.Outcome!.Value.Error);
        Assert.Equal(PeerPath.Punched, pair.Client.Outcome.Value.Link!.Path);
        pair.ExpectBothHeard();
        pair.ExpectOneSocketEach();
    }

    [Theory, InlineData(1), InlineData(2), InlineData(3), InlineData(4), InlineData(5)]
    public void Port_restricted_NATs_are_punched_within_a_second_of_looking(int seed)
    {
        var pair = new NatPair(seed, NatOptions.PortRestricted, NatOptions.PortRestricted);
        var started = pair.Network.Now;
        pair.Connect();
        Assert.Equal(PeerPath.Punched, pair.Client.Outcome!.Value.Link?.Path);
        Assert.True(pair.Network.Now - started < TimeSpan.FromSeconds(1), (pair.Network.Now - started).ToString());
    }

    [Theory, InlineData(1), InlineData(2), InlineData(3), InlineData(4), InlineData(5)]
    public void Punching_survives_the_loss_of_every_tenth_datagram(int seed)
    {
        var pair = new NatPair(seed, NatOptions.PortRestricted, NatOptions.PortRestricted);
        pair.Network.LossRate = 0.1;
        pair.Connect();
        Assert.Equal(PeerPath.Punched, pair.Client.Outcome!.Value.Link?.Path);
        pair.ExpectBothHeard();
    }

    [Theory, InlineData("port-restricted", "port-restricted"), InlineData("symmetric", "address-restricted"), InlineData("port-restricted", "symmetric")]
    public void A_path_that_both_sides_keep_is_taken_again_in_one_round_trip_without_punching(string client, string server)
    {
        var pair = new NatPair(seed: 1, s_nats[client], s_nats[server], isReusable: true);
        pair.Connect(isReusable: true);
        pair.ExpectBothHeard();
        var first = pair.End();
        pair.Network.RunFor(TimeSpan.FromSeconds(10));
        var started = pair.Network.Now;
        pair.Connect(isReusable: true);
        Assert.True(pair.Network.Now - started < TimeSpan.FromMilliseconds(150), $"{pair.Network.Now - started}");
        Assert.Equal((PeerPath.Punched, first), (pair.Client.Outcome!.Value.Link!.Path, pair.Client.Outcome.Value.Link.Stream.Remote));
        Assert.Equal(PeerPath.Punched, pair.Server.Accepted[^1].Path);
        pair.ExpectBothHeard(connections: 2);
        pair.ExpectOneSocketEach();

        pair.End();
        pair.ExpectNoSockets(TimeSpan.FromSeconds(25));
        pair.Connect(isReusable: true);
        Assert.NotEqual(first.Socket, pair.Client.Outcome!.Value.Link!.Stream.Remote.Socket);
    }

    [Theory, InlineData(true, false), InlineData(false, true)]
    public void A_path_that_one_side_does_not_keep_is_punched_anew(bool client, bool server)
    {
        var pair = new NatPair(seed: 1, NatOptions.PortRestricted, NatOptions.PortRestricted, server);
        pair.Connect(client);
        pair.ExpectBothHeard();
        var first = pair.End();
        pair.ExpectNoSockets(TimeSpan.FromSeconds(5));
        pair.Connect(client);
        Assert.NotEqual(first.Socket, pair.Client.Outcome!.Value.Link!.Stream.Remote.Socket);
    }

    [Theory, InlineData(false, true), InlineData(true, false)]
    public void Where_one_side_does_not_punch_there_is_no_path_and_that_side_opens_no_socket(bool client, bool server)
    {
        var pair = new NatPair(seed: 1, NatOptions.PortRestricted, NatOptions.PortRestricted, holepunch: server);
        pair.Connect(holepunch: client);
        Assert.NotNull(pair.Client.Outcome!.Value.Error);
        Assert.Equal(0, client ? pair.Server.Punching.Count : pair.Client.Punching.Count);
        if (!client) Assert.Equal((PeerConnectError.HolepunchAborted, "Hole punching is turned off."), (pair.Client.Outcome.Value.Error.Error, pair.Client.Outcome.Value.Error.Message));
        pair.ExpectNoSockets(TimeSpan.FromSeconds(30));
    }

    [Fact]
    public void A_kept_path_whose_NAT_has_forgotten_it_costs_half_a_second()
    {
        var pair = new NatPair(seed: 1, NatOptions.PortRestricted, NatOptions.PortRestricted, isReusable: true);
        pair.Connect(isReusable: true);
        pair.ExpectBothHeard();
        pair.End();
        pair.ServerNat.Restart();
        var started = pair.Network.Now;
        pair.Connect(isReusable: true);
        Assert.Equal(PeerPath.Punched, pair.Client.Outcome!.Value.Link?.Path);
        Assert.InRange(pair.Network.Now - started, TimeSpan.FromSeconds(0.5), TimeSpan.FromSeconds(5));
    }

    [Fact]
    public void Two_symmetric_NATs_are_told_so_and_nothing_is_left_open()
    {
        var pair = new NatPair(seed: 1, NatOptions.Symmetric, NatOptions.Symmetric);
        pair.Connect();
        Assert.Equal(PeerConnectError.HolepunchDoubleRandomizedNats, pair.Client.Outcome!.Value.Error!.Error);
        pair.Network.RunFor(TimeSpan.FromSeconds(30));
        Assert.Equal((0, 0), (pair.Client.Sockets.Count, pair.Server.Sockets.Count));
        Assert.Equal((0, 0), (pair.Client.Punching.Count, pair.Server.Punching.Count));
    }

    [Fact]
    public void A_server_that_is_cut_off_ends_the_connect_with_a_reason()
    {
        var pair = new NatPair(seed: 1, NatOptions.PortRestricted, NatOptions.PortRestricted);
        pair.Client.Connect(PeerKit.Key(2).PublicKey);
        pair.Network.RunFor(TimeSpan.FromMilliseconds(60));
        pair.Network.LossRate = 1;
        pair.Network.Expect(() => pair.Client.Outcome is not null, s_limit);
        Assert.NotNull(pair.Client.Outcome!.Value.Error);
        pair.Network.RunFor(TimeSpan.FromSeconds(60));
        Assert.Equal((0, 0), (pair.Client.Sockets.Count, pair.Server.Sockets.Count));
    }

    private sealed class NatPair
    {
        private readonly RpcNetwork _network;

        public NatPair(int seed, NatOptions client, NatOptions server, bool isReusable = false, bool holepunch = true)
        {
            _network = RpcNetwork.Grow(seed, 12);
            _ = _network.Nodes.Select((n, i) => new SimulatedPeer(_network, n, i)).ToArray();
            ServerNat = Network.AddNat("6.0.0.1", server);
            Server = SimulatedPeer.BehindNat(_network, ServerNat, "192.168.1.5", 50);
            Client = SimulatedPeer.BehindNat(_network, Network.AddNat("7.0.0.1", client), "192.168.1.6", 51);
            Server.Listen(PeerKit.Key(2), new() { ReusableSocket = isReusable, Holepunch = holepunch });
            Network.Expect(() => Server.IsAnnounced, s_limit);
        }

        public SimulatedNetwork Network => _network.Network;
        public SimulatedNat ServerNat { get; }
        public SimulatedPeer Client { get; }
        public SimulatedPeer Server { get; }

        public void Connect(bool isReusable = false, bool holepunch = true)
        {
            Client.Connect(PeerKit.Key(2).PublicKey, new() { ReusableSocket = isReusable, Holepunch = holepunch });
            Network.Expect(() => Client.Outcome is not null, s_limit);
        }

        /// <summary>Both sides close what they have; where the client's led.</summary>
        public DatagramSource End()
        {
            var stream = Client.Outcome!.Value.Link!.Stream;
            stream.Abort();
            foreach (var accepted in Server.Accepted) accepted.Stream.Abort();
            return stream.Remote;
        }

        public void ExpectBothHeard(int connections = 1) => Network.Expect(() => Server.Accepted.Count == connections
            && ((SimulatedStream)Server.Accepted[^1].Stream).IsHeard && ((SimulatedStream)Client.Outcome!.Value.Link!.Stream).IsHeard, s_limit);

        public void ExpectNoSockets(TimeSpan limit) => Network.Expect(() => (Client.Sockets.Count, Server.Sockets.Count) == (0, 0), limit);

        public void ExpectOneSocketEach()
        {
            Network.RunFor(TimeSpan.FromSeconds(1));
            Assert.Equal((1, 1), (Client.Sockets.Count, Server.Sockets.Count));
            Assert.Equal((0, 0), (Client.Punching.Count, Server.Punching.Count));
        }
    }
}
