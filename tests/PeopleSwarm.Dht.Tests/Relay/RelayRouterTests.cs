using PeopleSwarm.Dht.Messages;
using PeopleSwarm.Dht.Rpc;
using PeopleSwarm.Dht.TestKit;

namespace PeopleSwarm.Dht.Relay;

public class RelayRouterTests
{
    private static readonly NodeId s_target = new(Enumerable.Repeat((byte)0xbb, 32).ToArray());
    private static readonly UdpEndPoint s_client = PeerKit.At("6.0.0.1:100"), s_relay = PeerKit.At("7.0.0.1:200"),
        s_server = PeerKit.At("8.0.0.1:300"), s_other = PeerKit.At("9.0.0.1:400");
    private readonly PeerKit _kit = new();

    [Fact]
    public void Captured_handshakes_are_forwarded_byte_for_byte()
    {
        // In a capture each node that received a request and then sent one of the same transaction forwarded it.
        int forwarded = 0;
        foreach (string name in (string[])["connect_lan", "connect_open_server", "handshake_second_relay", "connect_holepunch"])
        {
            var capture = PeerVectors.Captured(name);
            var relays = capture.GetProperty("nodes").EnumerateObject().Where(n => n.Name is "A" or "P0" or "P1" or "P2")
                .Select(n => UdpEndPoint.Loopback((ushort)n.Value.Int("server_port"))).ToHashSet();
            var requests = capture.GetProperty("datagrams").EnumerateArray()
                .Where(d => d.GetProperty("decoded").TryGetProperty("command_name", out var c) && c.GetString() is "PEER_HANDSHAKE" or "PEER_HOLEPUNCH").ToArray();
            var responses = capture.GetProperty("datagrams").EnumerateArray()
                .Where(d => d.GetProperty("decoded").Text("kind") == "response" && d.GetProperty("decoded").TryGetProperty("value_decoded", out var v) && v.TryGetProperty("mode", out _)).ToArray();
            var kits = new Dictionary<UdpEndPoint, PeerKit>();
            foreach (var request in requests)
            {
                var (from, to, decoded) = (UdpEndPoint.Parse(request.Text("from")), UdpEndPoint.Parse(request.Text("to")), request.GetProperty("decoded"));
                if (!relays.Contains(to)) continue;
                if (!kits.TryGetValue(to, out var kit)) kits[to] = kit = new();
                ushort tid = (ushort)decoded.Int("tid");
                var target = new NodeId(decoded.Bytes("target"));
                var nextRequest = requests.Where(r => UdpEndPoint.Parse(r.Text("from")) == to && r.GetProperty("decoded").Int("tid") == tid
                    && r.GetProperty("t_ms").GetDouble() >= request.GetProperty("t_ms").GetDouble() && r.GetProperty("decoded").Text("value") != decoded.Text("value")
                    && r.GetProperty("decoded").GetProperty("value_decoded").Int("mode") > decoded.GetProperty("value_decoded").Int("mode")).ToArray();
                var nextResponse = responses.Where(r => UdpEndPoint.Parse(r.Text("from")) == to && r.GetProperty("decoded").Int("tid") == tid).ToArray();
                int mode = decoded.GetProperty("value_decoded").Int("mode");
                if (mode == (int)RoutingMode.FromServer ? nextResponse.Length == 0 : nextRequest.Length == 0) continue;
                kit.Engine.Forwards.Clear();
                kit.Engine.Replies.Clear();
                if (mode != (int)RoutingMode.FromServer)
                    kit.Dht.Storage.Routes.Set(kit.Now, target, UdpEndPoint.Parse(nextRequest[0].Text("to")), []);
                kit.Handle(PeerKit.Incoming(from, decoded.Int("command"), target, decoded.Bytes("value"), tid: tid));
                if (mode == (int)RoutingMode.FromServer)
                {
                    var (_, reply) = Assert.Single(kit.Engine.Replies);
                    Assert.Equal(UdpEndPoint.Parse(nextResponse[0].Text("to")), reply.To);
                    Assert.Equal(nextResponse[0].GetProperty("decoded").Text("value"), Convert.ToHexStringLower(reply.Value!.Value.Span));
                }
                else
                {
                    var (_, next, value, _) = Assert.Single(kit.Engine.Forwards);
                    Assert.Equal(UdpEndPoint.Parse(nextRequest[0].Text("to")), next);
                    Assert.Equal(nextRequest[0].GetProperty("decoded").Text("value"), PeerVectors.Hex(value));
                }
                forwarded++;
            }
        }
        Assert.True(forwarded >= 12, $"only {forwarded}");
    }

