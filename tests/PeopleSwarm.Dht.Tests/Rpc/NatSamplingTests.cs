using PeopleSwarm.Dht.Connect;
using PeopleSwarm.Dht.TestKit;
using PeopleSwarm.Testing;

namespace PeopleSwarm.Dht.Rpc;

/// <summary>What a node believes of its own address while its NAT changes under it.</summary>
public class NatSamplingTests
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(30);

    [Theory, InlineData(1), InlineData(2), InlineData(3)]
    public void A_NAT_that_gets_another_address_is_noticed_within_seconds_and_the_listener_found_there(int seed)
    {
        var (network, nat, server, peers) = Listen(seed);
        nat.MoveTo(UdpEndPoint.Parse("8.0.0.1:0"));
        network.Network.Expect(() => server.Node.Machine.Status.ObservedEndPoint?.HasSameAddress(nat.Address) == true, TimeSpan.FromSeconds(8));
        network.Network.RunFor(TimeSpan.FromSeconds(5));
        var client = peers[2];
        client.Connect(PeerKit.Key(2).PublicKey);
        network.Network.Expect(() => client.Outcome is not null, s_limit);
        Assert.Null(client.Outcome!.Value.Error);
    }

    [Theory, InlineData(1), InlineData(2), InlineData(3)]
    public void A_NAT_once_consistent_is_judged_again_when_it_gives_every_destination_another_port(int seed)
    {
        var (network, nat, server, peers) = Listen(seed);
        Assert.NotEqual(0, server.Node.Machine.Status.ObservedEndPoint!.Value.Port);
        nat.Options = NatOptions.Symmetric;
        nat.Restart();
        network.Network.Expect(() => server.Node.Machine.Status.ObservedEndPoint is { Port: 0 } seen && seen.HasSameAddress(nat.Address), TimeSpan.FromSeconds(40));
    }

    [Fact]
    public void Mappings_that_drift_without_end_or_time_out_soon_cost_a_bounded_number_of_requests_and_hide_nobody()
    {
        var (network, nat, server, peers) = Listen(seed: 4);
        nat.Options = NatOptions.PortRestricted with { Ports = NatPortAllocation.Random, DriftAfter = TimeSpan.FromSeconds(20), MappingTimeout = TimeSpan.FromSeconds(5) };
        long before = server.Node.Machine.Counters.Requests;
        network.Network.RunFor(TimeSpan.FromMinutes(10));
        Assert.InRange(server.Node.Machine.Counters.Requests - before, 600, 2400); // three relays every three seconds are 600
        int reached = 0;
        for (int i = 0; i < 5; i++)
        {
            var client = peers[2 + i];
            client.Connect(PeerKit.Key(2).PublicKey);
            network.Network.Expect(() => client.Outcome is not null, s_limit);
            if (client.Outcome!.Value.Link is not null) reached++;
            network.Network.RunFor(TimeSpan.FromSeconds(17));
        }
        Assert.InRange(reached, 4, 5); // one may fall into the seconds between a drift and the next announcement
    }

    [Fact]
    public void Two_networks_that_lie_change_nothing_and_neither_do_three_among_others_that_do_not()
    {
        var network = RpcNetwork.Grow(1, 8);
        var node = network.Nodes[3];
        network.Network.RunFor(TimeSpan.FromMinutes(1));
        var before = node.Machine.Status;
        Ask("7.0.0.1:1000", "7.0.0.2:1000", "7.0.0.3:1000", "7.0.1.1:1000", "7.0.1.2:1000");
        Assert.Equal(before, node.Machine.Status);
        node.Request(new(network.Nodes[1].Address, RpcCommands.Ping, IsInternal: true));
        Ask("7.0.2.1:1000", "7.0.3.1:1000");
        Assert.Equal(before, node.Machine.Status);
        Ask("7.0.4.1:1000"); // the third in a row, without a word against it
        Assert.NotEqual(before.ObservedEndPoint, node.Machine.Status.ObservedEndPoint);
        Assert.Null(node.Machine.PublicEndPoint);
        network.Network.RunFor(TimeSpan.FromMinutes(5)); // the honest have spoken meanwhile
        Assert.Equal(before, node.Machine.Status);

        void Ask(params string[] liars)
        {
            foreach (string address in liars)
            {
                var liar = new RawPeer(network.Network, address) { Answer = (request, _) => RawPeer.Response(UdpEndPoint.Parse("6.6.6.6:6"), RawPeer.TidOf(request)) };
                Assert.NotNull(node.Request(new(liar.Address, RpcCommands.Ping, IsInternal: true), TimeSpan.FromSeconds(1)).Response);
            }
        }
    }

    [Fact]
    public void Requests_of_a_hundred_networks_may_speak_of_our_address_again_once_the_first_of_them_are_old()
    {
        var identity = new LocalIdentity(new(new(0), 1, new(1)), new(new(new byte[32])), firewalled: true);
        var sampling = new NatSampling(identity, bootstrapNodes: 1);
        UdpEndPoint here = UdpEndPoint.Parse("6.6.6.6:6"), there = UdpEndPoint.Parse("7.7.7.7:7");
        for (uint i = 0; i < 100; i++) sampling.OnRequest(tick: 1, null, new(0x05000001 + (i << 8), 1000), here, isExternal: false);
        Assert.Equal(here, identity.Nat.Result);
        for (uint i = 100; i < 200; i++) sampling.OnRequest(tick: Ticks.OldNode, null, new(0x05000001 + (i << 8), 1000), there, isExternal: false);
        Assert.Equal(here, identity.Nat.Result); // sixty-four in half an hour, no more
        for (uint i = 200; i < 300; i++) sampling.OnRequest(tick: 1 + Ticks.OldNode, null, new(0x05000001 + (i << 8), 1000), there, isExternal: false);
        Assert.Equal(there, identity.Nat.Result);
    }

    private static (RpcNetwork Network, SimulatedNat Nat, SimulatedPeer Server, SimulatedPeer[] Peers) Listen(int seed)
    {
        var network = RpcNetwork.Grow(seed, 8);
        var peers = network.Nodes.Select((n, i) => new SimulatedPeer(network, n, i)).ToArray();
        var nat = network.Network.AddNat("6.0.0.1");
        var server = SimulatedPeer.BehindNat(network, nat, "192.168.1.5", 50);
        server.Listen(PeerKit.Key(2));
        network.Network.Expect(() => server.IsAnnounced, s_limit);
        network.Network.RunFor(s_limit);
        return (network, nat, server, peers);
    }
}
