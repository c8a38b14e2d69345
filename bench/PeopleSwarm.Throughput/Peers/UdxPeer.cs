using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;

namespace PeopleSwarm.Throughput.Peers;

/// <summary>One side of raw UDX streams; the counterpart of <c>tests/npm/bench/udx.js</c>.</summary>
internal static class UdxPeer
{
    public static async Task RunAsync(JsonObject args)
    {
        string mode = (string)args["mode"]!;
        int count = (int?)args["streams"] ?? 1;
        await using var services = new ServiceCollection().AddLogging().AddUdx().BuildServiceProvider();
        await using var host = services.GetRequiredService<IDatagramHostFactory>().Create();
        await using var transport = services.GetRequiredService<IReliableTransportFactory>().Create(host);
        var socket = host.Bind(UdpEndPoint.Loopback(0));
        uint first = mode is "send" or "ping" ? 1000u : 5000u;
        var streams = Enumerable.Range(0, count).Select(i => transport.CreateStream(new() { LocalId = first + (uint)i })).ToArray();
        PeerLines.Emit("ready", new()
        {
            ["port"] = host.GetLocalEndPoint(socket).Port,
            ["ids"] = new JsonArray([.. streams.Select(s => (JsonNode)s.LocalId)]),
        });

        var start = await PeerLines.ReadAsync();
        for (int i = 0; i < count; i++)
            streams[i].Connect(socket, (uint)start["ids"]![i]!, UdpEndPoint.Loopback((ushort)(int)start["port"]!));
        long bytes = (long?)start["bytes"] ?? 0;
        int pings = (int?)start["count"] ?? 0;
        await PeerLines.EmitDoneAsync(async () =>
        {
            var results = await Task.WhenAll(streams.Select(s => Task.Run(() => StreamWork.RunAsync(mode, s, bytes, pings))));
            var result = results[0];
            result["bytes"] = results.Sum(r => (long?)r["bytes"] ?? 0);
            result["perStream"] = new JsonArray([.. results.Select(r => (JsonNode)((double?)r["seconds"] ?? 0))]);
            return result;
        });
    }
}
