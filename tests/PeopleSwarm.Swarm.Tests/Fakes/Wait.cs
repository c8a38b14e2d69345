using System.Diagnostics;
using Microsoft.Extensions.Time.Testing;

namespace PeopleSwarm.Swarm.Fakes;

internal static class Wait
{
    /// <summary>Waits until something holds; fails after ten seconds of real time.</summary>
    public static async Task UntilAsync(Func<bool> condition, string what)
    {
        var clock = Stopwatch.StartNew();
        while (!condition())
        {
            Assert.True(clock.Elapsed < TimeSpan.FromSeconds(10), $"Not within 10 s: {what}");
            await Task.Delay(2);
        }
    }

    /// <summary>Advances virtual time in steps until something holds, at most by <paramref name="limit"/>; returns the time it took.</summary>
    public static async Task<TimeSpan> AdvanceUntilAsync(FakeTimeProvider time, TimeSpan step, TimeSpan limit, Func<bool> condition, string what)
    {
        var begun = time.GetUtcNow();
        while (!condition())
        {
            Assert.True(time.GetUtcNow() - begun < limit, $"Not within {limit}: {what}");
            time.Advance(step);
            await SettleAsync();
        }
        return time.GetUtcNow() - begun;
    }

    /// <summary>Gives work on the pool a moment.</summary>
    public static Task SettleAsync() => Task.Delay(5);
}
