using System.Diagnostics;

namespace PeopleSwarm.Testing;

/// <summary>
/// Tells when the thread pool has come to rest, so that time may go on: nothing is queued and no worker is busy beyond those
/// that were busy for other reasons when the run began.
/// </summary>
internal sealed class ThreadPoolWatch
{
    private int _busyBefore = BusyWorkers();
    private readonly TimeSpan _limit;

    public ThreadPoolWatch(TimeSpan limit) => _limit = limit;

    /// <summary>Waits for rest. False if there was none within the limit of real time.</summary>
    public bool WaitForRest()
    {
        if (IsAtRest()) return true;
        long began = Stopwatch.GetTimestamp();
        while (!IsAtRest())
        {
            if (Stopwatch.GetElapsedTime(began) > _limit) return false;
            Thread.Yield();
        }
        return true;
    }

    // A worker counts as busy from the moment it is asked for until it finds nothing more to do.
    private bool IsAtRest()
    {
        if (ThreadPool.PendingWorkItemCount != 0) return false;
        int busy = BusyWorkers();
        if (busy > _busyBefore) return false;
        _busyBefore = busy; // the first count may have caught work of our own
        return true;
    }

    private static int BusyWorkers()
    {
        ThreadPool.GetMaxThreads(out int all, out _);
        ThreadPool.GetAvailableThreads(out int available, out _);
        return all - available;
    }
}
