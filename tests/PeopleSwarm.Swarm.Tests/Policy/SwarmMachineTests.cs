using PeopleSwarm.Swarm.Fakes;

namespace PeopleSwarm.Swarm.Policy;

public class SwarmMachineTests
{
    private static readonly PublicKey s_self = Keys.Public(100);
    private static readonly JoinOptions s_client = new() { Server = false };
    private Timestamp _now = new(60_000_000);

    [Fact]
    public void Three_dials_run_at_once_and_each_end_begins_another()
    {
        var machine = Machine();
        Find(machine, 1, 2, 3, 4, 5);
        var dials = Dials(machine);
        Assert.Equal(3, dials.Count);
        Assert.Equal((3, 2), (machine.Connecting, machine.QueuedPeers));
        machine.Closed(_now, dials[0], PeerConnectError.PeerNotFound);
        machine.DialOpened(_now, dials[1], Client(dials[1]));
        Assert.Equal(2, Dials(machine).Count);
        Assert.Equal((3, 0), (machine.Connecting, machine.QueuedPeers));
        Assert.Single(machine.OpenConnections);
    }

    [Fact]
    public void A_peer_of_a_topic_gets_three_retries_and_is_then_forgotten_until_it_is_found_again()
    {
        var machine = Machine();
        var topic = Find(machine, 1);
        List<double> delays = [];
        while (Dials(machine) is [var dial])
        {
            var lost = _now;
            machine.Closed(_now, dial, PeerConnectError.PeerConnectionFailed);
            if (machine.NextTimeout is not { } due) break;
            delays.Add((due - lost).TotalSeconds);
            _now = due;
            machine.HandleTimeout(_now);
        }
        Assert.Equal(3, delays.Count);
        Assert.InRange(delays[0], 5 * 0.66, 5 * 1.32);
        Assert.InRange(delays[1], 15 * 0.66, 15 * 1.32);
        Assert.InRange(delays[2], 15 * 0.66, 15 * 1.32);
        Assert.Empty(machine.Peers);

        topic.Suspend(); // ends the refresh that runs
        topic.Resume();
        topic.BeginRefresh();
        machine.Found(_now, topic, new(Keys.Public(1), []));
        Assert.Equal(0, Assert.Single(Dials(machine)).Peer.Attempts);
    }

    [Fact]
    public void A_proven_peer_is_retried_after_1_5_and_15_s()
    {
        var machine = Machine();
        Find(machine, 1);
        List<double> delays = [];
        while (Dials(machine) is [var dial])
        {
            machine.DialOpened(_now, dial, Client(dial));
            var lost = _now += TimeSpan.FromSeconds(1);
            machine.Closed(_now, dial, null);
            if (machine.NextTimeout is not { } due) break;
            delays.Add((due - lost).TotalSeconds);
            _now = due;
            machine.HandleTimeout(_now);
        }
        Assert.Equal(3, delays.Count);
        Assert.InRange(delays[0], 0.66, 1.32);
        Assert.InRange(delays[1], 3.3, 6.6);
        Assert.InRange(delays[2], 9.9, 19.8);
    }

    [Fact]
    public void A_connection_that_lasts_begins_the_ladder_anew()
    {
        var machine = Machine();
        Find(machine, 1);
        for (int i = 0; i < 10; i++)
        {
            var dial = Assert.Single(Dials(machine));
            machine.DialOpened(_now, dial, Client(dial));
            _now += TimeSpan.FromSeconds(16);
            machine.Closed(_now, dial, null);
            _now = machine.NextTimeout!.Value;
            machine.HandleTimeout(_now);
        }
    }

    [Fact]
    public void An_explicit_peer_that_never_answers_is_tried_for_ever_every_10_minutes_in_the_end()
    {
        var machine = Machine();
        machine.JoinPeer(_now, Keys.Public(1));
        List<double> delays = [];
        for (int i = 0; i < 12; i++)
        {
            var lost = _now;
            machine.Closed(_now, Assert.Single(Dials(machine)), PeerConnectError.PeerNotFound);
            _now = machine.NextTimeout!.Value;
            delays.Add((_now - lost).TotalSeconds);
            machine.HandleTimeout(_now);
        }
        Assert.All(delays[..3], delay => Assert.InRange(delay, 3.3, 20));
        Assert.All(delays[3..], delay => Assert.InRange(delay, 396, 792));
    }

