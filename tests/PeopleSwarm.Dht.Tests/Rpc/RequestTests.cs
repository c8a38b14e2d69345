using PeopleSwarm.Testing;

namespace PeopleSwarm.Dht.Rpc;

public class RequestTests
{
    private readonly RpcNetwork _network = RpcNetwork.Grow(seed: 2, nodes: 2);

    private RpcNode Node => _network.Nodes[1];

    [Fact]
    public void B4_the_same_bytes_are_sent_four_times_a_second_apart()
    {
        var silent = new RawPeer(_network.Network, "7.0.0.1:1000");
        var started = _network.Network.Now;
        RpcOutcome? outcome = null;
        Timestamp over = default;
        Node.Machine.Request(started, new(silent.Address, RpcCommands.Ping, IsInternal: true), (now, o) => (outcome, over) = (o, now));
        _network.Network.Expect(() => outcome is not null, TimeSpan.FromSeconds(10));
        Assert.Equal(RpcFailure.TimedOut, outcome!.Value.Failure);
        Assert.Equal(4.0, (over - started).TotalSeconds, 0.01);
        Assert.Equal(4, silent.Received.Count);
        Assert.All(silent.Received, r => Assert.Equal(silent.Received[0].Datagram, r.Datagram));
        for (int i = 1; i < 4; i++) Assert.Equal(1.0, (silent.Received[i].At - silent.Received[i - 1].At).TotalSeconds, 0.05);
    }

    [Theory, InlineData(0), InlineData(1), InlineData(2), InlineData(3)]
    public void B4_an_answer_to_a_late_send_completes_it(int lost)
    {
        var peer = new RawPeer(_network.Network, "7.0.0.1:1000");
        peer.Answer = (datagram, from) => peer.Received.Count > lost ? RawPeer.Response(from, RawPeer.TidOf(datagram)) : null;
        var outcome = Node.Request(new(peer.Address, RpcCommands.Ping, IsInternal: true));
        Assert.NotNull(outcome.Response);
        Assert.Equal(lost + 1, peer.Received.Count);
        Assert.InRange(outcome.Response.RoundTrip.TotalSeconds, lost, lost + 0.2);
    }

    [Fact]
    public void B12_every_request_completes_once_when_the_window_is_full_and_half_is_cancelled()
    {
        var silent = new RawPeer(_network.Network, "7.0.0.1:1000");
        var outcomes = new List<RpcFailure>[400];
        var calls = new List<IRpcCall>();
        for (int i = 0; i < outcomes.Length; i++)
        {
            var mine = outcomes[i] = [];
            calls.Add(Node.Machine.Request(_network.Network.Now, new(silent.Address, RpcCommands.Ping, IsInternal: true), (_, o) => mine.Add(o.Failure)));
        }
        _network.Network.RunFor(TimeSpan.FromMilliseconds(100));
        Assert.InRange(silent.Received.Count, 1, 80);
        for (int i = 0; i < calls.Count; i += 2) calls[i].Cancel(_network.Network.Now);
        _network.Network.Expect(() => outcomes.All(o => o.Count > 0), TimeSpan.FromMinutes(2));
        _network.Network.RunFor(TimeSpan.FromSeconds(10));
        for (int i = 0; i < outcomes.Length; i++) Assert.Equal([i % 2 == 0 ? RpcFailure.Cancelled : RpcFailure.TimedOut], outcomes[i]);
        Assert.Equal(0, Node.Machine.RequestsInFlight);
    }

    [Fact]
    public void B12_nothing_leaves_after_all_were_cancelled()
    {
        var silent = new RawPeer(_network.Network, "7.0.0.1:1000");
        int done = 0;
        var calls = Enumerable.Range(0, 300).Select(_ =>
            Node.Machine.Request(_network.Network.Now, new(silent.Address, RpcCommands.Ping, IsInternal: true), (_, _) => done++)).ToList();
        foreach (var call in calls) call.Cancel(_network.Network.Now);
        Assert.Equal(0, done); // never inline
        _network.Network.RunFor(TimeSpan.FromMilliseconds(200));
        Assert.Equal(300, done);
        silent.Received.Clear();
        _network.Network.RunFor(TimeSpan.FromSeconds(20));
        Assert.Empty(silent.Received);
    }

    [Fact]
    public void B12_over_the_limit_requests_fail_later_and_not_inline()
    {
        var node = _network.AddNode(EphemeralMode.Always, s => s with { MaxRequests = 16, Bootstrap = [] });
        _network.Network.RunFor(TimeSpan.FromSeconds(1));
        var outcomes = new List<RpcFailure>();
        for (int i = 0; i < 20; i++) node.Machine.Request(_network.Network.Now, new(UdpEndPoint.Parse("7.0.0.1:1"), 0), (_, o) => outcomes.Add(o.Failure));
        Assert.Empty(outcomes);
        _network.Network.RunNow();
        Assert.Equal(Enumerable.Repeat(RpcFailure.LimitReached, 4), outcomes);
    }

    [Fact]
    public void B13_transaction_ids_are_unpredictable_and_never_shared()
    {
        var silent = new RawPeer(_network.Network, "7.0.0.1:1000");
        for (int i = 0; i < 70; i++) Node.Machine.Request(_network.Network.Now, new(silent.Address, RpcCommands.Ping, IsInternal: true, Retries: 0), (_, _) => { });
        _network.Network.RunFor(TimeSpan.FromMilliseconds(500));
        var tids = silent.Received.Select(r => (int)RawPeer.TidOf(r.Datagram)).ToArray();
        Assert.Equal(70, tids.Distinct().Count());
        Assert.True(tids.Zip(tids.Skip(1)).Count(p => p.Second == p.First + 1) < 5);
        Assert.Contains(tids, t => t < 0x8000);
        Assert.Contains(tids, t => t >= 0x8000);
    }

