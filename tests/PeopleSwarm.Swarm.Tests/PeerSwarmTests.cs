using System.Collections.Concurrent;
using PeopleSwarm.Swarm.Fakes;

namespace PeopleSwarm.Swarm;

public class PeerSwarmTests
{
    private static readonly Topic s_topic = Keys.Topic(9);

    [Fact]
    public async Task Two_peers_of_a_topic_find_each_other()
    {
        await using var bench = new SwarmBench();
        var server = bench.Add(1);
        var client = bench.Add(2);
        await server.Join(s_topic, new() { Client = false }).FlushedAsync();
        client.Join(s_topic, new() { Server = false });
        Assert.True(await client.FlushAsync());

        var connection = Assert.Single(client.Connections);
        Assert.Equal(server.KeyPair.PublicKey, connection.RemotePublicKey);
        Assert.True(connection.IsInitiator);
        Assert.Equal([s_topic], connection.Peer.Topics);
        Assert.True(connection.Peer is { IsClient: true, IsProven: true });
        await Wait.UntilAsync(() => server.Connections.Count == 1, "the server sees the connection");
        Assert.False(server.Connections.Single().IsInitiator);
        Assert.False(server.Connections.Single().Peer.IsClient);
        Assert.Equal(connection.HandshakeHash, server.Connections.Single().HandshakeHash);
    }

    [Fact]
    public async Task Several_topics_share_one_connection()
    {
        await using var bench = new SwarmBench();
        var server = bench.Add(1);
        var client = bench.Add(2);
        foreach (int topic in (int[])[1, 2, 3]) await server.Join(Keys.Topic(topic), new() { Client = false }).FlushedAsync();
        foreach (int topic in (int[])[1, 2, 3]) client.Join(Keys.Topic(topic), new() { Server = false });
        await client.FlushAsync();
        var connection = Assert.Single(client.Connections);
        Assert.Equal(3, connection.Peer.Topics.Count);
        Assert.Equal(1, client.Statistics.ClientAttempted);
    }

    [Fact]
    public async Task A_pure_client_is_not_announced_and_does_not_listen()
    {
        await using var bench = new SwarmBench();
        var client = bench.Add(2);
        await client.Join(s_topic, new() { Server = false }).FlushedAsync();
        Assert.Empty(bench.Network.Records(s_topic));
        Assert.Empty(bench.Network.Listeners);
    }

    [Fact]
    public async Task A_server_does_not_dial()
    {
        await using var bench = new SwarmBench();
        var first = bench.Add(1);
        var second = bench.Add(2);
        await first.Join(s_topic, new() { Client = false }).FlushedAsync();
        await second.Join(s_topic, new() { Client = false }).FlushedAsync();
        Assert.Equal(0, first.Statistics.ClientAttempted + second.Statistics.ClientAttempted);
    }

    [Fact]
    public async Task Announcements_carry_the_listeners_relays_and_the_first_one_clears()
    {
        await using var bench = new SwarmBench();
        var server = bench.Add(1);
        await using var session = server.Join(s_topic);
        await session.FlushedAsync();
        await session.RefreshAsync();
        var record = Assert.Single(bench.Network.Records(s_topic));
        Assert.Equal([UdpEndPoint.Loopback(7)], record.RelayAddresses);
        Assert.Equal(["01 announce clear 09 0", "01 announce 09 2"], bench.Network.Journal);
    }

    [Fact]
    public async Task Dials_use_the_relays_that_the_look_up_found()
    {
        await using var bench = new SwarmBench();
        await bench.Add(1).Join(s_topic, new() { Client = false }).FlushedAsync();
        var node = bench.Network.AddNode(2);
        var client = bench.Add(node);
        client.Join(s_topic, new() { Server = false });
        await client.FlushAsync();
        Assert.Equal([UdpEndPoint.Loopback(7)], Assert.Single(node.Dials).RelayAddresses);
    }

