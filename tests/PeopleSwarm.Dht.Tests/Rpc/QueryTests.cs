using PeopleSwarm.Dht.Kademlia;

namespace PeopleSwarm.Dht.Rpc;

public class QueryTests
{
    private static readonly NodeId s_target = NodeId.Parse(new string('5', 64));

    [Fact]
    public void E1_answers_of_three_nodes_without_an_error_field_are_three_successes()
    {
        var network = RpcNetwork.Grow(1, 4);
        var (outcome, replies) = network.Nodes[3].Query(new(s_target, RpcCommands.FindNode, IsInternal: true));
        Assert.Equal((3, 0), (outcome.Successes, outcome.Errors));
        Assert.Equal(3, replies.Count);
        Assert.Equal(3, outcome.ClosestReplies.Count);
    }

    [Fact]
    public void E2_closest_replies_stay_sorted_and_a_newer_answer_of_a_node_replaces_the_older()
    {
        var ids = new NodeIds(TestCrypto.Suite);
        var nodes = Enumerable.Range(1, 60).Select(p => UdpEndPoint.Loopback((ushort)p)).ToArray();
        var closest = new ClosestReplies(s_target, 2);
        foreach (var node in nodes)
        {
            if (closest.Accepts(ids.Of(node), node)) closest.Add(Reply(node, 1));
        }
        var expected = nodes.OrderBy(n => ids.Of(n), Comparer<NodeId>.Create((a, b) => a.CompareDistance(b, s_target))).Take(20).ToArray();
        Assert.Equal(expected, closest.ToArray().Select(r => r.From));
        foreach (var node in expected)
        {
            closest.Add(Reply(node, 2));
            Assert.Equal(expected, closest.ToArray().Select(r => r.From));
            Assert.Equal(2, closest.ToArray().Single(r => r.From == node).Tid);
        }

        RpcResponse Reply(UdpEndPoint from, ushort tid) => new(tid, default, from, ids.Of(from), default, null, [], 0, null, default);
    }

    [Theory, InlineData(1), InlineData(2), InlineData(3)]
    public void E3_dead_nodes_cost_seconds_not_the_query(int seed)
    {
        var network = RpcNetwork.Grow(seed, 40);
        foreach (var node in network.Nodes.Skip(1).Where((_, i) => i % 2 == 0)) node.Loop.Host.Disconnect();
        var asker = network.Nodes[2];
        var started = network.Network.Now;
        var observer = new RecordingObserver();
        asker.Machine.StartQuery(network.Network.Now, new(s_target, RpcCommands.FindNode, IsInternal: true), observer);
        network.Network.Expect(() => observer.Outcome is not null, TimeSpan.FromSeconds(30));
        Assert.True(observer.Replies.Count >= 9, $"{observer.Replies.Count} answers"); // half of the twenty that everybody names
        Assert.True(network.Network.Now - started < TimeSpan.FromSeconds(8), $"{network.Network.Now - started}");
    }

    [Fact]
    public void E3_a_query_is_done_once_twenty_answers_are_in_and_only_slow_requests_are_left()
    {
        var network = RpcNetwork.Grow(5, 45);
        var silent = new RawPeer(network.Network, "7.0.0.1:1000");
        var started = network.Network.Now;
        var observer = new RecordingObserver();
        network.Nodes[44].Machine.StartQuery(started, new(s_target, RpcCommands.FindNode, IsInternal: true) { Nodes = [silent.Address], Concurrency = 30 }, observer);
        network.Network.Expect(() => observer.Outcome is not null, TimeSpan.FromSeconds(30));
        Assert.InRange((network.Network.Now - started).TotalSeconds, 0.9, 2);
        Assert.Equal(20, observer.Outcome!.ClosestReplies.Count);
    }

    [Fact]
    public void E4_twenty_dead_seeds_give_way_to_the_table()
    {
        var network = RpcNetwork.Grow(1, 8);
        var seeds = Enumerable.Range(1, 20).Select(i => new UdpEndPoint((uint)(6 << 24 | i), 1)).ToArray();
        var (outcome, _) = network.Nodes[5].Query(new(s_target, RpcCommands.FindNode, IsInternal: true) { Nodes = seeds }, TimeSpan.FromMinutes(2));
        Assert.Equal(7, outcome.Successes);
    }

    [Fact]
    public void E4_only_the_given_nodes_are_asked_when_that_is_wanted()
    {
        var network = RpcNetwork.Grow(1, 8);
        var (outcome, replies) = network.Nodes[5].Query(new(s_target, RpcCommands.FindNode, IsInternal: true)
        {
            Nodes = [network.Nodes[1].Address, network.Nodes[2].Address], OnlyGivenNodes = true,
        });
        Assert.Equal([network.Nodes[1].Address, network.Nodes[2].Address], replies.Select(r => r.From).Order(Comparer<UdpEndPoint>.Create((a, b) => a.IPv4.CompareTo(b.IPv4))));
        Assert.Equal(2, outcome.Successes);
    }

