using PeopleSwarm.Swarm.Fakes;

namespace PeopleSwarm.Swarm;

/// <summary>What the reference does wrong works here (spec hyperswarm, 13).</summary>
public class ReferenceDefectTests
{
    private static readonly Topic s_topic = Keys.Topic(9);

    [Fact]
    public async Task Incoming_connections_are_limited()
    {
        await using var bench = new SwarmBench();
        var server = bench.Add(200, o => o.MaxServerConnections = 3);
        await server.Join(s_topic, new() { Client = false }).FlushedAsync();
        for (int i = 1; i <= 6; i++)
        {
            var client = bench.Add(i, PeerSwarmTests.NoRetries);
            client.Join(s_topic, new() { Server = false });
            await client.FlushAsync();
        }
        await Wait.UntilAsync(() => server.Connections.Count == 3, "three connections");
        await Task.Delay(30);
        Assert.Equal(3, server.Connections.Count);
        Assert.Equal(3, server.Statistics.ServerOpened);
        Assert.Equal(0, server.Statistics.BannedPeers);
        server.Connections.First().Abort();
        await Wait.UntilAsync(() => server.Connections.Count == 2, "a free place");
        var late = bench.Add(7);
        late.Join(s_topic, new() { Server = false });
        await late.FlushAsync();
        Assert.Single(late.Connections);
    }

    [Fact]
    public async Task The_limit_of_a_topic_counts_its_open_connections_over_all_refreshes()
    {
        await using var bench = new SwarmBench();
        for (int i = 1; i <= 6; i++) await bench.Add(i).Join(s_topic, new() { Client = false }).FlushedAsync();
        var client = bench.Add(100);
        var session = client.Join(s_topic, new() { Server = false, Limit = 2 });
        for (int i = 0; i < 4; i++)
        {
            await session.RefreshAsync();
            Assert.True(await client.FlushAsync());
            Assert.Equal(2, client.Connections.Count);
        }
        client.Connections.First().Peer.Reconnect(false);
        client.Connections.First().Abort();
        await Wait.UntilAsync(() => client.Statistics.ClientOpened == 3, "the next peer takes the free place at once");
        Assert.Equal(2, client.Connections.Count);
        await session.RefreshAsync(new() { Server = false, Limit = 5 });
        await client.FlushAsync();
        Assert.Equal(5, client.Connections.Count);
    }

    [Fact]
    public async Task Peers_are_not_stuck_after_a_suspension()
    {
        await using var bench = new SwarmBench();
        for (int i = 1; i <= 8; i++) await bench.Add(i).Join(s_topic, new() { Client = false }).FlushedAsync();
        var gate = new TaskCompletionSource();
        bench.Network.DialGate = gate.Task;
        var client = bench.Add(100);
        var session = client.Join(s_topic, new() { Server = false });
        await session.FlushedAsync();
        Assert.Equal(3, client.Connecting);
        await client.SuspendAsync();
        Assert.Empty(client.Peers);
        gate.SetResult();
        await client.ResumeAsync();
        await Wait.UntilAsync(() => client.Connections.Count == 8, "all peers connected");
    }

    [Fact]
    public async Task A_flush_ends_although_an_explicit_peer_is_being_dialled()
    {
        await using var bench = new SwarmBench();
        var server = bench.Add(1);
        await server.ListenAsync();
        var gate = new TaskCompletionSource();
        bench.Network.DialGate = gate.Task;
        var client = bench.Add(2);
        client.JoinPeer(server.KeyPair.PublicKey);
        var flushed = client.FlushAsync();
        await Task.Delay(20);
        Assert.False(flushed.IsCompleted);
        gate.SetResult();
        Assert.True(await flushed.WaitAsync(Wait.Limit));
        Assert.Single(client.Connections);
    }

    [Fact]
    public async Task Rejected_strangers_are_forgotten_beyond_a_bound()
    {
        await using var bench = new SwarmBench();
        var server = bench.Add(1, o => (o.Firewall, o.MaxBannedPeers) = ((_, _) => new(true), 100));
        await server.ListenAsync();
        var listener = bench.Network.Listeners[server.KeyPair.PublicKey];
        for (int i = 2; i < 5000; i++) Assert.True(await listener.RefusesAsync(Keys.Public(i)));
        Assert.Equal(100, server.Peers.Count);
        Assert.Equal(100, server.Statistics.BannedPeers);
    }

    [Fact]
    public async Task A_node_of_somebody_else_stays_alive()
    {
        await using var bench = new SwarmBench();
        var node = bench.Network.AddNode(1);
        var swarm = bench.Add(node);
        await swarm.Join(s_topic).FlushedAsync();
        await swarm.SuspendAsync();
        Assert.False(node.Status.IsSuspended);
        await swarm.ResumeAsync();
        await swarm.DisposeAsync();
        Assert.False(node.IsDisposed);
        Assert.Empty(bench.Network.Listeners);
        await using var another = new PeerSwarm(node);
        Assert.True(await another.Join(s_topic).FlushedAsync());
    }

    [Fact]
    public void A_topic_has_32_bytes()
    {
        Assert.Throws<ArgumentException>(() => new Topic(new byte[5]));
        Assert.Throws<ArgumentException>(() => new Topic(new byte[33]));
    }

    [Fact]
    public async Task A_peer_that_never_worked_sinks_in_the_queue_and_a_fresh_one_overtakes_it()
    {
        await using var bench = new SwarmBench();
        var node = bench.Network.AddNode(100);
        var client = bench.Add(node, o =>
        {
            PeerSwarmTests.Fast(o);
            o.MaxParallel = 1;
        });
        bench.Network.List(s_topic, new(Keys.Public(1), []));
        client.Join(s_topic, new() { Server = false });
        await Wait.UntilAsync(() => node.Dials.Count == 4 && client.Peers.Count == 0, "given up after three retries");
        await Task.Delay(100);
        Assert.Equal(4, node.Dials.Count);
    }
}
