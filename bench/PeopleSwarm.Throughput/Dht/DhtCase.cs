using System.Text.Json;
using System.Text.Json.Nodes;

namespace PeopleSwarm.Throughput.Dht;

/// <summary>Something done with the DHT by nodes of one kind alone, and the numbers that come of it.</summary>
/// <param name="Name">Its name on the command line and in the table.</param>
/// <param name="RunAsync">Runs it once with nodes of one kind.</param>
/// <param name="Numbers">What counts of what it tells.</param>
internal sealed record DhtCase(string Name, Func<Side, CancellationToken, Task<JsonElement>> RunAsync, DhtNumber[] Numbers)
{
    public static DhtCase[] All { get; } =
    [
        Operations(nodes: 10),
        Operations(nodes: 30),
        new("serve", ServeAsync, [new("look-ups answered per CPU second", "perCpuSecond", "{0:F0}", "2×", "5×", LessIsBetter: false)]),
        new("rest", (side, cancel) => AloneAsync(side, new() { ["mode"] = "rest" }, cancel), [new("memory of a node at rest", "kilobytes", "{0:F0} KB", "2×", "10×")]),
        new("connect", ConnectAsync,
        [
            new("connect p50", "p50", "{0:F2} ms", "2×", "4×"),
            new("connect p95", "p95", "{0:F2} ms", "2×", "4×"),
            new("connections a second", "perSecond", "{0:F0}", "3×", "6×", LessIsBetter: false),
        ]),
        new("flood", FloodCase.RunAsync, FloodCase.Numbers),
    ];

    private static DhtCase Operations(int nodes) => new($"nodes-{nodes}", (side, cancel) => AloneAsync(side, new() { ["mode"] = "operations", ["nodes"] = nodes }, cancel),
    [
        new("look-up p50", "lookup", "{0:F2} ms", "1×", "2×"),
        new("announce p50", "announce", "{0:F2} ms", "1×", "2×"),
        new("immutable put p50", "put", "{0:F2} ms", "1×", "2×"),
    ]);

    /// <summary>All in one process.</summary>
    private static async Task<JsonElement> AloneAsync(Side side, JsonObject args, CancellationToken cancellationToken)
    {
        await using var peer = Start(side, args);
        return await peer.ReadAsync("done", cancellationToken);
    }

    /// <summary>A node of a network of ten, and this process that asks it as fast as it answers.</summary>
    private static async Task<JsonElement> ServeAsync(Side side, CancellationToken cancellationToken)
    {
        await using var peer = Start(side, new() { ["mode"] = "serve" });
        int port = (await peer.ReadAsync("ready", cancellationToken)).GetProperty("port").GetInt32();
        await RequestFlood.RunAsync(port, TimeSpan.FromSeconds(2), cancellationToken); // until code is compiled
        await peer.SendAsync(new() { ["command"] = "start" });
        await peer.ReadAsync("started", cancellationToken);
        long answers = await RequestFlood.RunAsync(port, TimeSpan.FromSeconds(4), cancellationToken);
        await peer.SendAsync(new() { ["command"] = "stop" });
        double seconds = (await peer.ReadAsync("done", cancellationToken)).GetProperty("cpuSeconds").GetDouble();
        return JsonSerializer.SerializeToElement(new JsonObject { ["perCpuSecond"] = answers / seconds });
    }

    private static async Task<JsonElement> ConnectAsync(Side side, CancellationToken cancellationToken)
    {
        await using var listener = Start(side, new() { ["mode"] = "connect-listen" });
        var ready = await listener.ReadAsync("ready", cancellationToken);
        JsonObject args = new() { ["mode"] = "connect-dial", ["port"] = ready.GetProperty("port").GetInt32(), ["publicKey"] = ready.GetProperty("publicKey").GetString() };
        await using var dialler = Start(side, args);
        return await dialler.ReadAsync("done", cancellationToken);
    }

    private static PeerProcess Start(Side side, JsonObject args) =>
        side == Side.Ours ? PeerProcess.StartOurs("dht-work", args) : PeerProcess.StartNpm("dht.js", args);
}

/// <summary>A number that counts.</summary>
/// <param name="What">Its name in the table.</param>
/// <param name="Property">What the peer calls it.</param>
/// <param name="Unit">How it is written: a format of one number.</param>
/// <param name="Reach">What is to be reached, as text.</param>
/// <param name="Aim">What is aimed at, as text.</param>
/// <param name="LessIsBetter">Whether small is good.</param>
/// <param name="Against">Whether it says something how many times as good it is as npm's.</param>
internal sealed record DhtNumber(string What, string Property, string Unit, string Reach, string Aim, bool LessIsBetter = true, bool Against = true);
