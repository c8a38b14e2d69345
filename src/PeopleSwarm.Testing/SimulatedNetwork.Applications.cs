namespace PeopleSwarm.Testing;

public sealed partial class SimulatedNetwork
{
    private static readonly TimeSpan s_restLimit = TimeSpan.FromSeconds(1);
    private ThreadPoolWatch? _pool;
    private bool _hasApplications;
    private int _runningThread;

    /// <summary>
    /// Times the thread pool did not come to rest within a second of real time, so that the run went on without it.
    /// Above 0, another run of the same seed may differ.
    /// </summary>
    public long Unsettled { get; private set; }

    /// <summary>Whether the caller is the thread that runs the network, while it does.</summary>
    internal bool IsRunningHere => Volatile.Read(ref _runningThread) == Environment.CurrentManagedThreadId;

    /// <summary>
    /// Runs an application on the virtual clock until its task ends. Its continuations come back to this thread; those that
    /// ask for the thread pool run there, and the clock waits for them.
    /// </summary>
    /// <exception cref="SimulationException">It did not end within <paramref name="limit"/> of virtual time.</exception>
    public void Run(Func<Task> application, TimeSpan limit)
    {
        ArgumentNullException.ThrowIfNull(application);
        _hasApplications = true;
        AsRunner(() =>
        {
            var task = Start(application);
            if (!RunUntil(() => task.IsCompleted, limit)) throw Failure($"The application did not end within {limit}.");
            task.GetAwaiter().GetResult();
            return true;
        });
    }

    /// <summary>Runs an application until its task ends, and returns the result.</summary>
    /// <exception cref="SimulationException">It did not end within <paramref name="limit"/> of virtual time.</exception>
    public T Run<T>(Func<Task<T>> application, TimeSpan limit)
    {
        ArgumentNullException.ThrowIfNull(application);
        Task<T>? task = null;
        Run(new Func<Task>(() => task = application()), limit);
        return task!.Result;
    }

    /// <summary>From now on the clock waits for the thread pool.</summary>
    internal void ExpectApplications() => _hasApplications = true;

    private Task Start(Func<Task> application)
    {
        var before = SynchronizationContext.Current;
        SynchronizationContext.SetSynchronizationContext(new SimulatedSynchronizationContext(this));
        try
        {
            return application();
        }
        finally
        {
            SynchronizationContext.SetSynchronizationContext(before);
        }
    }

    private T AsRunner<T>(Func<T> body)
    {
        int before = Interlocked.Exchange(ref _runningThread, Environment.CurrentManagedThreadId);
        if (_hasApplications && before == 0) _pool = new ThreadPoolWatch(s_restLimit);
        var context = SynchronizationContext.Current;
        SynchronizationContext.SetSynchronizationContext(null); // a test framework's own would take continuations elsewhere
        try
        {
            return body();
        }
        finally
        {
            SynchronizationContext.SetSynchronizationContext(context);
            Volatile.Write(ref _runningThread, before);
        }
    }

    private void Settle()
    {
        if (_pool is { } pool && !pool.WaitForRest()) Unsettled++;
    }
}
