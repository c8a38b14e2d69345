using System.Diagnostics;
using PeopleSwarm.Udx;

namespace PeopleSwarm;

[Collection(nameof(Alone))]
public class BusyWaitTests
{
    private static readonly TimeSpan s_long = TimeSpan.FromSeconds(10), s_soon = TimeSpan.FromSeconds(5);

    private readonly BusyWait _wait = new();

    [Fact]
    public void It_is_over_when_the_time_is()
    {
        Assert.SkipWhen(Environment.ProcessorCount == 1, "Nobody waits on the only processor.");
        var limit = TimeSpan.FromMilliseconds(20);
        var best = TimeSpan.Zero;
        for (int i = 0; i < 100 && best < limit; i++)
        {
            best = Time(Never(), limit);
            Thread.Sleep(10); // somebody wanted a thread of the pool
        }
        Assert.InRange(best, limit, s_soon);
    }

    [Fact]
    public void It_is_over_when_what_is_waited_for_comes()
    {
        int looks = 0;
        Assert.InRange(Time(() => ++looks == 3, s_long), TimeSpan.Zero, s_soon);
    }

    [Fact]
    public void Half_of_the_processors_wait_at_most()
    {
        int looks = 0;
        Nested(Environment.ProcessorCount);
        Assert.InRange(looks, 0, Environment.ProcessorCount / 2);
        bool hasLooked = false;
        _wait.Until(() => hasLooked = true, s_long);
        Assert.Equal(Environment.ProcessorCount > 1, hasLooked); // who waited has left

        void Nested(int more) => _wait.Until(() =>
        {
            looks++;
            if (more > 1) Nested(more - 1);
            return true;
        }, s_long);
    }

    [Fact]
    public void Somebody_who_waits_for_a_thread_ends_it()
    {
        using ManualResetEventSlim release = new();
        using CountdownEvent done = new(1000);
        for (int i = 0; i < done.InitialCount; i++) // more than the pool has threads
        {
            ThreadPool.QueueUserWorkItem(_ =>
            {
                release.Wait();
                done.Signal();
            });
        }
        var time = Time(Never(), s_long);
        release.Set();
        done.Wait();
        Assert.InRange(time, TimeSpan.Zero, s_soon);
    }

    private static Func<bool> Never()
    {
        long start = Stopwatch.GetTimestamp();
        return () => Stopwatch.GetElapsedTime(start) > s_long; // or a defect would hang the test
    }

    private TimeSpan Time(Func<bool> isOver, TimeSpan limit)
    {
        long start = Stopwatch.GetTimestamp();
        _wait.Until(isOver, limit);
        return Stopwatch.GetElapsedTime(start);
    }
}
