using System.Collections.Concurrent;

namespace PeopleSwarm.Swarm;

/// <summary>Runs items one after the other on the thread pool, in the order they were posted.</summary>
internal sealed class SerialExecutor<T>(Action<T> run, Action<Exception> failed) : IThreadPoolWorkItem
{
    private const int MaxPerTurn = 64; // then others get the thread

    private readonly ConcurrentQueue<T> _items = [];
    private int _isScheduled;

    /// <summary>Adds an item; never runs it on the calling thread.</summary>
    public void Post(T item)
    {
        _items.Enqueue(item);
        Schedule();
    }

    void IThreadPoolWorkItem.Execute()
    {
        for (int i = 0; i < MaxPerTurn && _items.TryDequeue(out var item); i++)
        {
            try
            {
                run(item);
            }
            catch (Exception error)
            {
                failed(error);
            }
        }
        Volatile.Write(ref _isScheduled, 0);
        if (!_items.IsEmpty) Schedule();
    }

    private void Schedule()
    {
        if (Interlocked.Exchange(ref _isScheduled, 1) == 0) ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
    }
}