    [Fact]
    public async Task Joining_with_neither_mode_is_refused()
    {
        await using var bench = new SwarmBench();
        var swarm = bench.Add(1);
        Assert.Throws<ArgumentException>(() => swarm.Join(s_topic, new() { Server = false, Client = false }));
        Assert.Throws<ArgumentException>(() => swarm.Join(s_topic, new() { Limit = 0 }));
        await using var session = swarm.Join(s_topic);
        await Assert.ThrowsAsync<ArgumentException>(() => session.RefreshAsync(new() { Server = false, Client = false }));
        Assert.Single(swarm.Topics);
    }

    [Fact]
    public async Task Sessions_of_a_topic_add_up_and_the_last_one_leaves()
    {
        await using var bench = new SwarmBench();
        var swarm = bench.Add(1);
        var server = swarm.Join(s_topic, new() { Client = false });
        var client = swarm.Join(s_topic, new() { Server = false });
        Assert.True(swarm.GetTopic(s_topic) is { IsServer: true, IsClient: true, SessionCount: 2 });
        await server.FlushedAsync();
        Assert.Single(bench.Network.Records(s_topic));

        await server.DisposeAsync();
        Assert.True(swarm.GetTopic(s_topic) is { IsServer: false, IsClient: true, SessionCount: 1 });
        Assert.Empty(bench.Network.Records(s_topic));

        await client.DisposeAsync();
        await client.DisposeAsync();
        Assert.Null(swarm.GetTopic(s_topic));
        Assert.True(client.Discovery.IsDestroyed);
        Assert.False(await client.FlushedAsync());
        await Assert.ThrowsAsync<ObjectDisposedException>(() => client.RefreshAsync());
    }

    [Fact]
    public async Task Leaving_withdraws_with_one_send_to_the_known_nodes_and_closes_nothing()
    {
        await using var bench = new SwarmBench();
        var server = bench.Add(1);
        var client = bench.Add(2);
        var session = server.Join(s_topic, new() { Client = false });
        await session.FlushedAsync();
        client.Join(s_topic, new() { Server = false });
        await client.FlushAsync();
        await server.LeaveAsync(s_topic);
        await server.LeaveAsync(s_topic);
        Assert.Empty(bench.Network.Records(s_topic));
        Assert.Contains("01 goodbye 09 2", bench.Network.Journal);
        Assert.Single(client.Connections);
        Assert.Empty(server.Topics);
    }

    [Fact]
    public async Task Joining_again_waits_for_the_withdrawal()
    {
        await using var bench = new SwarmBench();
        bench.Network.MaxLatency = TimeSpan.FromMilliseconds(20);
        var server = bench.Add(1);
        await server.Join(s_topic).FlushedAsync();
        var left = server.LeaveAsync(s_topic);
        var again = server.Join(s_topic);
        Assert.True(await again.FlushedAsync());
        Assert.True(left.IsCompleted);
        Assert.Equal(["01 announce clear 09 0", "01 goodbye 09 2", "01 announce clear 09 0"], bench.Network.Journal);
        Assert.Single(bench.Network.Records(s_topic));
    }

    [Fact]
    public async Task Leaving_in_the_middle_of_the_first_announcement_withdraws_wherever_it_may_have_arrived()
    {
        await using var bench = new SwarmBench();
        bench.Network.AnswerGate = new TaskCompletionSource().Task;
        var server = bench.Add(1);
        server.Join(s_topic);
        await Wait.UntilAsync(() => !bench.Network.Journal.IsEmpty, "the announcement began");
        var left = server.LeaveAsync(s_topic);
        bench.Network.AnswerGate = Task.CompletedTask; // for the next query
        await left;
        Assert.Equal(["01 announce clear 09 0", "01 unannounce 09 0"], bench.Network.Journal);
    }

