using System.Diagnostics;
using Microsoft.Extensions.Time.Testing;

namespace PeopleSwarm.Swarm.Fakes;

internal static class Wait
{
    /// <summary>How long a test waits for what is to come at once, also on a machine that is busy with other things.</summary>
    public static readonly TimeSpan Limit = TimeSpan.FromMinutes(1);

    /// <summary>Waits until something holds; fails after <see cref="Limit"/> of real time.</summary>
    public static Task UntilAsync(Func<bool> condition, string what) => UntilAsync(() => Task.FromResult(condition()), what);

    /// <summary>Tries until it is so; fails after <see cref="Limit"/> of real time.</summary>
    public static async Task UntilAsync(Func<Task<bool>> attempt, string what)
    {
        var clock = Stopwatch.StartNew();
        while (!await attempt())
        {
            Assert.True(clock.Elapsed < Limit, $"Not within {Limit}: {what}");
            await Task.Delay(2);
        }
    }

    /// <summary>Waits until a swarm has planned its next work, and returns how far away that is in virtual time, in the timer's whole milliseconds.</summary>
    public static async Task<TimeSpan> ForPlanAsync(PeerSwarm swarm, FakeTimeProvider time)
    {
        TimeSpan? delay = null;
        await UntilAsync(() => (delay = swarm.Read(machine => machine.NextTimeout) - Timestamp.Now(time)) > TimeSpan.Zero, "the next work is planned");
        return TimeSpan.FromMilliseconds(Math.Ceiling(delay!.Value.TotalMilliseconds));
    }
}
