using System.Diagnostics;

namespace PeopleSwarm.Testing;

/// <summary>
/// Tells when the thread pool has come to rest, so that time may go on: nothing is queued and no worker is busy beyond those
/// that were busy for other reasons when the run began.
/// </summary>
internal sealed class ThreadPoolWatch
{
    private static readonly TimeSpan s_countLimit = TimeSpan.FromMilliseconds(50);
    private readonly TimeSpan _limit;
    private int _busyBefore;

    public ThreadPoolWatch(TimeSpan limit)
    {
        _limit = limit;
        _busyBefore = CountOthers();
    }

    /// <summary>Waits for rest. False if there was none within the limit of real time.</summary>
    public bool WaitForRest()
    {
        if (IsAtRest()) return true;
        long began = Stopwatch.GetTimestamp();
        while (!IsAtRest())
        {
            if (Stopwatch.GetElapsedTime(began) > _limit)
            {
                _busyBefore = BusyWorkers(); // busy for good, it seems
                return false;
            }
            Thread.Yield();
        }
        return true;
    }

    // Workers that are busy for good, ourselves perhaps; those that happen to be are soon done.
    private static int CountOthers()
    {
        int least = BusyWorkers(), own = Thread.CurrentThread.IsThreadPoolThread ? 1 : 0;
        for (long began = Stopwatch.GetTimestamp(); least > own && Stopwatch.GetElapsedTime(began) < s_countLimit; Thread.Yield())
            least = Math.Min(least, BusyWorkers());
        return least;
    }

    // A worker counts as busy from the moment it is asked for until it finds nothing more to do.
    private bool IsAtRest()
    {
        if (ThreadPool.PendingWorkItemCount != 0) return false;
        int busy = BusyWorkers();
        if (busy > _busyBefore) return false;
        _busyBefore = busy;
        return true;
    }

    private static int BusyWorkers()
    {
        ThreadPool.GetMaxThreads(out int all, out _);
        ThreadPool.GetAvailableThreads(out int available, out _);
        return all - available;
    }
}