    [Fact]
    public async Task Every_connection_reaches_the_events_and_one_enumeration()
    {
        await using var bench = new SwarmBench();
        var server = bench.Add(50);
        ConcurrentQueue<PublicKey> raised = [];
        server.Connected += (_, e) => raised.Enqueue(e.Connection.RemotePublicKey);
        await server.Join(s_topic, new() { Client = false }).FlushedAsync();
        for (int i = 1; i <= 10; i++)
        {
            var client = bench.Add(i);
            client.Join(s_topic, new() { Server = false });
            await client.FlushAsync();
        }
        HashSet<PublicKey> accepted = [];
        await foreach (var connection in server.AcceptAllAsync(TestContext.Current.CancellationToken))
        {
            Assert.True(accepted.Add(connection.RemotePublicKey));
            if (accepted.Count == 10) break;
        }
        await Wait.UntilAsync(() => raised.Count == 10, "ten events");
        Assert.Equal(accepted, raised.ToHashSet());
    }

    [Fact]
    public async Task Our_own_announcement_is_not_dialled()
    {
        await using var bench = new SwarmBench();
        var swarm = bench.Add(1);
        await swarm.Join(s_topic).FlushedAsync();
        await swarm.Join(s_topic).RefreshAsync();
        swarm.JoinPeer(swarm.KeyPair.PublicKey);
        Assert.True(await swarm.FlushAsync());
        Assert.Equal(0, swarm.Statistics.ClientAttempted);
        Assert.Empty(swarm.Peers);
        Assert.True(await bench.Network.Listeners[swarm.KeyPair.PublicKey].RefusesAsync(swarm.KeyPair.PublicKey));
    }

    [Fact]
    public async Task The_firewall_bans_in_both_directions_and_says_so_once()
    {
        await using var bench = new SwarmBench();
        ConcurrentQueue<(PublicKey Key, bool HasPayload)> asked = [];
        var strict = bench.Add(1, o => o.Firewall = (key, payload) =>
        {
            asked.Enqueue((key, payload is not null));
            return new(true);
        });
        ConcurrentQueue<PeerBannedEventArgs> bans = [];
        strict.PeerBanned += (_, e) => bans.Enqueue(e);
        var other = bench.Add(2);
        await other.Join(s_topic, new() { Client = false }).FlushedAsync();
        strict.Join(s_topic);
        Assert.True(await strict.FlushAsync());
        Assert.Empty(strict.Connections);
        Assert.True(await bench.Network.Listeners[strict.KeyPair.PublicKey].RefusesAsync(Keys.Public(2)));
        Assert.True(await bench.Network.Listeners[strict.KeyPair.PublicKey].RefusesAsync(Keys.Public(3)));
        await Wait.UntilAsync(() => bans.Count == 2, "two bans");
        Assert.Equal([(Keys.Public(2), false), (Keys.Public(3), true)], asked);
        Assert.Equal(2, strict.Statistics.BannedPeers);
        Assert.Equal(0, strict.Statistics.ClientAttempted);
        Assert.All(bans, ban => Assert.True(ban.Peer.IsBanned));
    }

    [Fact]
    public async Task A_failing_firewall_refuses_without_a_ban()
    {
        await using var bench = new SwarmBench();
        var swarm = bench.Add(1, o => o.Firewall = (_, _) => throw new InvalidOperationException("broken"));
        await swarm.ListenAsync();
        Assert.True(await bench.Network.Listeners[swarm.KeyPair.PublicKey].RefusesAsync(Keys.Public(3)));
        Assert.Equal(0, swarm.Statistics.BannedPeers);
        swarm.JoinPeer(Keys.Public(4));
        Assert.True(await swarm.FlushAsync());
    }

    [Fact]
    public async Task A_ban_by_the_application_closes_nothing_and_stops_reconnecting()
    {
        await using var bench = new SwarmBench();
        var server = bench.Add(1);
        var client = bench.Add(2, Fast);
        await server.Join(s_topic, new() { Client = false }).FlushedAsync();
        client.Join(s_topic, new() { Server = false });
        await client.FlushAsync();
        var connection = Assert.Single(client.Connections);
        connection.Peer.Ban();
        Assert.Single(client.Connections);
        Assert.Equal(1, client.Statistics.BannedPeers);
        connection.Abort();
        await Wait.UntilAsync(() => client.Connections.Count == 0, "closed");
        await Task.Delay(100);
        Assert.Equal(1, client.Statistics.ClientAttempted);
        connection.Peer.Ban(false);
        Assert.Equal(0, client.Statistics.BannedPeers);
        Assert.Empty(client.Peers);
    }

