using PeopleSwarm.Interop.Harness;
using PeopleSwarm.Interop.PeerDht;

namespace PeopleSwarm.Interop.Swarm;

/// <summary>Several peers on one topic, half of them npm.</summary>
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
            await MixedMesh.AssertFullAsync(ours, npm, TimeSpan.FromSeconds(10));

            npm[0].Process.Kill();
            foreach (var swarm in ours)
                await OurSwarm.UntilAsync(() => swarm.Connections.All(connection => connection.RemotePublicKey != npm[0].PublicKey),
                    TimeSpan.FromSeconds(60), "a killed npm peer is noticed");
            await npm[0].DisposeAsync();
            npm[0] = await NpmSwarm.StartAsync(Bootstrap, topic);
            await MixedMesh.AssertFullAsync(ours, npm, TimeSpan.FromSeconds(20));

            await ours[0].DisposeAsync();
            ours[0] = OurSwarm.Create(Bootstrap);
            ours[0].Join(topic);
            await MixedMesh.AssertFullAsync(ours, npm, TimeSpan.FromSeconds(20));
        }
        finally
        {
            foreach (var peer in npm) await peer.DisposeAsync();
            foreach (var peer in ours) await peer.DisposeAsync();
        }
    }

    [Fact]
    public async Task Mixed_peers_meet_on_a_dht_of_our_nodes_alone()
    {
        await using var nodes = await OurNodes.StartAsync(4);
        UdpEndPoint[] bootstrap = [nodes[0].Status.LocalEndPoint];
        var topic = SwarmInteropTests.NewTopic();
        await using NpmSwarm first = await NpmSwarm.StartAsync(bootstrap, topic), second = await NpmSwarm.StartAsync(bootstrap, topic);
        await using PeerSwarm third = OurSwarm.Create(bootstrap), fourth = OurSwarm.Create(bootstrap);
        await third.Join(topic).FlushedAsync();
        await fourth.Join(topic).FlushedAsync();
        await MixedMesh.AssertFullAsync([third, fourth], [first, second], TimeSpan.FromSeconds(10));
    }
}
