using System.Globalization;
using System.Text.Json;
using PeopleSwarm.Interop.Harness;

namespace PeopleSwarm.Lab;

/// <summary>How a dial in the lab ended.</summary>
/// <param name="Path">As the C# side of it says; null if there was none.</param>
/// <param name="Error">Why there was none.</param>
/// <param name="Milliseconds">Until 16 bytes had come back, or until it failed.</param>
internal sealed record LabResult(string? Path, string? Error, double Milliseconds)
{
    public override string ToString() =>
        string.Create(CultureInfo.InvariantCulture, $"{(Path is null ? "-" : Path.ToLowerInvariant())} {Milliseconds:0} ms");
}

/// <summary>One listener, one dialler, each a node of its own.</summary>
internal static class LabDial
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(60);
    private static int s_lastId;

    public static async Task<LabResult> RunAsync(NodePeer dialler, NodePeer listener) => (await OpenAsync(dialler, listener)).Result;

    /// <summary>Dials, and returns the id that further commands name.</summary>
    public static async Task<(LabResult Result, int Id)> OpenAsync(NodePeer dialler, NodePeer listener)
    {
        int id = Interlocked.Increment(ref s_lastId);
        listener.Send(new { command = "listen", id, bootstrap = NetworkLab.Bootstrap });
        var listening = await listener.ReadAsync($"listening{id}", s_limit);
        string key = listening.GetProperty("publicKey").GetString()!;
        dialler.Send(new { command = "connect", id, publicKey = key, bootstrap = NetworkLab.Bootstrap });
        var connected = dialler.ReadAsync($"connected{id}", s_limit);
        var failed = dialler.ReadAsync($"failed{id}", s_limit);
        var first = await Task.WhenAny(connected, failed);
        var end = await first;
        _ = (first == connected ? failed : connected).ContinueWith(static t => _ = t.Exception, TaskScheduler.Default); // never comes
        double milliseconds = end.GetProperty("milliseconds").GetDouble();
        if (first == failed) return (new(null, end.GetProperty("error").GetString(), milliseconds), id);
        string? path = PathOf(end) ?? PathOf(await listener.ReadAsync($"accepted{id}", s_limit));
        return (new(path ?? throw new InvalidOperationException("Neither side told the path."), null, milliseconds), id);
    }

    private static string? PathOf(JsonElement told) => told.TryGetProperty("path", out var path) ? path.GetString() : null;
}
