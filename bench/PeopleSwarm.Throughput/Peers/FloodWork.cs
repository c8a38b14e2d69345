using System.Diagnostics;
using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;

namespace PeopleSwarm.Throughput.Peers;

/// <summary>Our nodes in the case <c>flood</c>; the counterpart of <c>tests/npm/bench/flood.js</c>.</summary>
internal static class FloodWork
{
    private const int Chunk = 64 * 1024;
    private static long s_received;

    public static Task RunAsync(JsonObject args) => (string)args["mode"]! == "flood-listen"
        ? ListenAsync()
        : DialAsync((int)args["port"]!, PublicKey.Parse((string)args["publicKey"]!), (int)args["connections"]!);

    private static async Task ListenAsync()
    {
        await using var network = await LocalDht.StartAsync();
        await using var listener = await network.Node.ListenAsync();
        _ = AcceptAllAsync(listener);
        PeerLines.Emit("ready", new()
        {
            ["publicKey"] = listener.PublicKey.ToString(),
            ["port"] = network.BootstrapPort,
            ["nodePort"] = network.Node.Status.LocalEndPoint.Port,
        });
        while (true)
        {
            string command = (string)(await PeerLines.ReadAsync())["command"]!;
            PeerLines.Emit(command, command == "count" ? new() { ["bytes"] = Interlocked.Read(ref s_received) } : Look());
        }
    }

    private static async Task AcceptAllAsync(IPeerListener listener)
    {
        await foreach (var connection in listener.AcceptAllAsync()) _ = SinkAsync(connection);
    }

    private static async Task SinkAsync(IPeerConnection connection)
    {
        while (true)
        {
            var read = await connection.Input.ReadAsync();
            Interlocked.Add(ref s_received, read.Buffer.Length);
            connection.Input.AdvanceTo(read.Buffer.End);
            if (read.IsCompleted) return;
        }
    }

    private static JsonObject Look()
    {
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        using var self = Process.GetCurrentProcess();
        return new() { ["memory"] = self.WorkingSet64, ["files"] = self.HandleCount };
    }

    private static async Task DialAsync(int port, PublicKey publicKey, int connections)
    {
        await using var container = LocalDht.CreateNode(port);
        var node = container.GetRequiredService<IDhtNode>();
        var opened = await Task.WhenAll(Enumerable.Range(0, connections).Select(_ => node.ConnectAsync(publicKey)));
        PeerLines.Emit("ready");
        await Task.WhenAll(opened.Select(PumpAsync));
    }

    private static async Task PumpAsync(IPeerConnection connection)
    {
        while (true)
        {
            connection.Output.GetSpan(Chunk)[..Chunk].Fill(7);
            connection.Output.Advance(Chunk);
            if ((await connection.Output.FlushAsync()).IsCompleted) return;
        }
    }
}
