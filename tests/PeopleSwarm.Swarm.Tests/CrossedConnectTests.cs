using System.Collections.Concurrent;
using PeopleSwarm.Swarm.Fakes;

namespace PeopleSwarm.Swarm;

public class CrossedConnectTests
{
    [Fact]
    public async Task Of_crossed_dials_the_larger_keys_survives_on_both_sides_100_times()
    {
        for (int seed = 0; seed < 100; seed++) await CrossAsync(seed);
    }

    private static async Task CrossAsync(int seed)
    {
        await using var bench = new SwarmBench(seed);
        bench.Network.MaxLatency = TimeSpan.FromMilliseconds(seed % 4);
        var (small, large) = (bench.Add(1 + seed % 5), bench.Add(10 + seed % 7));
        await Task.WhenAll(small.ListenAsync(), large.ListenAsync());
        ConcurrentQueue<ISwarmConnection> opened = [];
        small.Connected += (_, e) => opened.Enqueue(e.Connection);
        large.Connected += (_, e) => opened.Enqueue(e.Connection);
        small.JoinPeer(large.KeyPair.PublicKey);
        large.JoinPeer(small.KeyPair.PublicKey);
        Assert.True(await small.FlushAsync() && await large.FlushAsync());
        await Wait.UntilAsync(() => Mesh.IsComplete(small, large), $"one connection, seed {seed}");
        await Task.Delay(4);
        Assert.True(Mesh.IsComplete(small, large), $"it stays, seed {seed}");
        if (small.Statistics.ClientOpened + large.Statistics.ClientOpened == 2)
            Assert.True(large.Connections.Single().IsInitiator, $"the larger key dialled, seed {seed}");
        Assert.All(opened, connection => Assert.True(connection.Closed.IsCompleted
            || connection == small.Connections.Single() || connection == large.Connections.Single()));
    }

    [Fact]
    public async Task A_peer_that_lost_its_end_replaces_an_established_connection()
    {
        await using var bench = new SwarmBench();
        var server = bench.Add(200);
        await server.ListenAsync();
        var first = (FakeConnection)await bench.Network.AddNode(1).ConnectAsync(server.KeyPair.PublicKey);
        await Wait.UntilAsync(() => server.Connections.Count == 1, "connected");
        first.Establish();
        var second = await bench.Network.AddNode(1).ConnectAsync(server.KeyPair.PublicKey);
        await first.Closed.WaitAsync(Wait.Limit);
        await Wait.UntilAsync(() => server.Statistics.ServerOpened == 2, "the new one took its place");
        Assert.Equal(second.HandshakeHash, server.Connections.Single().HandshakeHash);
        Assert.False(second.Closed.IsCompleted);
    }

    [Fact]
    public async Task A_second_connection_from_a_smaller_key_is_refused_while_the_first_is_silent()
    {
        await using var bench = new SwarmBench();
        var server = bench.Add(200);
        await server.ListenAsync();
        var first = (FakeConnection)await bench.Network.AddNode(1).ConnectAsync(server.KeyPair.PublicKey);
        await Wait.UntilAsync(() => server.Connections.Count == 1, "connected");
        var second = await bench.Network.AddNode(1).ConnectAsync(server.KeyPair.PublicKey);
        await second.Closed.WaitAsync(Wait.Limit);
        Assert.False(first.Closed.IsCompleted);
        Assert.Equal(17, first.RawBytesRead); // the keep-alive that asks whether the first still lives
    }

    [Fact]
    public async Task Ten_peers_of_one_topic_get_one_connection_a_pair()
    {
        await using var bench = new SwarmBench(5);
        bench.Network.MaxLatency = TimeSpan.FromMilliseconds(10);
        PeerSwarm[] swarms = [.. Enumerable.Range(1, 10).Select(key => bench.Add(key, PeerSwarmTests.Fast))];
        var sessions = swarms.Select(swarm => swarm.Join(Keys.Topic(1))).ToArray();
        await Task.WhenAll(sessions.Select(session => session.FlushedAsync()));
        await Task.WhenAll(sessions.Select(session => session.RefreshAsync())); // those who announced last were not listed at first
        await Wait.UntilAsync(() => Mesh.IsComplete(swarms), "45 pairs");
    }
}