    [Fact]
    public void Explicit_peers_go_first_and_ignore_the_limits_but_for_parallel_dials()
    {
        var machine = Machine(o => (o.MaxPeers, o.MaxClientConnections) = (1, 0));
        Find(machine, 1, 2);
        Assert.Empty(Dials(machine));
        for (int key = 11; key <= 15; key++) machine.JoinPeer(_now, Keys.Public(key));
        var dials = Dials(machine);
        Assert.Equal([11, 12, 13], dials.Select(Key));
        foreach (var dial in dials) machine.DialOpened(_now, dial, Client(dial));
        Assert.Equal([14, 15], Dials(machine).Select(Key));
    }

    [Fact]
    public void A_lost_incoming_connection_is_the_other_sides_to_repair_but_for_explicit_peers()
    {
        var machine = Machine();
        var topic = Find(machine);
        machine.Incoming(Server(1));
        machine.Incoming(Server(2));
        machine.JoinPeer(_now, Keys.Public(2));
        machine.Found(_now, topic, new(Keys.Public(1), []));
        foreach (var link in Opened(machine)) machine.Closed(_now, link, null);
        Assert.Equal([2], machine.Peers.Select(peer => Key(peer.PublicKey)));
        _now = machine.NextTimeout!.Value;
        machine.HandleTimeout(_now);
        Assert.Equal(2, Key(Assert.Single(Dials(machine))));
    }

    [Fact]
    public void A_topic_of_which_we_left_brings_no_more_dials()
    {
        var machine = Machine();
        var topic = Find(machine, 1, 2, 3, 4);
        var dials = Dials(machine);
        machine.Closed(_now, dials[0], PeerConnectError.PeerNotFound);
        var late = Assert.Single(Dials(machine));
        machine.RemoveTopic(_now, topic);
        machine.Closed(_now, dials[1], PeerConnectError.PeerNotFound);
        machine.Closed(_now, late, PeerConnectError.PeerNotFound);
        _now += TimeSpan.FromMinutes(1);
        machine.HandleTimeout(_now);
        Assert.Empty(Dials(machine));
        Assert.Equal([Key(dials[2])], machine.Peers.Select(peer => Key(peer.PublicKey)));
    }

    [Fact]
    public void The_tables_are_bounded_whatever_the_look_ups_bring()
    {
        var machine = Machine(o => (o.MaxKnownPeers, o.MaxQueuedPeers) = (50, 20));
        var topic = Find(machine);
        for (int i = 1; i <= 1000; i++)
            if (i != 100) machine.Found(_now, topic, new(Keys.Public(i), []));
        Assert.Equal((3, 20, 23), (machine.Connecting, machine.QueuedPeers, machine.KnownPeers));
        Assert.True(machine.DroppedPeers > 900);
        machine.JoinPeer(_now, Keys.Public(5000));
        Assert.Equal(24, machine.KnownPeers);
    }

    [Fact]
    public void A_replacement_waits_for_the_end_of_what_it_replaces_and_only_one_waits()
    {
        var machine = Machine();
        machine.Incoming(Server(200));
        var first = Assert.Single(Opened(machine));
        var (second, third) = (Server(200), Server(200));
        machine.Incoming(second); // 200 is above our key
        Assert.Equal([first.Connection!], Aborted(machine));
        machine.Incoming(third);
        Assert.Equal([second], Aborted(machine));
        Assert.Empty(machine.OpenConnections);
        machine.Closed(_now, first, null);
        var admitted = Assert.Single(Opened(machine));
        Assert.Equal(third.HandshakeHash, admitted.Connection!.HandshakeHash);
        Assert.Equal((2, 1), (machine.Statistics.ServerOpened, machine.Statistics.ServerClosed));
    }

    [Fact]
    public void A_replacement_that_closed_while_it_waited_is_dropped()
    {
        var machine = Machine();
        machine.Incoming(Server(200));
        var first = Assert.Single(Opened(machine));
        var second = Server(200);
        machine.Incoming(second);
        second.Abort();
        machine.Closed(_now, first, null);
        Assert.Empty(Opened(machine));
        Assert.Empty(machine.Peers);
    }

