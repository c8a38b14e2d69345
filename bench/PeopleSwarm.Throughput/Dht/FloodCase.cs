using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace PeopleSwarm.Throughput.Dht;

/// <summary>
/// A listening node that a hundred encrypted connections send to as fast as they can, without and with a flood of forged datagrams from a
/// third process. Each time under the flood is held against the times before and after it.
/// </summary>
internal static class FloodCase
{
    private const int Connections = 100, PerMinute = 100_000, Tenfold = 10;
    private static readonly TimeSpan s_warmUp = TimeSpan.FromSeconds(4), s_quiet = TimeSpan.FromSeconds(6), s_flooded = TimeSpan.FromSeconds(12);

    public static DhtNumber[] Numbers { get; } =
    [
        new("100 connections together", "quiet", "{0:F0} MB/s", "", "", LessIsBetter: false),
        new("kept under 100,000 forged a minute", "kept", "{0:P0}", "90 %", "", LessIsBetter: false),
        new("kept under 1,000,000", "keptTenfold", "{0:P0}", "", "", LessIsBetter: false),
        new("memory gained under 100,000", "memory", "{0:F1} MB", "none", "", Against: false),
        new("memory gained under 1,000,000", "memoryTenfold", "{0:F1} MB", "", "", Against: false),
        new("open files gained", "files", "{0:F0}", "none", "", Against: false),
    ];

    public static async Task<JsonElement> RunAsync(Side side, CancellationToken cancellationToken)
    {
        await using var listener = Start(side, new() { ["mode"] = "flood-listen" });
        var ready = await listener.ReadAsync("ready", cancellationToken);
        JsonObject dial = new() { ["mode"] = "flood-dial", ["port"] = Port(ready, "port"), ["publicKey"] = ready.GetProperty("publicKey").GetString(), ["connections"] = Connections };
        await using var dialler = Start(side, dial);
        await dialler.ReadAsync("ready", cancellationToken);
        await Task.Delay(s_warmUp, cancellationToken);

        double first = await RateAsync(listener, s_quiet, cancellationToken);
        var once = await FloodAsync(listener, ready, PerMinute, cancellationToken);
        double between = await RateAsync(listener, s_quiet, cancellationToken);
        var tenfold = await FloodAsync(listener, ready, Tenfold * PerMinute, cancellationToken);
        double last = await RateAsync(listener, s_quiet, cancellationToken);
        return JsonSerializer.SerializeToElement(new JsonObject
        {
            ["quiet"] = (first + between + last) / 3e6,
            ["kept"] = 2 * once.Rate / (first + between),
            ["keptTenfold"] = 2 * tenfold.Rate / (between + last),
            ["memory"] = once.Memory / 1e6,
            ["memoryTenfold"] = tenfold.Memory / 1e6,
            ["files"] = once.Files + tenfold.Files,
        });
    }

    private static async Task<Flooded> FloodAsync(PeerProcess listener, JsonElement ready, int perMinute, CancellationToken cancellationToken)
    {
        var before = await LookAsync(listener, cancellationToken);
        JsonObject args = new() { ["port"] = Port(ready, "nodePort"), ["publicKey"] = ready.GetProperty("publicKey").GetString(), ["perMinute"] = perMinute };
        await using var flood = PeerProcess.StartOurs("flood", args);
        await flood.ReadAsync("ready", cancellationToken);
        await Task.Delay(TimeSpan.FromSeconds(1), cancellationToken);
        double rate = await RateAsync(listener, s_flooded, cancellationToken);
        await flood.SendAsync(new() { ["command"] = "stop" });
        double sent = (await flood.ReadAsync("done", cancellationToken)).GetProperty("perMinute").GetDouble();
        if (sent < 0.95 * perMinute) Console.Error.WriteLine($"the flood had only {sent:F0} datagrams a minute instead of {perMinute}");
        var after = await LookAsync(listener, cancellationToken);
        return new(rate, after.Memory - before.Memory, after.Files - before.Files);
    }

    /// <summary>Bytes a second.</summary>
    private static async Task<double> RateAsync(PeerProcess listener, TimeSpan time, CancellationToken cancellationToken)
    {
        double before = await CountAsync();
        long began = Stopwatch.GetTimestamp();
        await Task.Delay(time, cancellationToken);
        return (await CountAsync() - before) / Stopwatch.GetElapsedTime(began).TotalSeconds;

        async Task<double> CountAsync()
        {
            await listener.SendAsync(new() { ["command"] = "count" });
            return (await listener.ReadAsync("count", cancellationToken)).GetProperty("bytes").GetDouble();
        }
    }

    private static async Task<Look> LookAsync(PeerProcess listener, CancellationToken cancellationToken)
    {
        await listener.SendAsync(new() { ["command"] = "look" });
        var look = await listener.ReadAsync("look", cancellationToken);
        return new(look.GetProperty("memory").GetDouble(), look.GetProperty("files").GetInt32());
    }

    /// <summary>What a flood did: bytes a second under it, and what the listening process gained.</summary>
    private readonly record struct Flooded(double Rate, double Memory, int Files);

    private static int Port(JsonElement ready, string name) => ready.GetProperty(name).GetInt32();

    private static PeerProcess Start(Side side, JsonObject args) =>
        side == Side.Ours ? PeerProcess.StartOurs("flood-work", args) : PeerProcess.StartNpm("flood.js", args);

    /// <summary>What the listening process holds, after a garbage collection.</summary>
    /// <param name="Memory">Resident bytes.</param>
    /// <param name="Files">Open files, sockets among them.</param>
    private readonly record struct Look(double Memory, int Files);
}
