using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;
using PeopleSwarm.Interop.Harness;

namespace PeopleSwarm.Interop.Swarm;

public class SwarmInteropTests(NpmTestnetFixture fixture) : IClassFixture<NpmTestnetFixture>
{
    private static readonly JoinOptions s_serverOnly = new() { Client = false }, s_clientOnly = new() { Server = false };

    private IReadOnlyList<UdpEndPoint> Bootstrap => fixture.Testnet.Bootstrap;

    [Theory, InlineData(false), InlineData(true)]
    public async Task We_find_an_npm_server_as_a_client(bool isFirewalled)
    {
        var topic = NewTopic();
        await using var npm = await NpmSwarm.StartAsync(Bootstrap, topic, s_serverOnly, isFirewalled: isFirewalled);
        await using var ours = OurSwarm.Create(Bootstrap);
        ours.Join(topic, s_clientOnly);
        Assert.True(await ours.FlushAsync());
        var connection = await ours.WithAsync(npm.PublicKey);
        Assert.True(connection.IsInitiator);
        Assert.Equal([topic], connection.Peer.Topics);
        await ExchangeAsync(ours, npm, connection);
    }

    [Theory, InlineData(false), InlineData(true)]
    public async Task An_npm_client_finds_us_as_a_server(bool isFirewalled)
    {
        var topic = NewTopic();
        await using var ours = OurSwarm.Create(Bootstrap);
        Assert.True(await ours.Join(topic, s_serverOnly).FlushedAsync());
        await using var npm = await NpmSwarm.StartAsync(Bootstrap, topic, s_clientOnly, isFirewalled: isFirewalled);
        var connection = await ours.WithAsync(npm.PublicKey);
        Assert.False(connection.IsInitiator);
        await ExchangeAsync(ours, npm, connection);
    }

    [Fact]
    public async Task Leaving_a_topic_takes_us_off_the_list_and_keeps_the_connection()
    {
        var topic = NewTopic();
        await using var ours = OurSwarm.Create(Bootstrap);
        await ours.Join(topic, s_serverOnly).FlushedAsync();
        await using var npm = await NpmSwarm.StartAsync(Bootstrap, topic, s_clientOnly);
        var connection = await ours.WithAsync(npm.PublicKey);
        Assert.Equal([ours.KeyPair.PublicKey.ToString()], await npm.LookupAsync(topic));
        await ours.LeaveAsync(topic);
        Assert.Empty(await npm.LookupAsync(topic));
        await ExchangeAsync(ours, npm, connection);
    }

    [Fact]
    public async Task An_npm_peer_that_left_is_no_longer_found()
    {
        var topic = NewTopic();
        await using var npm = await NpmSwarm.StartAsync(Bootstrap, topic, s_serverOnly);
        npm.Send(new { command = "leave", topic = topic.ToString() });
        await npm.Process.ReadAsync("left");
        await using var ours = OurSwarm.Create(Bootstrap);
        ours.Join(topic, s_clientOnly);
        Assert.True(await ours.FlushAsync());
        Assert.Empty(ours.Connections);
    }

    [Fact]
    public async Task A_dropped_connection_comes_back_from_whichever_side_dialled()
    {
        var topic = NewTopic();
        await using var npm = await NpmSwarm.StartAsync(Bootstrap, topic, s_serverOnly);
        await using var ours = OurSwarm.Create(Bootstrap);
        ours.Join(topic, s_clientOnly);
        var first = await ours.WithAsync(npm.PublicKey);
        await npm.NextConnectionAsync();
        npm.Send(new { command = "drop", key = ours.KeyPair.PublicKey.ToString() });
        await first.Closed.WaitAsync(TimeSpan.FromMinutes(1));
        await OurSwarm.UntilAsync(() => ours.Statistics.ClientOpened == 2, TimeSpan.FromMinutes(1), "our retry");

        var other = NewTopic();
        await using var client = await NpmSwarm.StartAsync(Bootstrap);
        await ours.Join(other, s_serverOnly).FlushedAsync();
        client.Send(new { command = "join", topic = other.ToString(), server = false });
        var incoming = await ours.WithAsync(client.PublicKey);
        incoming.Abort();
        await OurSwarm.UntilAsync(() => ours.Statistics.ServerOpened == 2, TimeSpan.FromMinutes(1), "its retry");
    }