    [Fact]
    public async Task A_lost_connection_is_dialled_again_unless_reconnecting_is_switched_off()
    {
        await using var bench = new SwarmBench();
        var server = bench.Add(1);
        var client = bench.Add(2, Fast);
        await server.Join(s_topic, new() { Client = false }).FlushedAsync();
        client.Join(s_topic, new() { Server = false });
        await client.FlushAsync();
        client.Connections.Single().Abort();
        await Wait.UntilAsync(() => client.Statistics.ClientOpened == 2, "connected again");
        client.Connections.Single().Peer.Reconnect(false);
        client.Connections.Single().Abort();
        await Wait.UntilAsync(() => client.Statistics.ClientClosed == 2, "closed");
        await Task.Delay(100);
        Assert.Equal(2, client.Statistics.ClientAttempted);
        Assert.Empty(client.Peers);
    }

    [Fact]
    public async Task An_explicit_peer_is_kept_connected_through_failures_in_either_direction()
    {
        await using var bench = new SwarmBench();
        var server = bench.Add(1);
        var client = bench.Add(2, Fast);
        int failures = 6;
        bench.Network.DialFault = (_, _) => Interlocked.Decrement(ref failures) >= 0 ? PeerConnectError.PeerNotFound : null;
        await server.ListenAsync();
        client.JoinPeer(server.KeyPair.PublicKey);
        await Wait.UntilAsync(() => client.Connections.Count == 1, "connected after six failures");
        Assert.True(client.Connections.Single().Peer.IsExplicit);
        client.Connections.Single().Abort();
        await Wait.UntilAsync(() => client.Statistics.ClientOpened == 2, "connected again");

        client.LeavePeer(server.KeyPair.PublicKey);
        Assert.Single(client.Connections);
        client.Connections.Single().Abort();
        await Wait.UntilAsync(() => client.Peers.Count == 0, "forgotten");
    }

    [Fact]
    public async Task A_failed_punch_is_repeated_through_the_relay()
    {
        await using var bench = new SwarmBench();
        var relay = Keys.Public(77);
        bench.Network.DialFault = (_, options) => options.RelayThrough is null ? PeerConnectError.CannotHolepunch : null;
        var node = bench.Network.AddNode(2);
        var client = bench.Add(node, o =>
        {
            Fast(o);
            o.RelayThrough.Add(relay);
        });
        await bench.Add(1).Join(s_topic, new() { Client = false }).FlushedAsync();
        client.Join(s_topic, new() { Server = false });
        await Wait.UntilAsync(() => client.Connections.Count == 1, "relayed");
        Assert.Equal([null, relay], node.Dials.Select(dial => dial.RelayThrough));
    }

    [Fact]
    public async Task A_randomized_nat_uses_the_relay_at_once_and_other_failures_do_not()
    {
        await using var bench = new SwarmBench();
        var node = bench.Network.AddNode(2);
        var client = bench.Add(node, o =>
        {
            Fast(o);
            o.RelayThrough.Add(Keys.Public(77));
        });
        client.JoinPeer(Keys.Public(1));
        await Wait.UntilAsync(() => node.Dials.Count >= 2, "two dials");
        Assert.All(node.Dials, dial => Assert.Null(dial.RelayThrough));
        node.SetStatus(new() { IsRandomized = true });
        int before = node.Dials.Count;
        await Wait.UntilAsync(() => node.Dials.Count > before + 1, "more dials");
        Assert.Equal(Keys.Public(77), node.Dials.Last().RelayThrough);
    }