    [Fact]
    public void H1_every_leg_is_forwarded_by_an_ephemeral_node_too()
    {
        _kit.Engine.Id = null;
        _kit.Dht.Storage.Routes.Set(_kit.Now, s_target, s_server, []);
        Handshake(s_client, RoutingMode.FromClient);
        Handshake(s_other, RoutingMode.FromRelay, peer: s_client);
        Handshake(s_server, RoutingMode.FromServer, peer: s_client);
        Assert.Equal([s_server, s_server], _kit.Engine.Forwards.Select(f => f.To));
        Assert.Equal(s_client, Assert.Single(_kit.Engine.Replies).Reply.To);
    }

    [Fact]
    public void H2_the_first_relay_names_the_client_and_the_second_the_first()
    {
        _kit.Dht.Storage.Routes.Set(_kit.Now, s_target, s_server, []);
        Handshake(s_client, RoutingMode.FromClient, relay: s_relay);
        Assert.True(PeerHandshakeMessage.TryRead(_kit.Engine.Forwards[0].Value, out var first));
        Assert.Equal((RoutingMode.FromRelay, s_client, null), (first.Mode, first.PeerAddress, first.RelayAddress));
        Assert.Equal(s_relay, _kit.Engine.Forwards[0].To);

        Handshake(s_other, RoutingMode.FromRelay, peer: s_client);
        Assert.True(PeerHandshakeMessage.TryRead(_kit.Engine.Forwards[1].Value, out var second));
        Assert.Equal((RoutingMode.FromSecondRelay, s_client, s_other), (second.Mode, second.PeerAddress, second.RelayAddress));

        Handshake(s_server, RoutingMode.FromServer, peer: s_client);
        var (_, reply) = Assert.Single(_kit.Engine.Replies);
        Assert.True(PeerHandshakeMessage.TryRead(reply.Value!.Value.Span, out var last));
        Assert.Equal((RoutingMode.Reply, s_server), (last.Mode, last.PeerAddress));
        Assert.True(reply is { WithToken: false, WithCloserNodes: false });
    }

    [Fact]
    public void H2_without_a_route_the_client_gets_closer_nodes_and_no_token()
    {
        Handshake(s_client, RoutingMode.FromClient);
        Assert.Equal(new RpcReply(WithToken: false), Assert.Single(_kit.Engine.Replies).Reply);
    }

    [Fact]
    public void H3_a_punch_round_from_a_client_is_passed_on_even_by_the_server_itself()
    {
        var key = PeerKit.Key(2);
        _kit.Dht.Listen(_kit.Now, key, new(), null, _ => { });
        _kit.Handle(PeerKit.Incoming(s_client, PeerCommand.PeerHolepunch, PeerKit.Target(key), new PeerHolepunchMessage(RoutingMode.FromClient, 0, [1], s_server).Encode()));
        var (_, to, value, _) = Assert.Single(_kit.Engine.Forwards);
        Assert.Equal(s_server, to);
        Assert.True(PeerHolepunchMessage.TryRead(value, out var message));
        Assert.Equal((RoutingMode.FromRelay, s_client), (message.Mode, message.PeerAddress));
    }

    [Fact]
    public void A_punch_round_finds_the_announced_server_and_its_answer_the_client()
    {
        _kit.Dht.Storage.Routes.Set(_kit.Now, s_target, s_server, []);
        Holepunch(s_client, RoutingMode.FromClient, peer: null);
        Holepunch(s_server, RoutingMode.FromServer, peer: s_client);
        Assert.Equal(s_server, Assert.Single(_kit.Engine.Forwards).To);
        var (_, reply) = Assert.Single(_kit.Engine.Replies);
        Assert.True(PeerHolepunchMessage.TryRead(reply.Value!.Value.Span, out var message));
        Assert.Equal((s_client, RoutingMode.Reply, s_server), (reply.To!.Value, message.Mode, message.PeerAddress!.Value));
    }

