using Microsoft.Extensions.Time.Testing;
using PeopleSwarm.Swarm.Fakes;

namespace PeopleSwarm.Swarm;

public class SwarmLifecycleTests
{
    private static readonly Topic s_topic = Keys.Topic(9);

    [Fact]
    public async Task A_flush_of_an_idle_swarm_ends_at_once()
    {
        await using var bench = new SwarmBench();
        Assert.True(await bench.Add(1).FlushAsync());
    }

    [Fact]
    public async Task A_flush_waits_for_the_look_up_and_for_peers_that_fail()
    {
        await using var bench = new SwarmBench();
        bench.Network.MaxLatency = TimeSpan.FromMilliseconds(10);
        for (int i = 1; i <= 10; i++) bench.Network.List(s_topic, new(Keys.Public(i), []));
        var client = bench.Add(100, PeerSwarmTests.NoRetries);
        client.Join(s_topic, new() { Server = false });
        Assert.True(await client.FlushAsync());
        Assert.Equal(10, client.Statistics.ClientAttempted);
        Assert.Equal(0, client.Connecting);
    }

    [Fact]
    public async Task A_flush_ends_when_the_limits_leave_peers_waiting()
    {
        await using var bench = new SwarmBench();
        for (int i = 1; i <= 6; i++) await bench.Add(i).Join(s_topic, new() { Client = false }).FlushedAsync();
        var client = bench.Add(100, o => o.MaxPeers = 2);
        client.Join(s_topic, new() { Server = false });
        Assert.True(await client.FlushAsync());
        Assert.Equal(2, client.Connections.Count);
        Assert.True(await client.FlushAsync());
    }

    [Fact]
    public async Task A_flush_ends_although_the_look_up_fails()
    {
        await using var bench = new SwarmBench();
        bench.Network.QueryFault = _ => DhtError.TooFewNodes;
        var swarm = bench.Add(1);
        var session = swarm.Join(s_topic);
        Assert.True(await swarm.FlushAsync());
        Assert.False(await session.FlushedAsync());
    }

