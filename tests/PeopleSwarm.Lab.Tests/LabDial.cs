using System.Globalization;
using System.Text.Json;

namespace PeopleSwarm.Lab;

/// <summary>How a dial in the lab ended, as a C# side of it says.</summary>
/// <param name="First">The path when 16 bytes had come back; null if there was none.</param>
/// <param name="Error">Why there was none.</param>
/// <param name="Milliseconds">Until then, or until it failed.</param>
/// <param name="Final">The path it went over to; as the first if it stayed there.</param>
/// <param name="MovedAfter">Milliseconds more until it went over.</param>
internal sealed record LabResult(string? First, string? Error, double Milliseconds, string? Final, double MovedAfter)
{
    public override string ToString() => string.Create(CultureInfo.InvariantCulture,
        $"{(First is null ? "-" : First.ToLowerInvariant())} {Milliseconds:0}{(Final == First ? "" : $" > {Final!.ToLowerInvariant()} {Milliseconds + MovedAfter:0}")}");
}

/// <summary>One listener, one dialler, each a node of its own.</summary>
internal static class LabDial
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(60);
    private static int s_lastId;

    /// <summary>Dials, and waits for the path after the relayed one.</summary>
    public static async Task<LabResult> RunAsync(LabPeer dialler, LabPeer listener)
    {
        var (result, id) = await OpenAsync(dialler, listener);
        if (result.First != nameof(PeerPath.Relayed) || dialler.IsSymmetric && listener.IsSymmetric) return result;
        var ours = dialler.IsNpm ? listener : dialler;
        ours.Process.Send(new { command = "direct", id });
        var moved = await ours.Process.ReadAsync($"path{id}", s_limit);
        return result with { Final = PathOf(moved), MovedAfter = moved.GetProperty("milliseconds").GetDouble() };
    }

    /// <summary>Dials, and returns the id that further commands name.</summary>
    public static async Task<(LabResult Result, int Id)> OpenAsync(LabPeer dialler, LabPeer listener)
    {
        int id = Interlocked.Increment(ref s_lastId);
        listener.Process.Send(new { command = "listen", id, bootstrap = NetworkLab.Bootstrap });
        var listening = await listener.Process.ReadAsync($"listening{id}", s_limit);
        string key = listening.GetProperty("publicKey").GetString()!;
        dialler.Process.Send(new { command = "connect", id, publicKey = key, bootstrap = NetworkLab.Bootstrap });
        var connected = dialler.Process.ReadAsync($"connected{id}", s_limit);
        var failed = dialler.Process.ReadAsync($"failed{id}", s_limit);
        var first = await Task.WhenAny(connected, failed);
        var end = await first;
        _ = (first == connected ? failed : connected).ContinueWith(static t => _ = t.Exception, TaskScheduler.Default); // never comes
        double milliseconds = end.GetProperty("milliseconds").GetDouble();
        if (first == failed) return (new(null, end.GetProperty("error").GetString(), milliseconds, null, 0), id);
        string path = PathOf(end) ?? PathOf(await listener.Process.ReadAsync($"accepted{id}", s_limit))
            ?? throw new InvalidOperationException("Neither side told the path.");
        return (new(path, null, milliseconds, path, 0), id);
    }

    private static string? PathOf(JsonElement told) => told.TryGetProperty("path", out var path) ? path.GetString() : null;
}