    [Fact]
    public void E4_a_forced_query_sends_each_request_once()
    {
        var network = RpcNetwork.Grow(1, 2);
        var silent = new RawPeer(network.Network, "7.0.0.1:1000");
        var (outcome, _) = network.Nodes[1].Query(new(s_target, 50) { Nodes = [silent.Address], OnlyGivenNodes = true, Force = true });
        Assert.Single(silent.Received);
        Assert.Equal((0, 1), (outcome.Successes, outcome.Errors));
    }

    [Fact]
    public void E5_a_commit_reaches_every_closest_node_with_the_token_it_gave()
    {
        var network = RpcNetwork.Grow(1, 6);
        var handlers = ServeAll(network, request => new RpcReply());
        var (outcome, _) = network.Nodes[5].Query(new(s_target, 50) { Commit = reply => new(reply.From, 51, s_target, new byte[] { 1 }, reply.Token) });
        Assert.Equal(5, outcome.Committed);
        Assert.Equal(RpcFailure.None, outcome.Failure);
        Assert.All(handlers.Take(5), h => Assert.True(Assert.Single(h.Requests, r => r.Command == 51).HasValidToken));
    }

    [Fact]
    public void E5_commits_nobody_answers_fail_and_one_taken_is_enough()
    {
        var network = RpcNetwork.Grow(1, 4);
        var handlers = ServeAll(network, request => request.Command == 50 ? new RpcReply() : null);
        var silent = new RawPeer(network.Network, "7.0.0.1:1000");
        int commits = 0;
        var (none, _) = network.Nodes[3].Query(new(s_target, 50) { Commit = _ => new(silent.Address, 51) });
        Assert.Equal((0, RpcFailure.TimedOut), (none.Committed, none.Failure));
        var (one, _) = network.Nodes[3].Query(new(s_target, 50) { Commit = reply => commits++ == 0 ? new(reply.From, 50, Token: reply.Token) : new(silent.Address, 51) });
        Assert.Equal((1, RpcFailure.None), (one.Committed, one.Failure));
    }

    [Fact]
    public void S17_a_refused_commit_does_not_count_as_stored()
    {
        var network = RpcNetwork.Grow(1, 4);
        ServeAll(network, request => request.Command == 50 ? new RpcReply() : new RpcReply(Error: 17));
        var (outcome, _) = network.Nodes[3].Query(new(s_target, 50) { Commit = reply => new(reply.From, 51, s_target, Token: reply.Token) });
        Assert.Equal((0, 17), (outcome.Committed, outcome.LastCommitError));
    }

    [Fact]
    public void S17_a_commit_with_an_old_token_is_made_again_once_with_the_fresh_one()
    {
        var network = RpcNetwork.Grow(1, 4);
        var handlers = ServeAll(network, request => new RpcReply());
        int made = 0;
        var (outcome, _) = network.Nodes[3].Query(new(s_target, 50)
        {
            Commit = reply => new(reply.From, 51, s_target, Token: made++ < 3 ? new byte[32] : reply.Token),
        });
        Assert.Equal(3, outcome.Committed);
        Assert.Equal(6, made);
        var (always, _) = network.Nodes[3].Query(new(s_target, 50) { Commit = reply => new(reply.From, 51, s_target, Token: new byte[32]) });
        Assert.Equal((0, RpcErrors.InvalidToken), (always.Committed, always.LastCommitError));
    }

    [Fact]
    public void E7_closer_nodes_of_refusals_are_followed_and_refusals_are_not_emitted()
    {
        var network = new RpcNetwork(1);
        var asker = network.AddNode(EphemeralMode.Always);
        var end = new RawPeer(network.Network, "7.0.0.2:1000");
        end.Answer = (datagram, from) => RawPeer.Response(from, RawPeer.TidOf(datagram), end.Id);
        var refuser = new RawPeer(network.Network, "7.0.0.1:1000");
        refuser.Answer = (datagram, from) => RawPeer.Response(from, RawPeer.TidOf(datagram), refuser.Id, closerNodes: [end.Address], error: 1);
        var (outcome, replies) = asker.Query(new(s_target, 3) { Nodes = [refuser.Address] });
        Assert.Equal(end.Address, Assert.Single(replies).From);
        Assert.Equal((1, 1), (outcome.Successes, outcome.Errors));
        Assert.Equal(end.Address, Assert.Single(outcome.ClosestReplies).From);
    }

    [Fact]
    public void E8_who_named_a_dead_node_is_told_and_only_so_often_a_tick()
    {
        var network = new RpcNetwork(1);
        var asker = network.AddNode(EphemeralMode.Always, s => s with { DownHintsPerTick = 3, Concurrency = 30 });
        network.Network.RunFor(TimeSpan.FromSeconds(1));
        var dead = Enumerable.Range(1, 5).Select(i => new UdpEndPoint((uint)(8 << 24 | i), 1)).ToArray();
        var informant = new RawPeer(network.Network, "7.0.0.1:1000");
        informant.Answer = (datagram, from) => RawPeer.Response(from, RawPeer.TidOf(datagram), informant.Id, closerNodes: dead);
        var (outcome, _) = asker.Query(new(s_target, 3) { Nodes = [informant.Address] });
        Assert.Equal(5, outcome.Errors);
        var hinted = informant.Received.Select(r => r.Datagram).Where(d => d[1] == 0x14 && d[10] == RpcCommands.DownHint).Select(d => Convert.ToHexString(d[^6..]));
        Assert.Equal(3, hinted.Distinct().Count());
    }

