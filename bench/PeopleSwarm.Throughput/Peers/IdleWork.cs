using System.Diagnostics;
using System.Text.Json.Nodes;

namespace PeopleSwarm.Throughput.Peers;

/// <summary>Opens connections that do nothing, and tells what memory they take; the counterpart is in <c>tests/npm/bench/idle.js</c>.</summary>
internal static class IdleWork
{
    /// <summary>Connections made before the first look at the memory, so that code and pools are there.</summary>
    private const int WarmUp = 20;

    // The listener looks while the dialler pauses.
    private static readonly TimeSpan s_dialPause = TimeSpan.FromSeconds(4), s_listenPause = TimeSpan.FromSeconds(1), s_settle = TimeSpan.FromSeconds(3);

    public static async Task<JsonObject> RunAsync(int count, bool listensFor, Func<Task<IPeerConnection>> open)
    {
        List<IPeerConnection> connections = [];
        await OpenAsync(WarmUp);
        await Task.Delay(listensFor ? s_listenPause : s_dialPause / 2);
        long before = Memory();
        if (!listensFor) await Task.Delay(s_dialPause / 2);
        await OpenAsync(count);
        await Task.Delay(s_settle);
        long memory = Memory() - before;
        GC.KeepAlive(connections);
        return new() { ["connections"] = count, ["memory"] = memory };

        async Task OpenAsync(int more)
        {
            for (; more > 0; more--) connections.Add(await open());
        }
    }

    private static long Memory()
    {
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        using var self = Process.GetCurrentProcess();
        return self.WorkingSet64;
    }
}
