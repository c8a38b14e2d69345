using System.Text.Json;
using System.Text.Json.Nodes;

namespace PeopleSwarm.Throughput;

/// <summary>Who plays a side.</summary>
internal enum Side { Ours, Npm }

/// <summary>How much a case does where it does not say so itself.</summary>
/// <param name="Bytes">Bytes of a transfer.</param>
/// <param name="Pings">Round trips.</param>
/// <param name="Connections">Idle connections.</param>
/// <param name="Round">Number of the round, which seeds the link's losses.</param>
internal readonly record struct Workload(long Bytes, int Pings, int Connections, int Round);

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
    /// <summary>The link between the sides; null for the loopback itself.</summary>
    public LinkProfile? Link { get; init; }

    /// <summary>What it is called in the chart.</summary>
    public required string Title { get; init; }

    /// <summary>What counts.</summary>
    public required Goal[] Goals { get; init; }

    /// <summary>The pairs of dialler and listener to run, the npm pair last: all ratios are against it.</summary>
    public IEnumerable<(Side Dialler, Side Listener)> Pairs => Mixed
        ? [(Side.Ours, Side.Ours), (Side.Ours, Side.Npm), (Side.Npm, Side.Ours), (Side.Npm, Side.Npm)]
        : [(Side.Ours, Side.Ours), (Side.Npm, Side.Npm)];

    public async Task<Measurement> RunAsync(Side dialler, Side listener, Workload work, CancellationToken cancellationToken)
    {
        await using var second = Start(listener, ListenMode);
        var ready = await second.ReadAsync("ready", cancellationToken);
        await using var first = Start(dialler, DialMode);
        var dialling = await first.ReadAsync("ready", cancellationToken);

        using var proxy = Link is null ? null : new LinkProxy(Link, Port(dialling), Port(ready), work.Round);
        await second.SendAsync(Command(dialling, work, proxy?.ListenerPort));
        await first.SendAsync(Command(ready, work, proxy?.DiallerPort));
        var done = await Task.WhenAll(first.ReadAsync("done", cancellationToken), second.ReadAsync("done", cancellationToken));
        return Measurement.From(done[0], done[1], Link, proxy?.QueueP95 ?? 0);
    }

    private PeerProcess Start(Side side, string mode)
    {
        JsonObject args = new() { ["mode"] = mode, ["streams"] = Streams };
        return side == Side.Ours ? PeerProcess.StartOurs(Role, args) : PeerProcess.StartNpm(Script, args);
    }

    private static int Port(JsonElement ready) => ready.GetProperty("port").GetInt32();

    private JsonObject Command(JsonElement other, Workload work, int? port)
    {
        JsonObject command = new()
        {
            ["command"] = "start",
            ["bytes"] = Math.Min(work.Bytes, Link?.RunBytes ?? long.MaxValue) / Streams,
            ["count"] = work.Pings,
            ["connections"] = work.Connections,
        };
        foreach (var property in other.EnumerateObject())
            if (property.Name != "event") command[property.Name] = JsonNode.Parse(property.Value.GetRawText());
        if (port is { } through) command["port"] = through;
        return command;
    }
}
