using PeopleSwarm.Dht.Messages;
using PeopleSwarm.Dht.Rpc;
using PeopleSwarm.Dht.TestKit;

namespace PeopleSwarm.Dht.Announcing;

public class AnnounceMachineTests
{
    private static readonly KeyPair s_key = PeerKit.Key(2);
    private static readonly UdpEndPoint[] s_nodes = Enumerable.Range(1, 8).Select(i => new UdpEndPoint(0x05000000u + (uint)i, (ushort)(1000 + i))).ToArray();
    private readonly PeerKit _kit = new();
    private readonly AnnounceSigner _signer = new(PeerKit.Crypto, PeerKit.Namespaces);
    private readonly PeerServer _server;
    private int _announced;

    public AnnounceMachineTests() => _server = _kit.Dht.Listen(_kit.Now, s_key, new(), null, _ => { }, _ => _announced++)!;

    private FakeEngine Engine => _kit.Engine;

    private AnnounceMachine Announcer => _server.Announcer;

    [Fact]
    public void A_cycle_announces_to_the_three_closest_with_a_signature_for_each()
    {
        Engine.Query.Finish(_kit.Now, s_nodes[..5].Select(n => PeerKit.Response(n)).ToArray());
        Assert.Equal(PeerCommand.FindPeer, Engine.Query.Request.Command);
        Assert.Equal(s_nodes[..3], Engine.Calls.Select(c => c.Request.To));
        foreach (var call in Engine.Calls)
        {
            Assert.Equal(PeerCommand.Announce, call.Request.Command);
            Assert.True(AnnounceMessage.TryRead(call.Request.Value!.Value.Span, out var message));
            Assert.Empty(message.Peer!.RelayAddresses); // I6
            Assert.True(_signer.VerifyAnnounce(Announcer.Target, PeerKit.IdOf(call.Request.To), PeerKit.Token, message));
            Assert.Equal(PeerKit.Token, call.Request.Token!.Value.ToArray());
        }
    }

    [Fact]
    public void It_announces_to_the_first_of_each_part_of_the_network_not_to_the_three_closest()
    {
        var replies = s_nodes[..5].Select(n => PeerKit.Response(n)).ToArray();
        Engine.Query.Finish(_kit.Now, new RpcQueryOutcome(replies, replies.Length, 0, 0, RpcFailure.None) { SpreadReplies = [replies[0], replies[4], replies[2], replies[1], replies[3]] });
        Assert.Equal([s_nodes[0], s_nodes[4], s_nodes[2]], Engine.Calls.Select(c => c.Request.To));
        Engine.Open.First().Answer(_kit.Now, error: 2);
        Assert.Equal(s_nodes[1], Engine.Calls[^1].Request.To);
    }

    [Fact]
    public void Captured_announcements_are_made_again_byte_for_byte()
    {
        var capture = PeerVectors.Captured("server_listen");
        var announces = capture.GetProperty("datagrams").EnumerateArray().Select(d => d.GetProperty("decoded"))
            .Where(d => d.TryGetProperty("command_name", out var c) && c.GetString() == "ANNOUNCE").ToArray();
        Engine.Query.Finish(_kit.Now, announces.Select(a => PeerKit.Response(UdpEndPoint.Parse(a.Text("to")), token: a.Bytes("token"))).ToArray());
        Assert.Equal(announces.Select(a => (a.Text("to"), a.Text("value"))),
            Engine.Calls.Select(c => (c.Request.To.ToString(), Convert.ToHexStringLower(c.Request.Value!.Value.Span))));
    }

    [Fact]
    public void I1_relays_are_published_when_all_commits_are_over()
    {
        Engine.Query.Finish(_kit.Now, s_nodes[..3].Select(n => PeerKit.Response(n)).ToArray());
        var calls = Engine.Open.ToArray();
        calls[0].Answer(_kit.Now);
        calls[1].Answer(_kit.Now);
        Assert.Empty(Announcer.Relays);
        Assert.Equal(0, _announced); // I8
        calls[2].Answer(_kit.Now);
        Assert.Equal(s_nodes[..3], Announcer.Relays.Select(r => r.RelayAddress));
        Assert.Equal(s_nodes[..3], Announcer.RelayAddresses);
        Assert.Equal(1, _announced);
    }

    [Fact]
    public void I7_each_relay_is_published_with_our_address_as_it_sees_us_and_ours_comes_first_if_open()
    {
        Engine.PublicEndPoint = PeerKit.At("4.4.4.4:44");
        Engine.Query.Finish(_kit.Now, s_nodes[..3].Select((n, i) => PeerKit.Response(n, to: PeerKit.At($"4.4.4.4:{500 + i}"))).ToArray());
        foreach (var call in Engine.Open.ToArray()) call.Answer(_kit.Now);
        Assert.Equal([500, 501, 502], Announcer.Relays.Select(r => (int)r.PeerAddress.Port));
        Assert.Equal([PeerKit.At("4.4.4.4:44"), s_nodes[0], s_nodes[1]], Announcer.RelayAddresses);
    }