    [Fact]
    public void S9_an_answer_goes_only_to_a_client_that_asked_lately()
    {
        _kit.Dht.Storage.Routes.Set(_kit.Now, s_target, s_server, []);
        Handshake(s_server, RoutingMode.FromServer, peer: s_other); // nobody asked
        Handshake(s_client, RoutingMode.FromClient, tid: 1);
        Handshake(s_server, RoutingMode.FromServer, peer: s_client, tid: 2); // another transaction
        Handshake(s_server, RoutingMode.FromServer, peer: s_client.WithPort(101), tid: 1); // another port
        Assert.Empty(_kit.Engine.Replies);
        Handshake(s_server, RoutingMode.FromServer, peer: s_client, tid: 1);
        Assert.Single(_kit.Engine.Replies);
        _kit.Advance(21);
        Handshake(s_server, RoutingMode.FromServer, peer: s_client, tid: 1);
        Assert.Single(_kit.Engine.Replies);
        Assert.Equal(4, _kit.Dht.Router.Refused);
    }

    [Theory]
    [InlineData("8.0.0.1:0", false)]
    [InlineData("224.0.0.1:5", false)]
    [InlineData("255.255.255.255:5", false)]
    [InlineData("0.0.0.0:5", false)]
    [InlineData("192.0.2.1:5", false)]
    [InlineData("10.0.0.1:5", false)]
    [InlineData("127.0.0.1:5", false)]
    [InlineData("8.0.0.1:5", true)]
    public void S9_only_possible_addresses_are_forwarded_to(string named, bool allowed)
    {
        Handshake(s_client, RoutingMode.FromClient, relay: PeerKit.At(named));
        Holepunch(s_client, RoutingMode.FromClient, peer: PeerKit.At(named));
        Assert.Equal(allowed ? 2 : 0, _kit.Engine.Forwards.Count);
    }

    [Theory]
    [InlineData("127.0.0.1:5", "127.0.0.1:6")]
    [InlineData("192.168.1.2:5", "10.0.0.3:6")]
    public void S9_private_senders_reach_private_addresses(string from, string named)
    {
        Handshake(PeerKit.At(from), RoutingMode.FromClient, relay: PeerKit.At(named));
        Assert.Single(_kit.Engine.Forwards);
    }

    [Fact]
    public void S9_a_named_destination_has_a_rate_and_an_announced_one_has_none()
    {
        var kit = new PeerKit(options: new() { ForwardsPerDestinationPerSecond = 5 });
        kit.Dht.Storage.Routes.Set(kit.Now, s_target, s_server, []);
        for (uint i = 0; i < 50; i++)
        {
            var from = new UdpEndPoint(0x06000000 + i, 100);
            kit.Handle(PeerKit.Incoming(from, PeerCommand.PeerHolepunch, s_target, new PeerHolepunchMessage(RoutingMode.FromClient, 0, [1], s_other).Encode()));
            kit.Handle(PeerKit.Incoming(from, PeerCommand.PeerHolepunch, s_target, new PeerHolepunchMessage(RoutingMode.FromClient, 0, [1]).Encode()));
        }
        Assert.Equal((10, 50), (kit.Engine.Forwards.Count(f => f.To == s_other), kit.Engine.Forwards.Count(f => f.To == s_server)));
    }

    [Fact]
    public void S9_a_source_has_a_rate()
    {
        var kit = new PeerKit(options: new() { ForwardsPerSourcePerSecond = 5 });
        for (ushort i = 1; i <= 50; i++)
            kit.Handle(PeerKit.Incoming(s_client.WithPort(i), PeerCommand.PeerHolepunch, s_target, new PeerHolepunchMessage(RoutingMode.FromClient, 0, [1], s_other.WithPort(i)).Encode()));
        Assert.Equal(10, kit.Engine.Forwards.Count);
    }

    private void Handshake(UdpEndPoint from, RoutingMode mode, UdpEndPoint? peer = null, UdpEndPoint? relay = null, ushort tid = 7) =>
        _kit.Handle(PeerKit.Incoming(from, PeerCommand.PeerHandshake, s_target, new PeerHandshakeMessage(mode, [1, 2, 3], peer, relay).Encode(), tid: tid));

    private void Holepunch(UdpEndPoint from, RoutingMode mode, UdpEndPoint? peer) =>
        _kit.Handle(PeerKit.Incoming(from, PeerCommand.PeerHolepunch, s_target, new PeerHolepunchMessage(mode, 3, [1, 2, 3], peer).Encode()));
}
