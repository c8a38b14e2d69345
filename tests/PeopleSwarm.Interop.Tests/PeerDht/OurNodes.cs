using Microsoft.Extensions.DependencyInjection;

namespace PeopleSwarm.Interop.PeerDht;

/// <summary>Nodes of ours on loopback; disposed together.</summary>
internal sealed class OurNodes : IAsyncDisposable
{
    private readonly List<ServiceProvider> _containers = [];
    private readonly List<IDhtNode> _nodes = [];

    public IReadOnlyList<IDhtNode> All => _nodes;

    public IDhtNode this[int index] => _nodes[index];

    /// <summary>Their server addresses as npm peers take them.</summary>
    public string[] Addresses => [.. _nodes.Select(n => n.Status.LocalEndPoint.ToString())];

    /// <summary>A bootstrap node and persistent ones that know it.</summary>
    public static async Task<OurNodes> StartAsync(int count)
    {
        var nodes = new OurNodes();
        await nodes.AddBootstrapperAsync();
        for (int i = 1; i < count; i++) await nodes.AddAsync(o => o.Ephemeral = EphemeralMode.Never);
        return nodes;
    }

    /// <summary>The node a network begins with.</summary>
    public Task<IDhtNode> AddBootstrapperAsync() => AddAsync(o => (o.IsBootstrapper, o.Port) = (true, FreePort.Find()));

    /// <summary>One more node, by default one that joins by the first.</summary>
    public async Task<IDhtNode> AddAsync(Action<DhtOptions>? configure = null, IReadOnlyList<UdpEndPoint>? bootstrap = null,
        Action<PeerDhtOptions>? configurePeers = null)
    {
        var services = new ServiceCollection();
        services.AddDht(o =>
        {
            (o.Host, o.Port) = ("127.0.0.1", 0);
            o.Bootstrap = [.. (bootstrap ?? _nodes.Take(1).Select(n => n.Status.LocalEndPoint)).Select(e => e.ToString())];
            configure?.Invoke(o);
        });
        if (configurePeers is not null) services.Configure(configurePeers);
        var container = services.BuildServiceProvider();
        _containers.Add(container);
        var node = container.GetRequiredService<IDhtNode>();
        _nodes.Add(node);
        await node.WhenBootstrappedAsync(TestContext.Current.CancellationToken);
        return node;
    }

    /// <summary>A node that stays a guest behind what looks like a firewall.</summary>
    public Task<IDhtNode> AddGuestAsync(IReadOnlyList<UdpEndPoint>? bootstrap = null) =>
        AddAsync(o => (o.Ephemeral, o.QuickFirewall) = (EphemeralMode.Always, false), bootstrap);

    public async ValueTask DisposeAsync()
    {
        for (int i = _containers.Count - 1; i >= 0; i--) await _containers[i].DisposeAsync();
    }

    /// <summary>The key pair that a script makes of the same number.</summary>
    public static KeyPair Key(byte seed) => KeyPair.FromSeed(Enumerable.Repeat(seed, 32).ToArray());

    /// <summary>Accepts connections and sends back what comes, until the listener is disposed.</summary>
    public static async Task EchoAsync(IPeerListener listener, CancellationToken cancellationToken)
    {
        await foreach (var connection in listener.AcceptAllAsync(cancellationToken)) _ = EchoAsync(connection, cancellationToken);
    }

    private static async Task EchoAsync(IPeerConnection connection, CancellationToken cancellationToken)
    {
        await using (connection)
        {
            await connection.Input.CopyToAsync(connection.Output, cancellationToken);
            await connection.Output.CompleteAsync();
            await connection.Closed.WaitAsync(cancellationToken);
        }
    }

    /// <summary>Sends <paramref name="data"/>, ends, and returns what comes back.</summary>
    public static async Task<byte[]> ExchangeAsync(IPeerConnection connection, byte[] data, CancellationToken cancellationToken)
    {
        var received = new MemoryStream();
        var reading = connection.AsStream().CopyToAsync(received, cancellationToken);
        await connection.AsStream().WriteAsync(data, cancellationToken);
        await connection.Output.CompleteAsync();
        await reading;
        return received.ToArray();
    }
}
