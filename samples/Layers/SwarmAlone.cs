using Microsoft.Extensions.DependencyInjection;
using PeopleSwarm;

namespace Layers;

/// <summary>Two swarms that meet on a topic; one of them refuses a key.</summary>
internal static class SwarmAlone
{
    public static async Task RunAsync(string bootstrap)
    {
        var unwanted = KeyPair.FromSeed(new byte[32]).PublicKey;
        await using var alice = Create(bootstrap, [.. Enumerable.Repeat((byte)4, 32)], unwanted);
        await using var bob = Create(bootstrap, [.. Enumerable.Repeat((byte)5, 32)], unwanted);

        var topic = Topic.FromText("each layer alone");
        await alice.GetRequiredService<IPeerSwarm>().Join(topic).FlushedAsync();
        var swarm = bob.GetRequiredService<IPeerSwarm>();
        swarm.Join(topic);
        await foreach (var peer in swarm.AcceptAllAsync())
        {
            Console.WriteLine($"swarm:   met {peer.RemotePublicKey}");
            break;
        }
    }

    private static ServiceProvider Create(string bootstrap, byte[] seed, PublicKey unwanted)
    {
        var services = new ServiceCollection();
        services.AddSwarm(o =>
        {
            o.Seed = seed;                                                  // the same seed gives the same identity
            o.MaxPeers = 24;
            o.Firewall = (key, _) => ValueTask.FromResult(key == unwanted); // true refuses and bans
        });
        services.Configure<DhtOptions>(o => o.Bootstrap = [bootstrap]);
        return services.BuildServiceProvider();
    }
}
