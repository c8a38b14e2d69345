using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.DependencyInjection;

namespace PeopleSwarm.Throughput.Peers;

/// <summary>A small DHT on loopback, in the process of the listening side as npm's test network is.</summary>
internal sealed class LocalDht : IAsyncDisposable
{
    private const string Host = "127.0.0.1";
    private const int Storing = 3;

    private readonly List<ServiceProvider> _containers = [];

    private LocalDht(int port) => BootstrapPort = port;

    public int BootstrapPort { get; }

    /// <summary>The node that listens.</summary>
    public IDhtNode Node { get; private set; } = null!;

    public static async Task<LocalDht> StartAsync(int count = Storing + 1)
    {
        LocalDht network = new(FreePort());
        await network.AddAsync(o => (o.IsBootstrapper, o.Port) = (true, network.BootstrapPort));
        for (int i = 1; i < count; i++) network.Node = await network.AddAsync();
        return network;
    }

    /// <summary>One more node that stores for others.</summary>
    public Task<IDhtNode> AddAsync() => AddAsync(o => o.Ephemeral = EphemeralMode.Never);

    /// <summary>A container with a node that joins the DHT at <paramref name="port"/>.</summary>
    public static ServiceProvider CreateNode(int port, Action<DhtOptions>? configure = null) => new ServiceCollection().AddLogging().AddDht(o =>
    {
        (o.Host, o.Port) = (Host, 0);
        o.Bootstrap = [string.Create(CultureInfo.InvariantCulture, $"{Host}:{port}")];
        configure?.Invoke(o);
    }).BuildServiceProvider();

    public async ValueTask DisposeAsync()
    {
        foreach (var container in _containers) await container.DisposeAsync();
    }

    private async Task<IDhtNode> AddAsync(Action<DhtOptions> configure)
    {
        var container = CreateNode(BootstrapPort, configure);
        _containers.Add(container);
        var node = container.GetRequiredService<IDhtNode>();
        await node.WhenBootstrappedAsync();
        return node;
    }

    private static int FreePort()
    {
        using UdpClient socket = new(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.Client.LocalEndPoint!).Port;
    }
}