    [Fact]
    public void The_smaller_key_gives_its_own_dial_up_and_the_larger_keeps_it()
    {
        var smaller = Machine();
        smaller.JoinPeer(_now, Keys.Public(200));
        var dial = Assert.Single(Dials(smaller));
        smaller.Incoming(Server(200));
        Assert.Equal(dial, Assert.IsType<SwarmAction.CancelDial>(Assert.Single(Actions(smaller))).Link);
        smaller.Closed(_now, dial, null);
        Assert.Single(smaller.OpenConnections);
        Assert.Equal(0, smaller.Connecting);

        var larger = Machine();
        larger.JoinPeer(_now, Keys.Public(50));
        dial = Assert.Single(Dials(larger));
        var incoming = Server(50);
        larger.Incoming(incoming);
        Assert.Equal([incoming], Aborted(larger));
        larger.DialOpened(_now, dial, Client(dial));
        Assert.Single(larger.OpenConnections);
    }

    [Fact]
    public void Who_refuses_a_duplicate_asks_for_a_sign_of_life_on_what_it_keeps()
    {
        var machine = Machine();
        machine.JoinPeer(_now, Keys.Public(50));
        var dial = Assert.Single(Dials(machine));
        machine.DialOpened(_now, dial, Client(dial));
        Actions(machine);
        machine.Incoming(Server(50));
        Assert.Contains(Actions(machine), action => action is SwarmAction.Probe probe && probe.Link == dial);
    }

    [Fact]
    public void A_dial_that_opens_after_it_was_given_up_is_broken()
    {
        var machine = Machine();
        machine.JoinPeer(_now, Keys.Public(200));
        var dial = Assert.Single(Dials(machine));
        machine.Incoming(Server(200));
        var late = Client(dial);
        machine.DialOpened(_now, dial, late);
        Assert.Contains(late, Aborted(machine));
        Assert.Single(machine.OpenConnections);
        Assert.Equal(0, machine.Statistics.ClientOpened);
    }

    [Fact]
    public void Strangers_are_screened_before_anybody_is_asked()
    {
        var machine = Machine(o => o.MaxServerConnections = 1);
        Assert.Equal(Screening.Refuse, machine.Screen(s_self));
        Assert.Equal(Screening.Ask, machine.Screen(Keys.Public(1)));
        machine.Refused(Keys.Public(1), "test");
        Assert.Equal(Screening.Refuse, machine.Screen(Keys.Public(1)));
        machine.Incoming(Server(2));
        Assert.Equal(Screening.Refuse, machine.Screen(Keys.Public(3)));
        Assert.Equal(Screening.Ask, machine.Screen(Keys.Public(2)));
        machine.Suspend();
        Assert.Equal(Screening.Refuse, machine.Screen(Keys.Public(2)));
    }

    [Fact]
    public void Random_commands_keep_the_counts_right_and_leave_nothing_behind()
    {
        for (int seed = 0; seed < 60; seed++) RunRandomly(seed);
    }

