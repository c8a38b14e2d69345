using PeopleSwarm.Interop.Harness;

namespace PeopleSwarm.Interop.Swarm;

/// <summary>Ten peers on one topic, half of them npm, on a DHT of npm nodes.</summary>
public class MixedSwarmTests(NpmTestnetFixture fixture) : IClassFixture<NpmTestnetFixture>
{
    private const int Each = 5;

    private IReadOnlyList<UdpEndPoint> Bootstrap => fixture.Testnet.Bootstrap;

    [Fact]
    public async Task Ten_mixed_peers_get_one_connection_a_pair_and_a_restarted_peer_is_found_again()
    {
        var topic = SwarmInteropTests.NewTopic();
        List<NpmSwarm> npm = [];
        List<PeerSwarm> ours = [];
        try
        {
            npm.AddRange(await Task.WhenAll(Enumerable.Range(0, Each).Select(_ => NpmSwarm.StartAsync(Bootstrap))));
            for (int i = 0; i < Each; i++) ours.Add(OurSwarm.Create(Bootstrap));
            foreach (var swarm in ours) await swarm.Dht.WhenBootstrappedAsync();

            // One after the other, as peers come in reality: who joins finds all before it.
            for (int i = 0; i < Each; i++)
            {
                npm[i].Send(new { command = "join", topic = topic.ToString() });
                await npm[i].Process.ReadAsync("joined");
                await ours[i].Join(topic).FlushedAsync();
            }
            await AssertFullMeshAsync(ours, npm, TimeSpan.FromSeconds(10));

            npm[0].Process.Kill();
            foreach (var swarm in ours)
                await OurSwarm.UntilAsync(() => swarm.Connections.All(connection => connection.RemotePublicKey != npm[0].PublicKey),
                    TimeSpan.FromSeconds(60), "a killed npm peer is noticed");
            await npm[0].DisposeAsync();
            npm[0] = await NpmSwarm.StartAsync(Bootstrap, topic);
            await AssertFullMeshAsync(ours, npm, TimeSpan.FromSeconds(20));

            await ours[0].DisposeAsync();
            ours[0] = OurSwarm.Create(Bootstrap);
            ours[0].Join(topic);
            await AssertFullMeshAsync(ours, npm, TimeSpan.FromSeconds(20));
        }
        finally
        {
            foreach (var peer in npm) await peer.DisposeAsync();
            foreach (var peer in ours) await peer.DisposeAsync();
        }
    }

    private static async Task AssertFullMeshAsync(List<PeerSwarm> ours, List<NpmSwarm> npm, TimeSpan limit)
    {
        string problem = "";
        var deadline = DateTime.UtcNow + limit;
        while (DateTime.UtcNow < deadline)
        {
            problem = await FindProblemAsync(ours, npm);
            if (problem.Length == 0) return;
            await Task.Delay(200);
        }
        Assert.Fail($"No full mesh within {limit.TotalSeconds} s: {problem}");
    }

    private static async Task<string> FindProblemAsync(List<PeerSwarm> ours, List<NpmSwarm> npm)
    {
        Dictionary<PublicKey, Dictionary<PublicKey, (string Hash, bool IsInitiator)>> seen = [];
        foreach (var swarm in ours)
            seen[swarm.KeyPair.PublicKey] = swarm.Connections.ToDictionary(c => c.RemotePublicKey, c => (c.Hash(), c.IsInitiator));
        foreach (var swarm in npm)
            seen[swarm.PublicKey] = (await swarm.ConnectionsAsync()).ToDictionary(c => c.Key, c => (c.Hash, c.IsInitiator));
        foreach (var (key, connections) in seen)
            foreach (var other in seen.Keys.Where(other => other != key))
            {
                if (!connections.TryGetValue(other, out var mine)) return $"{Name(key)} has no connection with {Name(other)}";
                if (!seen[other].TryGetValue(key, out var theirs)) return $"{Name(other)} has no connection with {Name(key)}";
                if (mine.Hash != theirs.Hash || mine.IsInitiator == theirs.IsInitiator) return $"{Name(key)} and {Name(other)} have different connections";
            }
        return seen.Values.All(connections => connections.Count == seen.Count - 1) ? "" : "connections with peers that are gone";

        string Name(PublicKey key) => (ours.Exists(swarm => swarm.KeyPair.PublicKey == key) ? "our " : "npm ") + key.ToString()[..6];
    }
}
