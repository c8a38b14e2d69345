using System.Text.Json.Nodes;

namespace PeopleSwarm.Throughput.Peers;

/// <summary>One side of an encrypted connection; the counterpart of <c>tests/npm/bench/hyperdht.js</c>. The listening side runs the DHT.</summary>
internal static class DhtPeer
{
    public static async Task RunAsync(JsonObject args)
    {
        string mode = (string)args["mode"]!;
        if (mode is "receive" or "pong") await ListenAsync(mode);
        else await ConnectAsync(mode);
    }

    private static async Task ListenAsync(string mode)
    {
        await using var network = await LocalDht.StartAsync();
        await using var listener = await network.Node.ListenAsync();
        PeerLines.Emit("ready", new() { ["publicKey"] = listener.PublicKey.ToString(), ["port"] = network.BootstrapPort });
        await PeerLines.ReadAsync();
        await using var connection = await listener.AcceptAsync();
        await PeerLines.EmitDoneAsync(() => StreamWork.RunAsync(mode, connection, 0, 0));
    }

    private static async Task ConnectAsync(string mode)
    {
        PeerLines.Emit("ready");
        var start = await PeerLines.ReadAsync();
        await using var node = LocalDht.CreateNode((int)start["port"]!);
        await using var connection = await node.ConnectAsync(PublicKey.Parse((string)start["publicKey"]!));
        await PeerLines.EmitDoneAsync(() =>
            StreamWork.RunAsync(mode, connection, (long?)start["bytes"] ?? 0, (int?)start["count"] ?? 0));
    }
}
