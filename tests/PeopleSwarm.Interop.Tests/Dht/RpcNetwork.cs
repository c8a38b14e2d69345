using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using PeopleSwarm.Interop.Harness;

namespace PeopleSwarm.Interop.Dht;

/// <summary>Nodes of both kinds on loopback; disposed together.</summary>
internal sealed class RpcNetwork : IAsyncDisposable
{
    private readonly List<ServiceProvider> _containers = [];
    private readonly List<NodePeer> _peers = [];
    private string? _bootstrap;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary>An npm node that is ready; the first of the network is its bootstrap node.</summary>
    public async Task<(NodePeer Peer, JsonElement Ready)> AddNpmAsync(bool? ephemeral = false)
    {
        ushort port = FreePort.Find();
        object args = _bootstrap is null ? new { bootstrapper = port }
            : ephemeral is { } isEphemeral ? new { bootstrap = new[] { _bootstrap }, ephemeral = isEphemeral }
            : new { bootstrap = new[] { _bootstrap } };
        var (peer, ready) = await NodePeer.StartReadyAsync("dht/rpc-node.js", args);
        _peers.Add(peer);
        _bootstrap ??= $"127.0.0.1:{ready.GetProperty("port").GetInt32()}";
        return (peer, ready);
    }

    /// <summary>A node of ours that is ready; the first of the network is its bootstrap node.</summary>
    public async Task<(IDhtNode Node, CommittedValues Values)> AddOursAsync(EphemeralMode ephemeral = EphemeralMode.Never)
    {
        var values = new CommittedValues();
        bool isFirst = _bootstrap is null;
        var services = new ServiceCollection().AddSingleton<IDhtCommandHandler>(values).AddDht(o =>
        {
            o.Host = "127.0.0.1";
            o.Port = isFirst ? FreePort.Find() : 0;
            o.IsBootstrapper = isFirst;
            o.Ephemeral = ephemeral;
            o.Bootstrap = isFirst ? [] : [_bootstrap!];
        });
        var container = services.BuildServiceProvider();
        _containers.Add(container);
        var node = container.GetRequiredService<IDhtNode>();
        await node.WhenBootstrappedAsync(Cancel);
        _bootstrap ??= node.Status.LocalEndPoint.ToString();
        return (node, values);
    }

    /// <summary>What an npm node knows, as soon as <paramref name="isThere"/> holds.</summary>
    public static async Task<JsonElement> WaitForStateAsync(NodePeer peer, Func<JsonElement, bool> isThere)
    {
        for (int i = 0; ; i++)
        {
            peer.Send(new { command = "state" });
            var state = await peer.ReadAsync("state");
            if (isThere(state)) return state;
            Assert.True(i < 100, $"The npm node is still at {state}");
            await Task.Delay(100, Cancel);
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var container in _containers) await container.DisposeAsync();
        foreach (var peer in _peers) await peer.DisposeAsync();
    }
}
