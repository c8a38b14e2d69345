using Microsoft.Extensions.DependencyInjection;

namespace PeopleSwarm.Dht.Node;

/// <summary>Nodes on loopback sockets; disposed together.</summary>
internal sealed class LoopbackNodes : IAsyncDisposable
{
    /// <summary>How long a test waits for what is to come at once, also on a machine that is busy with other things.</summary>
    public static readonly TimeSpan Limit = TimeSpan.FromMinutes(1);

    private readonly List<ServiceProvider> _containers = [];

    public List<DhtNode> Nodes { get; } = [];

    public DhtNode AddBootstrapper(Action<IServiceCollection>? services = null) => Add(o =>
    {
        (o.IsBootstrapper, o.Host, o.Port) = (true, "127.0.0.1", FreePort.Find());
    }, services);

    public DhtNode Add(Action<DhtOptions> configure, Action<IServiceCollection>? services = null)
    {
        var collection = new ServiceCollection();
        collection.AddDht(o =>
        {
            o.Host = "127.0.0.1";
            o.Port = 0;
            o.Bootstrap = [.. Nodes.Take(1).Select(n => n.Status.LocalEndPoint.ToString())];
            configure(o);
        });
        services?.Invoke(collection);
        var container = collection.BuildServiceProvider();
        _containers.Add(container);
        var node = container.GetRequiredService<DhtNode>();
        Nodes.Add(node);
        return node;
    }

    /// <summary>A bootstrap node and persistent ones that are ready.</summary>
    public static async Task<LoopbackNodes> StartAsync(int count, CancellationToken cancellationToken)
    {
        var nodes = new LoopbackNodes();
        await nodes.AddBootstrapper().WhenBootstrappedAsync(cancellationToken);
        for (int i = 1; i < count; i++) await nodes.Add(o => o.Ephemeral = EphemeralMode.Never).WhenBootstrappedAsync(cancellationToken);
        return nodes;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var container in _containers) await container.DisposeAsync();
    }
}
