using System.Text.Json;

namespace PeopleSwarm.Interop.Harness;

/// <summary>A DHT of npm nodes alone on 127.0.0.1, in one process. Start one in a test, or share <see cref="NpmTestnetFixture"/> in a class.</summary>
public sealed class NpmTestnet : IAsyncDisposable
{
    private readonly NodePeer _process;

    private NpmTestnet(NodePeer process, JsonElement ready)
    {
        _process = process;
        Bootstrap = Read(ready, "bootstrap");
        Nodes = Read(ready, "nodes");
    }

    /// <summary>The bootstrap node, as a list of one.</summary>
    public IReadOnlyList<UdpEndPoint> Bootstrap { get; }

    /// <summary>All nodes, the bootstrap node first.</summary>
    public IReadOnlyList<UdpEndPoint> Nodes { get; }

    /// <summary>Starts <paramref name="nodes"/> persistent nodes; skips the running test where Node.js is missing.</summary>
    /// <param name="nodes">How many, the bootstrap node included.</param>
    /// <param name="package"><c>hyperdht</c>, or <c>hyperdht-6-32</c> for the older one.</param>
    public static async Task<NpmTestnet> StartAsync(int nodes = 3, string package = "hyperdht")
    {
        var (process, ready) = await NodePeer.StartReadyAsync("harness/testnet.js", new { nodes, package }, TimeSpan.FromSeconds(60));
        return new(process, ready);
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => _process.DisposeAsync();

    private static UdpEndPoint[] Read(JsonElement ready, string name) =>
        [.. ready.GetProperty(name).EnumerateArray().Select(e => UdpEndPoint.Parse(e.GetString()!))];
}

/// <summary>One testnet of three nodes for all tests of a class: <c>IClassFixture&lt;NpmTestnetFixture&gt;</c>.</summary>
public sealed class NpmTestnetFixture : IAsyncLifetime
{
    private NpmTestnet? _testnet;

    /// <summary>The testnet; skips the running test where Node.js is missing.</summary>
    public NpmTestnet Testnet
    {
        get
        {
            Npm.RequireNode();
            return _testnet!;
        }
    }

    /// <inheritdoc/>
    public async ValueTask InitializeAsync()
    {
        if (Npm.HasNode) _testnet = await NpmTestnet.StartAsync();
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => _testnet?.DisposeAsync() ?? ValueTask.CompletedTask;
}
