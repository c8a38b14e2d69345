using System.Diagnostics;
using System.Text.Json.Nodes;

namespace PeopleSwarm.Throughput.Peers;

/// <summary>Our side of <see cref="PeerProcess"/>: events to stdout, commands from stdin.</summary>
internal static class PeerLines
{
    public static void Emit(string name, JsonObject? fields = null)
    {
        fields ??= [];
        fields["event"] = name;
        Console.Out.WriteLine(fields.ToJsonString());
        Console.Out.Flush();
    }

    public static async Task<JsonObject> ReadAsync() =>
        JsonNode.Parse(await Console.In.ReadLineAsync() ?? throw new EndOfStreamException("The benchmark is gone."))!.AsObject();

    /// <summary>Runs <paramref name="work"/> and tells what it took.</summary>
    public static async Task EmitDoneAsync(Func<Task<JsonObject>> work)
    {
        using var self = Process.GetCurrentProcess();
        var cpu = self.TotalProcessorTime;
        long start = Stopwatch.GetTimestamp();
        var result = await work();
        self.Refresh();
        result["cpuSeconds"] = (self.TotalProcessorTime - cpu).TotalSeconds;
        result["rss"] = self.WorkingSet64;
        if (!result.ContainsKey("seconds")) result["seconds"] = Stopwatch.GetElapsedTime(start).TotalSeconds;
        Emit("done", result);
        await Console.In.ReadLineAsync(); // stay until the benchmark is done with both sides
    }
}