    [Fact]
    public void I7_a_node_that_refuses_or_is_silent_is_no_relay_and_the_next_closest_is_asked()
    {
        Engine.Query.Finish(_kit.Now, s_nodes[..5].Select(n => PeerKit.Response(n)).ToArray());
        var calls = Engine.Open.ToArray();
        calls[0].Answer(_kit.Now, error: 2);
        calls[1].Answer(_kit.Now);
        calls[2].TimeOut(_kit.Now);
        foreach (var call in Engine.Open.ToArray()) call.Answer(_kit.Now);
        Assert.Equal([s_nodes[1], s_nodes[3], s_nodes[4]], Announcer.Relays.Select(r => r.RelayAddress));
    }

    [Fact]
    public void I2_the_next_walk_is_seeded_with_the_last_closest_nodes()
    {
        Cycle(s_nodes[..4]);
        Announcer.Refresh(_kit.Now);
        Assert.Equal(s_nodes[..4], Engine.Query.Request.Nodes);
        Assert.False(Engine.Query.Request.OnlyGivenNodes);
    }

    [Fact]
    public void I3_a_cycle_whose_results_never_come_is_followed_by_another()
    {
        Assert.Single(Engine.Queries);
        _kit.Advance(61); // the walk is lost
        Assert.Equal(2, Engine.Queries.Count);
        Engine.Query.Finish(_kit.Now, s_nodes[..3].Select(n => PeerKit.Response(n)).ToArray());
        _kit.Advance(61); // the commits are lost
        Assert.Equal(3, Engine.Queries.Count);
        Engine.Queries[1].Finish(_kit.Now, PeerKit.Response(s_nodes[7])); // I9: late, ignored
        foreach (var call in Engine.Calls.Where(c => !c.IsOver).ToArray()) call.Answer(_kit.Now);
        Assert.Empty(Announcer.Relays);
        Cycle(s_nodes[..3]);
        Assert.Equal(3, Announcer.Relays.Count);
    }

    [Fact]
    public void I3_lost_pings_do_not_stop_the_cycles()
    {
        Cycle(s_nodes[..3]);
        Assert.Equal(3, Engine.OpenOf(PeerCommand.InternalPing, isInternal: true).Count());
        _kit.Advance(61);
        Assert.Equal(2, Engine.Queries.Count);
    }

    [Fact]
    public void I4_relays_are_pinged_every_three_seconds_and_announced_to_again_after_100_rounds()
    {
        Cycle(s_nodes[..3]);
        int rounds = 0;
        while (Engine.Queries.Count == 1)
        {
            var pings = Engine.OpenOf(PeerCommand.InternalPing, isInternal: true).ToArray();
            Assert.Equal(s_nodes[..3], pings.Select(p => p.Request.To));
            foreach (var ping in pings) ping.Answer(_kit.Now);
            rounds++;
            if (Engine.Queries.Count == 1) _kit.Advance(3);
        }
        Assert.Equal(100, rounds);
    }

    [Theory, InlineData(3, 3, false), InlineData(3, 2, true), InlineData(2, 2, false), InlineData(1, 1, false), InlineData(1, 0, true)]
    public void I4_fewer_answers_than_relays_start_a_cycle(int relays, int answers, bool again)
    {
        Cycle(s_nodes[..relays]);
        var pings = Engine.OpenOf(PeerCommand.InternalPing, isInternal: true).ToArray();
        for (int i = 0; i < pings.Length; i++)
        {
            if (i < answers) pings[i].Answer(_kit.Now);
            else pings[i].TimeOut(_kit.Now);
        }
        Assert.Equal(again ? 2 : 1, Engine.Queries.Count);
    }

    [Fact]
    public void I5_relays_of_three_cycles_count_and_those_not_used_again_are_told()
    {
        Cycle(s_nodes[..3]);
        Announcer.Refresh(_kit.Now);
        Cycle(s_nodes[2..5]);
        Assert.Equal(s_nodes[..2], Engine.OpenOf(PeerCommand.FindPeer).Select(c => c.Request.To));
        Assert.All(s_nodes[..5], n => Assert.True(Announcer.IsRelay(n)));
        var find = Engine.OpenOf(PeerCommand.FindPeer).First();
        find.Answer(_kit.Now, PeerRecordCodec.Encode(new(s_key.PublicKey, [])));
        var unannounce = Engine.OpenOf(PeerCommand.Unannounce).Single();
        Assert.True(AnnounceMessage.TryRead(unannounce.Request.Value!.Value.Span, out var message));
        Assert.True(_signer.VerifyUnannounce(Announcer.Target, PeerKit.IdOf(unannounce.Request.To), PeerKit.Token, message));

        Announcer.Refresh(_kit.Now);
        Cycle(s_nodes[5..8]);
        Assert.True(Announcer.IsRelay(s_nodes[0]));
        Announcer.Refresh(_kit.Now);
        Assert.False(Announcer.IsRelay(s_nodes[0]));
    }

