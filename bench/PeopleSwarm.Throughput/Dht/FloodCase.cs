using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace PeopleSwarm.Throughput.Dht;

/// <summary>
/// A listening node that a hundred encrypted connections send to as fast as they can, without and with a flood of forged datagrams from a
/// third process. Seconds with and without the flood alternate: each with is held against the ones before and after it, and the median counts.
/// </summary>
internal static class FloodCase
{
    private const int Connections = 100, PerMinute = 100_000, Tenfold = 10, Floods = 4;
    private static readonly TimeSpan s_warmUp = TimeSpan.FromSeconds(4), s_settle = TimeSpan.FromSeconds(0.3), s_window = TimeSpan.FromSeconds(2);

    public static DhtNumber[] Numbers { get; } =
    [
        new("100 connections together", "quiet", "{0:F0} MB/s", "", "", LessIsBetter: false),
        new("kept under 100,000 forged a minute", "kept", "{0:P0}", "90 %", "", LessIsBetter: false),
        new("the worst two seconds of it", "keptAtWorst", "{0:P0}", "", "", LessIsBetter: false),
        new("kept under 1,000,000", "keptTenfold", "{0:P0}", "", "", LessIsBetter: false),
        new("the worst two seconds of it", "keptAtWorstTenfold", "{0:P0}", "", "", LessIsBetter: false),
        new("of a core, to send 1,000,000 a minute", "processor", "{0:P0}", "", "", Against: false),
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
        JsonObject forge = new() { ["port"] = Port(ready, "nodePort"), ["publicKey"] = ready.GetProperty("publicKey").GetString() };
        await using var flood = PeerProcess.StartOurs("flood", forge);
        await flood.ReadAsync("ready", cancellationToken);
        await Task.Delay(s_warmUp, cancellationToken);

        var once = await FloodAsync(listener, flood, PerMinute, cancellationToken);
        var tenfold = await FloodAsync(listener, flood, Tenfold * PerMinute, cancellationToken);
        return JsonSerializer.SerializeToElement(new JsonObject
        {
            ["quiet"] = (once.Quiet + tenfold.Quiet) / 2e6,
            ["kept"] = once.Kept,
            ["keptAtWorst"] = once.KeptAtWorst,
            ["keptTenfold"] = tenfold.Kept,
            ["keptAtWorstTenfold"] = tenfold.KeptAtWorst,
            ["processor"] = tenfold.Processor,
            ["memory"] = once.Memory / 1e6,
            ["memoryTenfold"] = tenfold.Memory / 1e6,
            ["files"] = once.Files + tenfold.Files,
        });
    }

    private static async Task<Flooded> FloodAsync(PeerProcess listener, PeerProcess flood, int perMinute, CancellationToken cancellationToken)
    {
        var before = await LookAsync(listener, cancellationToken);
        List<double> quiet = [await QuietAsync()], kept = [];
        double processor = 0;
        for (int i = 0; i < Floods; i++)
        {
            await flood.SendAsync(new() { ["perMinute"] = perMinute });
            await Task.Delay(s_settle, cancellationToken);
            double rate = await RateAsync(listener, cancellationToken);
            await flood.SendAsync(new() { ["command"] = "stop" });
            var stopped = await flood.ReadAsync("stopped", cancellationToken);
            double sent = stopped.GetProperty("perMinute").GetDouble();
            if (sent < 0.95 * perMinute) Console.Error.WriteLine($"the flood had only {sent:F0} datagrams a minute instead of {perMinute}");
            processor = stopped.GetProperty("processor").GetDouble();
            quiet.Add(await QuietAsync());
            kept.Add(2 * rate / (quiet[^2] + quiet[^1]));
        }
        var after = await LookAsync(listener, cancellationToken);
        return new(Median(quiet), Median(kept), kept.Min(), processor, after.Memory - before.Memory, after.Files - before.Files);

        async Task<double> QuietAsync()
        {
            await Task.Delay(s_settle, cancellationToken);
            return await RateAsync(listener, cancellationToken);
        }
    }

    private static double Median(List<double> values)
    {
        var sorted = values.Order().ToArray();
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }

    /// <summary>Bytes a second.</summary>
    private static async Task<double> RateAsync(PeerProcess listener, CancellationToken cancellationToken)
    {
        double before = await CountAsync();
        long began = Stopwatch.GetTimestamp();
        await Task.Delay(s_window, cancellationToken);
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

    /// <summary>What a flood did: bytes a second without it, the share kept under it, what sending it took of a core, and what the listening process gained.</summary>
    private readonly record struct Flooded(double Quiet, double Kept, double KeptAtWorst, double Processor, double Memory, int Files);

    private static int Port(JsonElement ready, string name) => ready.GetProperty(name).GetInt32();

    private static PeerProcess Start(Side side, JsonObject args) =>
        side == Side.Ours ? PeerProcess.StartOurs("flood-work", args) : PeerProcess.StartNpm("flood.js", args);

    /// <summary>What the listening process holds, after a garbage collection.</summary>
    /// <param name="Memory">Resident bytes.</param>
    /// <param name="Files">Open files, sockets among them.</param>
    private readonly record struct Look(double Memory, int Files);
}
