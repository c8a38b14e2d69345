using Microsoft.Extensions.DependencyInjection;
using PeopleSwarm;

namespace Layers;

/// <summary>A DHT of two nodes on this machine, so that the samples need no network.</summary>
internal sealed class LocalDht : IAsyncDisposable
{
    private readonly ServiceProvider _first, _second;

    private LocalDht(ServiceProvider first, ServiceProvider second, string bootstrap) => (_first, _second, Bootstrap) = (first, second, bootstrap);

    public string Bootstrap { get; }

    public static async Task<LocalDht> StartAsync(int port = 49_900)
    {
        string bootstrap = $"127.0.0.1:{port}";
        var first = Create(o => (o.Host, o.Port, o.IsBootstrapper) = ("127.0.0.1", port, true));
        var second = Create(o => (o.Host, o.Port, o.Bootstrap, o.Ephemeral) = ("127.0.0.1", 0, [bootstrap], EphemeralMode.Never));
        await first.GetRequiredService<IDhtNode>().WhenBootstrappedAsync();
        await second.GetRequiredService<IDhtNode>().WhenBootstrappedAsync();
        return new(first, second, bootstrap);
    }

    public async ValueTask DisposeAsync()
    {
        await _second.DisposeAsync();
        await _first.DisposeAsync();
    }

    private static ServiceProvider Create(Action<DhtOptions> configure) => new ServiceCollection().AddDht(configure).BuildServiceProvider();
}