    [Fact]
    public void S16_an_answer_from_elsewhere_is_dropped_and_the_request_stays_pending()
    {
        var peer = new RawPeer(_network.Network, "7.0.0.1:1000");
        var forger = new RawPeer(_network.Network, "7.0.0.1:2000");
        peer.Answer = (datagram, from) =>
        {
            forger.Send(from, RawPeer.Response(from, RawPeer.TidOf(datagram), value: [6, 6, 6]));
            return null;
        };
        RpcOutcome? outcome = null;
        Node.Machine.Request(_network.Network.Now, new(peer.Address, 99), (_, o) => outcome = o);
        _network.Network.After(TimeSpan.FromMilliseconds(10), () => forger.Send(Node.Address, RawPeer.Response(Node.Address, 1, value: [6])));
        _network.Network.RunFor(TimeSpan.FromMilliseconds(600));
        Assert.Null(outcome);
        Assert.True(Node.Machine.Counters.Unexpected >= 1);
        peer.Answer = (datagram, from) => RawPeer.Response(from, RawPeer.TidOf(datagram), value: [1]);
        _network.Network.Expect(() => outcome is not null, TimeSpan.FromSeconds(5));
        Assert.Equal([1], outcome!.Value.Response!.Value!.Value.ToArray());
    }

    [Fact]
    public void A_second_answer_to_one_request_is_dropped()
    {
        var peer = new RawPeer(_network.Network, "7.0.0.1:1000");
        peer.Answer = (datagram, from) =>
        {
            peer.Send(from, RawPeer.Response(from, RawPeer.TidOf(datagram)));
            return RawPeer.Response(from, RawPeer.TidOf(datagram));
        };
        Node.Request(new(peer.Address, RpcCommands.Ping, IsInternal: true));
        Assert.Equal(1, Node.Machine.Counters.Unexpected);
    }

    [Fact]
    public void A3_empty_and_missing_values_stay_apart_both_ways()
    {
        var handler = new RecordingHandler(request => new RpcReply(request.Value), _network.Nodes[0].Machine);
        _network.Nodes[0].Machine.Handler = handler;
        var missing = Node.Request(new(_network.Nodes[0].Address, 99));
        var empty = Node.Request(new(_network.Nodes[0].Address, 99, Value: Array.Empty<byte>()));
        Assert.Null(handler.Requests[0].Value);
        Assert.Equal(0, handler.Requests[1].Value!.Value.Length);
        Assert.Null(missing.Response!.Value);
        Assert.Equal(0, empty.Response!.Value!.Value.Length);
    }

    [Fact]
    public void B15_requests_that_would_be_cut_are_refused_before_sending()
    {
        Assert.Throws<ArgumentException>(() => Node.Request(new(_network.Nodes[0].Address, 99, Value: new byte[2100])));
        Assert.Throws<ArgumentException>(() => Node.Request(new(_network.Nodes[0].Address.WithPort(0), 99)));
        Assert.Throws<ArgumentException>(() => Node.Request(new(UdpEndPoint.Parse("[::1]:1"), 99)));
        Assert.Throws<ArgumentException>(() => Node.Request(new(_network.Nodes[0].Address, 99, Token: new byte[31])));
        Assert.Throws<ArgumentException>(() => Node.Request(new(_network.Nodes[0].Address, -1)));
        Assert.NotNull(Node.Request(new(_network.Nodes[0].Address, 99, Value: new byte[1900])).Response);
    }

    [Theory, InlineData(1), InlineData(2)]
    public void Junk_replayed_and_forged_datagrams_change_nothing(int seed)
    {
        var network = RpcNetwork.Grow(seed, 6);
        var target = network.Nodes[2];
        var random = new SeededRandom(seed);
        var before = target.Machine.Status;
        int known = target.Machine.Table.Count;
        var peer = new RawPeer(network.Network, "9.9.9.9:9");
        for (int i = 0; i < 3000; i++)
        {
            var junk = new byte[random.Next(80)];
            random.Fill(junk);
            if (junk.Length > 1 && i % 2 == 0) junk[0] = i % 4 == 0 ? (byte)0x03 : (byte)0x13;
            if (junk.Length > 1 && i % 8 == 0) junk[1] = 4; // an internal request without options
            peer.Send(target.Address, junk);
        }
        for (int i = 0; i < 500; i++)
            peer.Send(target.Address, RawPeer.Response(target.Address, (ushort)random.Next(65536), peer.Id, new byte[32], [UdpEndPoint.Parse("6.6.6.6:6")]));
        network.Network.RunFor(TimeSpan.FromSeconds(5));
        Assert.Equal(before, target.Machine.Status);
        Assert.Equal(known, target.Machine.Table.Count);
        Assert.True(target.Machine.Dropped > 500);
        Assert.NotNull(target.Request(new(network.Nodes[0].Address, RpcCommands.Ping, IsInternal: true)).Response);
    }

    [Fact]
    public void A_garbled_request_costs_no_memory()
    {
        var machine = Node.Machine;
        var now = _network.Network.Now;
        var junk = RawPeer.Request(Node.Address, RpcCommands.FindNode, target: Node.ExpectedId)[..^1];
        var source = new DatagramSource(UdpEndPoint.Parse("9.9.9.9:9"), new(0));
        for (int i = 0; i < 100; i++) machine.Receive(now, junk, source);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 1000; i++) machine.Receive(now, junk, source);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }
}