    private void RunRandomly(int seed)
    {
        var random = new Random(seed);
        var machine = Machine(o => (o.MaxPeers, o.MaxServerConnections, o.MaxKnownPeers, o.MaxQueuedPeers, o.MaxBannedPeers) = (12, 8, 30, 15, 5), seed);
        List<TopicMachine> topics = [];
        List<Link> dials = [], open = [];
        int flushes = 0, flushed = 0;
        for (int step = 0; step < 600; step++)
        {
            _now += TimeSpan.FromMilliseconds(random.Next(0, 2000));
            int key = random.Next(1, 60);
            switch (random.Next(14))
            {
                case 0 when topics.Count < 3 && !machine.IsSuspended:
                    var topic = machine.AddTopic(Keys.Topic(step + 1));
                    topic.AddSession(s_client with { Limit = random.Next(3) == 0 ? random.Next(1, 5) : null });
                    topic.BeginRefresh();
                    topics.Add(topic);
                    break;
                case 1 when topics.Count > 1:
                    machine.RemoveTopic(_now, topics[0]);
                    topics.RemoveAt(0);
                    break;
                case 2 or 3 or 4 when topics.Count > 0:
                    machine.Found(_now, topics[random.Next(topics.Count)], new(Keys.Public(key), []));
                    break;
                case 5:
                    machine.Incoming(Server(random.Next(2) == 0 ? key : key + 150));
                    break;
                case 6 or 7 when Take(dials) is { } opened:
                    machine.DialStarted();
                    machine.DialOpened(_now, opened, Client(opened));
                    break;
                case 8 when Take(dials) is { } failed:
                    machine.Closed(_now, failed, random.Next(2) == 0 ? PeerConnectError.CannotHolepunch : null);
                    break;
                case 9 when Take(dials) is { } refused:
                    machine.DialRefused(_now, refused, random.Next(2) == 0 ? "test" : null);
                    break;
                case 10 when Take(open) is { } closed:
                    machine.Closed(_now, closed, null);
                    break;
                case 11:
                    if (random.Next(2) == 0) machine.JoinPeer(_now, Keys.Public(key));
                    else machine.LeavePeer(_now, Keys.Public(key));
                    break;
                case 12:
                    flushes++;
                    machine.BeginFlush(_ => flushed++);
                    break;
                case 13 when random.Next(10) == 0:
                    if (machine.IsSuspended) machine.Resume(_now);
                    else machine.Suspend();
                    break;
            }
            if (machine.NextTimeout <= _now) machine.HandleTimeout(_now);
            Collect(machine, dials, open);
            Assert.Equal(dials.Count, machine.Connecting);
            Assert.True(machine.Connecting <= 3 && machine.QueuedPeers <= 15 && machine.Statistics.BannedPeers <= 5);
            Assert.True(machine.OpenConnections.Select(c => c.RemotePublicKey).Distinct().Count() == machine.OpenConnections.Length);
            Assert.True(open.Count(link => link.Direction == LinkDirection.Server) <= 8);
            Assert.True(dials.Count > 0 || flushes == flushed, $"seed {seed}, step {step}: {flushes - flushed} flushes hang");
        }
        foreach (var topic in topics) machine.RemoveTopic(_now, topic);
        foreach (var peer in machine.Peers)
        {
            machine.LeavePeer(_now, peer.PublicKey);
            peer.SetBanned(false);
            machine.BanChanged(_now, peer);
        }
        machine.Suspend();
        while (dials.Count + open.Count > 0)
        {
            if (Take(dials) is { } dial) machine.Closed(_now, dial, null);
            if (Take(open) is { } link) machine.Closed(_now, link, null);
            Collect(machine, dials, open);
        }
        Assert.Empty(machine.Peers);
        Assert.Equal((0, 0, flushes), (machine.Connecting, machine.QueuedPeers, flushed));
        Assert.Null(machine.NextTimeout);

        Link? Take(List<Link> links)
        {
            if (links.Count == 0) return null;
            var link = links[random.Next(links.Count)];
            links.Remove(link);
            return link;
        }
    }

    private static void Collect(SwarmMachine machine, List<Link> dials, List<Link> open)
    {
        foreach (var action in Actions(machine))
        {
            if (action is SwarmAction.Dial dial) dials.Add(dial.Link);
            if (action is SwarmAction.Opened opened) open.Add(opened.Link);
        }
    }

    private static SwarmMachine Machine(Action<SwarmOptions>? configure = null, int? seed = null)
    {
        var options = new SwarmOptions { Jitter = TimeSpan.Zero };
        configure?.Invoke(options);
        return new(s_self, options, seed is { } value ? new SeededRandom(value) : new NoRandom());
    }

    private TopicMachine Find(SwarmMachine machine, params int[] keys)
    {
        var topic = machine.AddTopic(Keys.Topic(1));
        topic.AddSession(s_client);
        topic.BeginRefresh();
        foreach (int key in keys) machine.Found(_now, topic, new(Keys.Public(key), []));
        return topic;
    }

    private static FakeConnection Client(Link link) => FakeConnection.Pair(s_self, link.Peer.PublicKey).Client;

    private static FakeConnection Server(int key) => FakeConnection.Pair(Keys.Public(key), s_self).Server;

    private static List<SwarmAction> Actions(SwarmMachine machine)
    {
        List<SwarmAction> actions = [];
        while (machine.TryTake(out var action)) actions.Add(action);
        return actions;
    }

    private static List<Link> Dials(SwarmMachine machine) => [.. Actions(machine).OfType<SwarmAction.Dial>().Select(dial => dial.Link)];

    private static List<Link> Opened(SwarmMachine machine) => [.. Actions(machine).OfType<SwarmAction.Opened>().Select(opened => opened.Link)];

    private static IEnumerable<IPeerConnection> Aborted(SwarmMachine machine) =>
        [.. Actions(machine).OfType<SwarmAction.Abort>().Select(abort => abort.Connection)];

    private static int Key(Link link) => Key(link.Peer.PublicKey);

    private static int Key(PublicKey key) => key.ToArray()[0];
}
