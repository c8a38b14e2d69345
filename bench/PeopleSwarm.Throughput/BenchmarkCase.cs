using System.Text.Json;
using System.Text.Json.Nodes;

namespace PeopleSwarm.Throughput;

/// <summary>Who plays a side.</summary>
internal enum Side { Ours, Npm }

/// <summary>One case: the layer, what is done with it, and who is measured against whom.</summary>
/// <param name="Name">Its name on the command line and in the table.</param>
/// <param name="Role">Our role: <c>udx</c> or <c>dht</c>.</param>
/// <param name="Script">Npm's script.</param>
/// <param name="DialMode">What the dialling side does.</param>
/// <param name="ListenMode">What the other side does.</param>
/// <param name="Streams">Streams at once.</param>
/// <param name="Mixed">Also measured with one side of each kind.</param>
internal sealed record BenchmarkCase(string Name, string Role, string Script, string DialMode, string ListenMode, int Streams = 1, bool Mixed = false)
{
    public bool IsPing => DialMode == "ping";

    /// <summary>The pairs of dialler and listener to run, the npm pair last: all ratios are against it.</summary>
    public IEnumerable<(Side Dialler, Side Listener)> Pairs => Mixed
        ? [(Side.Ours, Side.Ours), (Side.Ours, Side.Npm), (Side.Npm, Side.Ours), (Side.Npm, Side.Npm)]
        : [(Side.Ours, Side.Ours), (Side.Npm, Side.Npm)];

    public async Task<Measurement> RunAsync(Side dialler, Side listener, long bytes, int pings, CancellationToken cancellationToken)
    {
        await using var second = Start(listener, ListenMode);
        var ready = await second.ReadAsync("ready", cancellationToken);
        await using var first = Start(dialler, DialMode);
        var dialling = await first.ReadAsync("ready", cancellationToken);

        long perStream = bytes / Streams;
        await second.SendAsync(Command(dialling, perStream, pings));
        await first.SendAsync(Command(ready, perStream, pings));
        var done = await Task.WhenAll(first.ReadAsync("done", cancellationToken), second.ReadAsync("done", cancellationToken));
        return Measurement.From(done[0], done[1]);
    }

    private PeerProcess Start(Side side, string mode)
    {
        JsonObject args = new() { ["mode"] = mode, ["streams"] = Streams };
        return side == Side.Ours ? PeerProcess.StartOurs(Role, args) : PeerProcess.StartNpm(Script, args);
    }

    private static JsonObject Command(JsonElement other, long bytes, int pings)
    {
        JsonObject command = new() { ["command"] = "start", ["bytes"] = bytes, ["count"] = pings };
        foreach (var property in other.EnumerateObject())
            if (property.Name != "event") command[property.Name] = JsonNode.Parse(property.Value.GetRawText());
        return command;
    }
}
