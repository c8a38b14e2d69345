using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;

namespace PeopleSwarm.Throughput.Peers;

/// <summary>One side of encrypted connections; the counterpart of <c>tests/npm/bench/hyperdht.js</c>. The listening side runs the DHT.</summary>
internal static class DhtPeer
{
    public static Task RunAsync(JsonObject args)
    {
        string mode = (string)args["mode"]!;
        return mode is "receive" or "pong" or "idle-listen" ? ListenAsync(mode) : DialAsync(mode);
    }

    private static async Task ListenAsync(string mode)
    {
        await using var network = await LocalDht.StartAsync();
        await using var listener = await network.Node.ListenAsync();
        PeerLines.Emit("ready", new() { ["publicKey"] = listener.PublicKey.ToString(), ["port"] = network.BootstrapPort });
        var start = await PeerLines.ReadAsync();
        if (mode == "idle-listen")
        {
            await PeerLines.EmitDoneAsync(() => IdleWork.RunAsync((int)start["connections"]!, listensFor: true, () => listener.AcceptAsync().AsTask()));
            return;
        }
        await using var connection = await listener.AcceptAsync();
        await PeerLines.EmitDoneAsync(() => StreamWork.RunAsync(mode, connection, 0, 0));
    }

    private static async Task DialAsync(string mode)
    {
        PeerLines.Emit("ready");
        var start = await PeerLines.ReadAsync();
        await using var container = LocalDht.CreateNode((int)start["port"]!);
        var node = container.GetRequiredService<IDhtNode>();
        var publicKey = PublicKey.Parse((string)start["publicKey"]!);
        if (mode == "idle-dial")
        {
            await PeerLines.EmitDoneAsync(() => IdleWork.RunAsync((int)start["connections"]!, listensFor: false, () => node.ConnectAsync(publicKey)));
            return;
        }
        await using var connection = await node.ConnectAsync(publicKey);
        await PeerLines.EmitDoneAsync(() => StreamWork.RunAsync(mode, connection, (long?)start["bytes"] ?? 0, (int?)start["count"] ?? 0));
    }
}