    [Fact]
    public void E8_our_own_and_filtered_nodes_are_not_asked()
    {
        var network = new RpcNetwork(1);
        var banned = new RawPeer(network.Network, "7.0.0.9:1000");
        var asker = network.Add(UdpEndPoint.Parse("5.5.5.5:49737"), new()
        {
            Ephemeral = EphemeralMode.Never, Firewalled = false, KnownEndPoint = UdpEndPoint.Parse("5.5.5.5:49737"), Filter = node => node != banned.Address,
        });
        network.Network.RunFor(TimeSpan.FromSeconds(1));
        Assert.Equal(asker.ExpectedId, asker.Machine.Id);
        var informant = new RawPeer(network.Network, "7.0.0.1:1000");
        informant.Answer = (datagram, from) => RawPeer.Response(from, RawPeer.TidOf(datagram), informant.Id, closerNodes: [banned.Address, asker.Address]);
        var (outcome, _) = asker.Query(new(s_target, 3) { Nodes = [informant.Address] });
        Assert.Equal((1, 0), (outcome.Successes, outcome.Errors));
        Assert.Empty(banned.Received);
    }

    [Fact]
    public void E9_a_query_whose_requests_are_refused_at_the_limit_ends()
    {
        var network = RpcNetwork.Grow(1, 3);
        var asker = network.AddNode(EphemeralMode.Always, s => s with { MaxRequests = 16 });
        network.Network.RunFor(TimeSpan.FromSeconds(2));
        for (int i = 0; i < 16; i++) asker.Machine.Request(network.Network.Now, new(UdpEndPoint.Parse("7.0.0.1:1"), 0), (_, _) => { });
        var (outcome, _) = asker.Query(new(s_target, RpcCommands.FindNode, IsInternal: true));
        Assert.Equal(0, outcome.Successes);
        Assert.True(outcome.Errors > 0);
        Assert.Equal(0, asker.Machine.ActiveQueries);
    }

    [Fact]
    public void A_paused_query_asks_nobody_and_goes_on_where_it_was()
    {
        var network = RpcNetwork.Grow(1, 30);
        var observer = new RecordingObserver();
        IRpcQuery? query = null;
        observer.Replied = _ => query!.IsPaused = observer.Replies.Count == 3 || query.IsPaused;
        query = network.Nodes[5].Machine.StartQuery(network.Network.Now, new(s_target, RpcCommands.FindNode, IsInternal: true) { Concurrency = 2 }, observer);
        network.Network.RunFor(TimeSpan.FromSeconds(10));
        Assert.InRange(observer.Replies.Count, 3, 5);
        Assert.Null(observer.Outcome);
        query.IsPaused = false;
        network.Network.Expect(() => observer.Outcome is not null, TimeSpan.FromSeconds(20));
        Assert.True(observer.Replies.Count >= 20);
    }

    [Fact]
    public void A_cancelled_query_ends_once_with_what_it_has()
    {
        var network = RpcNetwork.Grow(1, 30);
        var observer = new RecordingObserver();
        IRpcQuery? query = null;
        observer.Replied = _ => query!.Cancel(network.Network.Now);
        query = network.Nodes[5].Machine.StartQuery(network.Network.Now, new(s_target, RpcCommands.FindNode, IsInternal: true), observer);
        network.Network.RunFor(TimeSpan.FromSeconds(10));
        Assert.Equal(RpcFailure.Cancelled, observer.Outcome!.Failure);
        Assert.Single(observer.Outcome.ClosestReplies);
        Assert.Equal(0, network.Nodes[5].Machine.RequestsInFlight);
    }

    [Fact]
    public void S8_a_query_remembers_a_limited_number_of_nodes()
    {
        var network = new RpcNetwork(1);
        var asker = network.AddNode(EphemeralMode.Always, s => s with { MaxQueryNodes = 64 });
        network.Network.RunFor(TimeSpan.FromSeconds(1));
        uint next = 9 << 24;
        var informant = new RawPeer(network.Network, "7.0.0.1:1000");
        informant.Answer = (datagram, from) => RawPeer.Response(from, RawPeer.TidOf(datagram), informant.Id,
            closerNodes: [.. Enumerable.Range(0, 300).Select(_ => new UdpEndPoint(++next, 1))]);
        var (outcome, _) = asker.Query(new(s_target, 3) { Nodes = [informant.Address] }, TimeSpan.FromMinutes(5));
        Assert.Equal((1, 63), (outcome.Successes, outcome.Errors));
    }

    private static List<RecordingHandler> ServeAll(RpcNetwork network, Func<RpcIncoming, RpcReply?> serve) => [.. network.Nodes.Select(node =>
    {
        var handler = new RecordingHandler(serve, node.Machine);
        node.Machine.Handler = handler;
        return handler;
    })];
}