    [Fact]
    public async Task Firewalls_hold_in_both_directions()
    {
        var topic = NewTopic();
        await using var strict = OurSwarm.Create(Bootstrap, o => o.Firewall = (_, _) => new(true));
        await strict.Join(topic, s_serverOnly).FlushedAsync();
        await using var refused = await NpmSwarm.StartAsync(Bootstrap, topic, s_clientOnly);
        await OurSwarm.UntilAsync(() => strict.Statistics.BannedPeers == 1, TimeSpan.FromMinutes(1), "the npm client is banned");

        await using var ours = OurSwarm.Create(Bootstrap);
        await using var denying = await NpmSwarm.StartAsync(Bootstrap, deny: ours.KeyPair.PublicKey);
        denying.Send(new { command = "listen" });
        await denying.Process.ReadAsync("listening");
        ours.JoinPeer(denying.PublicKey);
        await denying.Process.ReadAsync("ban");
        Assert.Empty(ours.Connections);
        Assert.Empty(strict.Connections);
    }

    [Fact]
    public async Task Of_dials_that_cross_with_npm_exactly_one_survives_on_both_sides()
    {
        const int Rounds = 20;
        for (int round = 0; round < Rounds; round++)
        {
            await using var npm = await CrossingPeers.NpmAsync(Bootstrap);
            await using var ours = OurSwarm.Create(Bootstrap);
            await ours.ListenAsync();
            npm.Send(new { command = "joinPeer", key = ours.KeyPair.PublicKey.ToString() });
            if (round % 2 == 1) await Task.Delay(round);
            ours.JoinPeer(npm.PublicKey);
            await CrossingPeers.SettleAsync(ours, npm);
        }
    }

    private static async Task ExchangeAsync(PeerSwarm ours, NpmSwarm npm, ISwarmConnection connection)
    {
        var theirs = Assert.Single(await npm.ConnectionsAsync());
        Assert.Equal(ours.KeyPair.PublicKey, theirs.Key);
        Assert.Equal(connection.Hash(), theirs.Hash);
        Assert.NotEqual(connection.IsInitiator, theirs.IsInitiator);
        await connection.Output.WriteAsync("from us"u8.ToArray());
        Assert.Equal("from us", (await npm.Process.ReadAsync("data")).GetProperty("text").GetString());
        Assert.Equal("echo: from us", await connection.ReadTextAsync());
    }

    internal static Topic NewTopic() => new(RandomNumberGenerator.GetBytes(Topic.Size));
}

/// <summary>Peers that dial each other at once.</summary>
internal static class CrossingPeers
{
    public static async Task<NpmSwarm> NpmAsync(IEnumerable<UdpEndPoint> bootstrap)
    {
        var npm = await NpmSwarm.StartAsync(bootstrap);
        npm.Send(new { command = "listen" });
        await npm.Process.ReadAsync("listening");
        return npm;
    }

    /// <summary>Waits until both sides hold the same single connection, and that it stays.</summary>
    public static async Task SettleAsync(PeerSwarm ours, NpmSwarm npm)
    {
        var clock = Stopwatch.StartNew();
        int agreed = 0;
        while (agreed < 3)
        {
            Assert.True(clock.Elapsed < TimeSpan.FromSeconds(15), $"No single connection within 15 s: {await DescribeAsync()}");
            var theirs = await npm.ConnectionsAsync();
            bool agrees = ours.Connections.ToArray() is [var one] && theirs is [var other] && one.Hash() == other.Hash && ours.Connecting == 0;
            agreed = agrees ? agreed + 1 : 0;
            await Task.Delay(100);
        }

        async Task<string> DescribeAsync() => new StringBuilder()
            .AppendJoin(", ", ours.Connections.Select(connection => $"ours {connection.Hash()[..8]} {connection.IsInitiator}"))
            .Append("; ")
            .AppendJoin(", ", (await npm.ConnectionsAsync()).Select(connection => $"npm {connection.Hash[..8]} {connection.IsInitiator}"))
            .ToString();
    }
}
