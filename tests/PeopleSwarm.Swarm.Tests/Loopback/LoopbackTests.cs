using System.Security.Cryptography;
using PeopleSwarm.Swarm.Fakes;

namespace PeopleSwarm.Swarm.Loopback;

/// <summary>Swarms on real nodes, streams and handshakes.</summary>
[Collection(nameof(LoopbackTests))]
public class LoopbackTests
{
    [Fact]
    public async Task Peers_meet_talk_part_and_meet_again()
    {
        await using var dht = await LoopbackDht.StartAsync();
        var (server, client) = (dht.Add(), dht.Add());
        var topic = NewTopic();
        Assert.True(await server.Join(topic, new() { Client = false }).FlushedAsync());
        client.Join(topic, new() { Server = false });
        Assert.True(await client.FlushAsync());
        var connection = Assert.Single(client.Connections);
        await Wait.UntilAsync(() => server.Connections.Count == 1, "the server sees it");
        var atServer = server.Connections.Single();
        Assert.Equal(connection.HandshakeHash, atServer.HandshakeHash);

        var bytes = RandomNumberGenerator.GetBytes(300_000);
        var sending = Task.Run(async () =>
        {
            await connection.Output.WriteAsync(bytes);
            await connection.Output.CompleteAsync();
        });
        Assert.Equal(bytes, await ReadAllAsync(atServer));
        await sending;

        atServer.Abort();
        await connection.Closed.WaitAsync(Wait.Limit);
        await Wait.UntilAsync(() => client.Statistics.ClientOpened == 2, "dialled again");
    }

    [Fact]
    public async Task What_was_written_before_disposing_arrives()
    {
        await using var dht = await LoopbackDht.StartAsync();
        var (server, client) = (dht.Add(), dht.Add());
        await server.ListenAsync();
        client.JoinPeer(server.KeyPair.PublicKey);
        await client.FlushAsync();
        var bytes = RandomNumberGenerator.GetBytes(200_000);
        var connection = Assert.Single(client.Connections);
        await Wait.UntilAsync(() => server.Connections.Count == 1, "the server sees it");
        var reading = ReadAllAsync(server.Connections.Single());
        await connection.Output.WriteAsync(bytes);
        await client.DisposeAsync();
        Assert.Equal(bytes, await reading.WaitAsync(Wait.Limit));
    }

    [Fact]
    public async Task Six_peers_get_one_connection_a_pair()
    {
        await using var dht = await LoopbackDht.StartAsync();
        var topic = NewTopic();
        PeerSwarm[] swarms = [.. Enumerable.Range(0, 6).Select(_ => dht.Add())];
        foreach (var swarm in swarms) await swarm.Join(topic).FlushedAsync();
        await Wait.UntilAsync(() => Mesh.IsComplete(swarms), "15 pairs");
    }

    [Fact]
    public async Task Crossed_dials_leave_one_connection()
    {
        await using var dht = await LoopbackDht.StartAsync();
        for (int round = 0; round < 10; round++)
        {
            await using PeerSwarm left = dht.Add(), right = dht.Add();
            await Task.WhenAll(left.ListenAsync(), right.ListenAsync());
            left.JoinPeer(right.KeyPair.PublicKey);
            if (round % 2 == 1) await Task.Delay(round);
            right.JoinPeer(left.KeyPair.PublicKey);
            await Wait.UntilAsync(() => Mesh.IsComplete(left, right), $"one connection, round {round}");
            await Task.Delay(50);
            Assert.True(Mesh.IsComplete(left, right), $"it stays, round {round}");
        }
    }

    [Fact]
    public async Task A_suspended_swarm_is_gone_and_comes_back()
    {
        await using var dht = await LoopbackDht.StartAsync();
        var (server, client) = (dht.Add(), dht.Add());
        var topic = NewTopic();
        await server.Join(topic, new() { Client = false }).FlushedAsync();
        var session = client.Join(topic, new() { Server = false });
        await client.FlushAsync();
        await server.SuspendAsync();
        await Wait.UntilAsync(() => client.Connections.Count == 0, "the client noticed");
        await server.ResumeAsync();
        Assert.True(await server.Join(topic, new() { Client = false }).FlushedAsync());
        await session.RefreshAsync();
        await Wait.UntilAsync(() => client.Connections.Count == 1, "connected again");
    }

    private static async Task<byte[]> ReadAllAsync(IPeerConnection connection)
    {
        using var bytes = new MemoryStream();
        await connection.Input.CopyToAsync(bytes);
        return bytes.ToArray();
    }

    private static Topic NewTopic() => new(RandomNumberGenerator.GetBytes(Topic.Size));
}
