using System.Diagnostics;

namespace PeopleSwarm.Udx;

/// <summary>Waits without sleeping, on at most half of the processors at once: on none where there is one. Any thread.</summary>
internal sealed class BusyWait
{
    private readonly int _most = Environment.ProcessorCount / 2;
    private int _waiting;

    /// <summary>Waits until <paramref name="isOver"/>, for <paramref name="limit"/> at most, and only while nobody waits for a thread of the pool.</summary>
    public void Until(Func<bool> isOver, TimeSpan limit)
    {
        try
        {
            if (Interlocked.Increment(ref _waiting) > _most) return;
            long start = Stopwatch.GetTimestamp();
            while (!isOver() && ThreadPool.PendingWorkItemCount == 0 && Stopwatch.GetElapsedTime(start) < limit)
            {
                Thread.Yield(); // who is waited for may need this very processor
            }
        }
        finally
        {
            Interlocked.Decrement(ref _waiting);
        }
    }
}