    [Fact]
    public async Task A_flush_can_be_cancelled_and_is_false_when_the_swarm_is_disposed()
    {
        await using var bench = new SwarmBench();
        bench.Network.DialGate = new TaskCompletionSource().Task;
        var swarm = bench.Add(1);
        swarm.JoinPeer(Keys.Public(2));
        using var cancellation = new CancellationTokenSource();
        var cancelled = swarm.FlushAsync(cancellation.Token);
        var flushed = swarm.FlushAsync();
        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => cancelled);
        await swarm.DisposeAsync();
        Assert.False(await flushed);
        Assert.False(await swarm.FlushAsync());
    }

    [Fact]
    public async Task Suspending_withdraws_and_closes_and_resuming_brings_everything_back()
    {
        await using var bench = new SwarmBench();
        var server = bench.Add(1);
        var client = bench.Add(2, PeerSwarmTests.Fast);
        var session = server.Join(s_topic, new() { Client = false });
        await session.FlushedAsync();
        client.Join(s_topic, new() { Server = false });
        await client.FlushAsync();

        await server.SuspendAsync();
        await server.SuspendAsync();
        Assert.True(server.IsSuspended);
        Assert.Empty(server.Connections);
        Assert.Empty(bench.Network.Records(s_topic));
        Assert.Empty(bench.Network.Listeners);
        Assert.True(await server.FlushAsync());
        await Assert.ThrowsAsync<InvalidOperationException>(() => server.ListenAsync());
        await Wait.UntilAsync(() => client.Connections.Count == 0, "the peer noticed");

        await server.ResumeAsync();
        await server.ResumeAsync();
        Assert.True(await session.FlushedAsync());
        Assert.Single(bench.Network.Records(s_topic));
        await Wait.UntilAsync(() => client.Connections.Count == 1, "the peer dialled again");
    }

    [Fact]
    public async Task An_explicit_peer_comes_back_after_a_suspension_of_ours()
    {
        await using var bench = new SwarmBench();
        await bench.Add(1).ListenAsync();
        var client = bench.Add(2);
        client.JoinPeer(Keys.Public(1));
        await client.FlushAsync();
        await client.SuspendAsync();
        client.JoinPeer(Keys.Public(3));
        Assert.Equal(0, client.Connecting);
        await client.ResumeAsync();
        Assert.True(await client.FlushAsync());
        Assert.Equal([Keys.Public(1)], client.Connections.Select(connection => connection.RemotePublicKey));
    }

    [Fact]
    public async Task A_topic_joined_while_suspended_is_looked_up_on_resume()
    {
        await using var bench = new SwarmBench();
        await bench.Add(1).Join(s_topic, new() { Client = false }).FlushedAsync();
        var client = bench.Add(2);
        await client.SuspendAsync();
        client.Join(s_topic, new() { Server = false });
        await Task.Delay(20);
        Assert.Equal(0, client.Statistics.ClientAttempted);
        await client.ResumeAsync();
        await Wait.UntilAsync(() => client.Connections.Count == 1, "connected");
    }

    [Fact]
    public async Task Disposing_withdraws_delivers_and_ends_the_enumerations_once()
    {
        await using var bench = new SwarmBench();
        var server = bench.Add(1);
        var client = bench.Add(2);
        await server.Join(s_topic, new() { Client = false }).FlushedAsync();
        client.Join(s_topic, new() { Server = false });
        await client.FlushAsync();
        var connection = client.Connections.Single();
        await connection.Output.WriteAsync(new byte[] { 1, 2, 3 });
        await Wait.UntilAsync(() => server.Connections.Count == 1, "the server sees it");
        var atServer = server.Connections.Single();
        int accepted = 0;
        var enumeration = Task.Run(async () =>
        {
            await foreach (var _ in client.AcceptAllAsync()) accepted++;
        });
        await Wait.UntilAsync(() => Volatile.Read(ref accepted) == 1, "the enumeration runs");

        await Task.WhenAll(client.DisposeAsync().AsTask(), client.DisposeAsync().AsTask());
        await server.DisposeAsync();
        await atServer.Closed.WaitAsync(Wait.Limit);
        var read = await atServer.Input.ReadAsync();
        Assert.Equal(3, read.Buffer.Length);
        await enumeration.WaitAsync(Wait.Limit);
        Assert.Empty(bench.Network.Records(s_topic));
        Assert.Empty(bench.Network.Listeners);
        Assert.Throws<ObjectDisposedException>(() => client.Join(s_topic));
        Assert.Throws<ObjectDisposedException>(() => client.JoinPeer(Keys.Public(1)));
        await Assert.ThrowsAsync<ObjectDisposedException>(() => client.SuspendAsync());
        await Assert.ThrowsAsync<ObjectDisposedException>(() => client.ListenAsync());
        Assert.Empty(client.Connections);
        await client.LeaveAsync(s_topic);
        client.LeavePeer(Keys.Public(1));
    }

    [Fact]
    public async Task Disposing_breaks_a_connection_whose_peer_takes_nothing_in_time()
    {
        await using var bench = new SwarmBench();
        await bench.Add(1).ListenAsync();
        var client = bench.Add(2, o => o.CloseTimeout = TimeSpan.FromMilliseconds(50));
        client.JoinPeer(Keys.Public(1));
        await client.FlushAsync();
        ((FakeConnection)client.Connections.Single().Channel).IsUnacknowledged = true;
        var connection = client.Connections.Single();
        await client.DisposeAsync().AsTask().WaitAsync(Wait.Limit);
        Assert.Equal(StreamCloseReason.LocalAbort, (await connection.Closed).Reason);
    }

    [Fact]
    public async Task Disposing_at_any_moment_ends_and_leaves_nothing()
    {
        for (int seed = 0; seed < 40; seed++)
        {
            await using var bench = new SwarmBench(seed);
            bench.Network.MaxLatency = TimeSpan.FromMilliseconds(4);
            PeerSwarm[] swarms = [.. Enumerable.Range(1, 5).Select(key => bench.Add(key, PeerSwarmTests.Fast))];
            foreach (var swarm in swarms) swarm.Join(s_topic);
            swarms[0].JoinPeer(swarms[4].KeyPair.PublicKey);
            var flushed = swarms[1].FlushAsync();
            await Task.Delay(seed / 2);
            var suspended = seed % 3 == 0 ? swarms[2].SuspendAsync() : swarms[2].LeaveAsync(s_topic);
            await Task.WhenAll(swarms.Select(swarm => swarm.DisposeAsync().AsTask())).WaitAsync(Wait.Limit);
            foreach (var swarm in swarms) Assert.Equal((0, 0), (swarm.Connections.Count, swarm.Connecting));
            await suspended.ContinueWith(_ => { }, TaskScheduler.Default);
            await flushed;
            Assert.Empty(bench.Network.Listeners);
            Assert.Empty(bench.Network.Records(s_topic));
        }
    }

    [Fact]
    public async Task Topics_are_refreshed_every_10_to_12_minutes()
    {
        var time = new FakeTimeProvider();
        await using var bench = new SwarmBench(1, time);
        var swarm = bench.Add(1);
        await swarm.Join(s_topic).FlushedAsync();
        for (int i = 2; i < 5; i++)
        {
            var delay = await Wait.ForPlanAsync(swarm, time);
            Assert.InRange(delay, TimeSpan.FromMinutes(10), TimeSpan.FromMinutes(12));
            Assert.Equal(i - 1, bench.Network.Journal.Count);
            time.Advance(delay);
            await Wait.UntilAsync(() => bench.Network.Journal.Count == i, "a refresh");
        }
    }

    [Fact]
    public async Task A_clock_that_jumped_puts_the_refresh_off_at_random()
    {
        var time = new FakeTimeProvider();
        await using var bench = new SwarmBench(2, time);
        var swarm = bench.Add(1);
        await swarm.Join(s_topic).FlushedAsync();
        time.Advance(TimeSpan.FromHours(8));
        var delay = await Wait.ForPlanAsync(swarm, time);
        Assert.InRange(delay, TimeSpan.Zero, TimeSpan.FromMinutes(2));
        Assert.Single(bench.Network.Journal);
        time.Advance(delay);
        await Wait.UntilAsync(() => bench.Network.Journal.Count == 2, "the refresh that was put off");
    }

    [Fact]
    public async Task Retries_come_in_the_order_of_the_ladder()
    {
        var time = new FakeTimeProvider();
        await using var bench = new SwarmBench(3, time);
        var node = bench.Network.AddNode(1);
        var swarm = bench.Add(node, o => o.Jitter = TimeSpan.Zero);
        swarm.JoinPeer(Keys.Public(2));
        (double Min, double Max)[] ladder = [(3.3, 6.6), (9.9, 19.8), (9.9, 19.8), (396, 792)];
        for (int i = 0; i < ladder.Length; i++)
        {
            await Wait.UntilAsync(() => node.Dials.Count == i + 1 && swarm.Connecting == 0, $"dial {i + 1}");
            var delay = await Wait.ForPlanAsync(swarm, time);
            Assert.InRange(delay.TotalSeconds, ladder[i].Min, ladder[i].Max);
            time.Advance(delay);
        }
        await Wait.UntilAsync(() => node.Dials.Count == ladder.Length + 1, "the last dial");
    }
}
