using Microsoft.Extensions.DependencyInjection;

namespace PeopleSwarm.Swarm.Loopback;

/// <summary>A DHT of four real nodes on 127.0.0.1, and swarms on it.</summary>
internal sealed class LoopbackDht : IAsyncDisposable
{
    private readonly List<ServiceProvider> _nodes = [];
    private readonly List<PeerSwarm> _swarms = [];
    private readonly string _bootstrap;

    private LoopbackDht(ushort port) => _bootstrap = $"127.0.0.1:{port}";

    public static async Task<LoopbackDht> StartAsync()
    {
        ushort port = FreePort.Find();
        var dht = new LoopbackDht(port);
        await dht.AddNodeAsync(o => (o.Bootstrap, o.IsBootstrapper, o.Port) = ([], true, port));
        for (int i = 0; i < 3; i++) await dht.AddNodeAsync(o => (o.Bootstrap, o.Ephemeral, o.Port) = ([dht._bootstrap], EphemeralMode.Never, 0));
        return dht;
    }

    public PeerSwarm Add(Action<SwarmOptions>? configure = null)
    {
        var swarm = PeerSwarm.Create(
            o =>
            {
                PeerSwarmTests.Fast(o);
                (o.ShortBackoff, o.MediumBackoff, o.LongBackoff) = (TimeSpan.FromMilliseconds(200), TimeSpan.FromMilliseconds(400), TimeSpan.FromMilliseconds(600));
                o.ExplicitBackoff = TimeSpan.FromSeconds(1);
                configure?.Invoke(o);
            },
            services => services.Configure<DhtOptions>(o => (o.Bootstrap, o.Host, o.Port) = ([_bootstrap], "127.0.0.1", 0)));
        _swarms.Add(swarm);
        return swarm;
    }

    public async ValueTask DisposeAsync()
    {
        await Task.WhenAll(_swarms.Select(swarm => swarm.DisposeAsync().AsTask()));
        foreach (var node in _nodes) await node.DisposeAsync();
    }

    private async Task AddNodeAsync(Action<DhtOptions> configure)
    {
        var services = new ServiceCollection().AddDht(o =>
        {
            o.Host = "127.0.0.1";
            configure(o);
        }).BuildServiceProvider();
        _nodes.Add(services);
        await services.GetRequiredService<IDhtNode>().WhenBootstrappedAsync();
    }
}