    [Fact]
    public void I9_closing_in_any_phase_ends_and_tells_the_relays()
    {
        for (int phase = 0; phase < 4; phase++)
        {
            var kit = new PeerKit();
            var server = kit.Dht.Listen(kit.Now, s_key, new(), null, _ => { })!;
            if (phase >= 1) kit.Engine.Query.Finish(kit.Now, s_nodes[..3].Select(n => PeerKit.Response(n)).ToArray());
            if (phase >= 2) foreach (var call in kit.Engine.Open.ToArray()) call.Answer(kit.Now);
            if (phase >= 3) server.Announcer.Refresh(kit.Now); // the relays are those of the cycle before
            bool closed = false;
            kit.Dht.Close(kit.Now, server, unannounce: true, _ => closed = true);
            if (phase >= 2)
            {
                Assert.False(closed);
                var finds = kit.Engine.OpenOf(PeerCommand.FindPeer).ToArray();
                Assert.Equal(s_nodes[..3], finds.Select(f => f.Request.To));
                finds[0].Answer(kit.Now, PeerRecordCodec.Encode(new(s_key.PublicKey, [])));
                finds[1].Answer(kit.Now); // it forgot us: nothing to withdraw
                finds[2].TimeOut(kit.Now);
                Assert.False(closed);
                kit.Engine.OpenOf(PeerCommand.Unannounce).Single().TimeOut(kit.Now);
            }
            Assert.True(closed, $"phase {phase}");
            int calls = kit.Engine.Calls.Count;
            kit.Advance(600);
            Assert.Equal(calls, kit.Engine.Calls.Count);
        }
    }

    [Fact]
    public void I9_a_node_going_away_tells_nobody()
    {
        Cycle(s_nodes[..3]);
        bool closed = false;
        _kit.Dht.Close(_kit.Now, _server, unannounce: false, _ => closed = true);
        Assert.True(closed);
        Assert.Empty(Engine.OpenOf(PeerCommand.FindPeer));
    }

    [Fact]
    public void S1_a_pong_that_sees_us_elsewhere_starts_a_cycle_but_not_more_often_than_every_ten_seconds()
    {
        Cycle(s_nodes[..3]);
        PongFrom(PeerKit.At("5.9.9.9:1"));
        Assert.Single(Engine.Queries); // the cycle began just now
        _kit.Advance(3);
        PongFrom(PeerKit.At("5.9.9.9:999"));
        for (int i = 0; i < 3; i++)
        {
            _kit.Advance(3);
            PongFrom(PeerKit.At("5.9.9.9:1"));
        }
        Assert.Equal(2, Engine.Queries.Count);

        void PongFrom(UdpEndPoint to)
        {
            foreach (var ping in Engine.OpenOf(PeerCommand.InternalPing, isInternal: true)) ping.Answer(_kit.Now, to: to);
        }
    }

    [Fact]
    public void S2_without_relays_the_next_cycle_comes_after_seconds_and_then_less_and_less_often()
    {
        var starts = new List<Timestamp>();
        for (int i = 0; i < 9; i++)
        {
            starts.Add(_kit.Now);
            int queries = Engine.Queries.Count;
            Engine.Query.Finish(_kit.Now);
            while (Engine.Queries.Count == queries) _kit.Advance(0.5);
        }
        var pauses = starts.Zip(starts.Skip(1), (a, b) => (b - a).TotalSeconds).ToArray();
        Assert.Equal([1, 2, 4, 8, 16, 32, 60, 60], pauses);
        Cycle(s_nodes[..3]);
        Assert.Equal(3, Announcer.Relays.Count);
    }

    [Fact]
    public void Another_identity_announces_again()
    {
        Cycle(s_nodes[..3]);
        _kit.Dht.OnIdentityChanged(_kit.Now);
        Assert.Equal(2, Engine.Queries.Count);
    }

    [Fact]
    public void Suspending_withdraws_and_resuming_announces_again()
    {
        Cycle(s_nodes[..3]);
        bool suspended = false;
        _kit.Dht.Suspend(_kit.Now, _ => suspended = true);
        foreach (var find in Engine.OpenOf(PeerCommand.FindPeer)) find.TimeOut(_kit.Now);
        Assert.True(suspended);
        int queries = Engine.Queries.Count;
        _kit.Advance(600);
        Assert.Equal(queries, Engine.Queries.Count);
        _kit.Dht.Resume(_kit.Now);
        Assert.Equal(queries + 1, Engine.Queries.Count);
        Cycle(s_nodes[..3]);
        Assert.Equal(3, Announcer.Relays.Count);
    }

    private void Cycle(UdpEndPoint[] nodes)
    {
        Engine.Query.Finish(_kit.Now, nodes.Select(n => PeerKit.Response(n)).ToArray());
        foreach (var call in Engine.OpenOf(PeerCommand.Announce)) call.Answer(_kit.Now);
    }
}