    [Fact]
    public async Task A_network_change_asks_all_connections_for_a_sign_of_life_and_refreshes()
    {
        await using var bench = new SwarmBench();
        await bench.Add(1).Join(s_topic, new() { Client = false }).FlushedAsync();
        var node = bench.Network.AddNode(2);
        var client = bench.Add(node);
        var session = client.Join(s_topic, new() { Server = false });
        await client.FlushAsync();
        var channel = client.Connections.Single().Channel;

        node.RaiseNetworkChanged();
        await Wait.UntilAsync(() => channel.RawBytesWritten == 20 && Lookups() == 2, "a keep-alive and a look-up");
        await session.FlushedAsync(); // a refresh that runs is not begun again
        node.SetStatus(new() { IsOnline = false });
        node.SetStatus(new() { IsOnline = true });
        await Wait.UntilAsync(() => channel.RawBytesWritten == 40 && Lookups() == 3, "coming online counts as one");

        int Lookups() => bench.Network.Journal.Count(entry => entry.StartsWith("02 lookup", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Events_may_come_back_into_the_swarm_and_may_throw()
    {
        await using var bench = new SwarmBench();
        var server = bench.Add(1);
        var client = bench.Add(2);
        ConcurrentQueue<int> seen = [];
        client.Connected += (_, _) => throw new InvalidOperationException("a faulty handler");
        client.Updated += (_, _) =>
        {
            seen.Enqueue(client.Connections.Count + client.Connecting + client.Peers.Count);
            client.GetTopic(s_topic)?.ToString();
        };
        PublicKey? inside = null;
        server.Connected += async (_, e) =>
        {
            inside = e.Connection.RemotePublicKey;
            await server.DisposeAsync();
        };
        await server.Join(s_topic, new() { Client = false }).FlushedAsync();
        client.Join(s_topic, new() { Server = false });
        await client.FlushAsync();
        await Wait.UntilAsync(() => inside is not null && !seen.IsEmpty, "events");
        await server.DisposeAsync();
    }

    [Fact]
    public async Task A_lost_listener_is_started_again_by_the_next_refresh()
    {
        await using var bench = new SwarmBench();
        var node = bench.Network.AddNode(1);
        var server = bench.Add(node);
        var session = server.Join(s_topic);
        await session.FlushedAsync();
        bench.Network.Listeners[Keys.Public(1)].Break();
        await Wait.UntilAsync(async () =>
        {
            await session.RefreshAsync(); // the first one may come before the loss was noticed
            return node.Listens > 1;
        }, "listening again");
        await session.RefreshAsync();
        Assert.Equal(2, node.Listens);
        Assert.True(bench.Network.Listeners.ContainsKey(Keys.Public(1)));
    }

    [Fact]
    public async Task A_peer_learns_of_further_topics_by_event()
    {
        await using var bench = new SwarmBench();
        var server = bench.Add(1);
        var client = bench.Add(2);
        await server.Join(Keys.Topic(1), new() { Client = false }).FlushedAsync();
        await server.Join(Keys.Topic(2), new() { Client = false }).FlushedAsync();
        client.Join(Keys.Topic(1), new() { Server = false });
        await client.FlushAsync();
        ConcurrentQueue<Topic> found = [];
        client.Peers.Single().TopicFound += (_, topic) => found.Enqueue(topic);
        client.Join(Keys.Topic(2), new() { Server = false });
        await Wait.UntilAsync(() => found.Count == 1, "the second topic");
        Assert.Equal([Keys.Topic(2)], found);
    }

    /// <summary>Nobody is dialled again while the test runs.</summary>
    internal static void NoRetries(SwarmOptions options) =>
        options.ShortBackoff = options.MediumBackoff = options.LongBackoff = options.ExplicitBackoff = TimeSpan.FromDays(1);

    internal static void Fast(SwarmOptions options)
    {
        options.ShortBackoff = TimeSpan.FromMilliseconds(5);
        options.MediumBackoff = TimeSpan.FromMilliseconds(10);
        options.LongBackoff = TimeSpan.FromMilliseconds(20);
        options.ExplicitBackoff = TimeSpan.FromMilliseconds(40);
        options.Jitter = TimeSpan.Zero;
    }
}
