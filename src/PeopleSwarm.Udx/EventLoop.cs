using System.IO.Pipelines;

namespace PeopleSwarm.Udx;

/// <summary>What a loop does after a turn.</summary>
internal enum LoopNext
{
    /// <summary>Nothing until woken.</summary>
    Rest,

    /// <summary>Another turn.</summary>
    Turn,

    /// <summary>Another turn, after those who wait for a thread.</summary>
    Yield,

    /// <summary>This thread does the work lent to it, off the loop, and then another turn.</summary>
    Lend,
}

/// <summary>A serial executor of bounded turns on a scheduler, with one timer. It has no thread of its own.</summary>
internal sealed partial class EventLoop : IThreadPoolWorkItem, IDisposable
{
    // Idle -> Requested (a turn is scheduled) -> Running -> Idle, or Requested again if somebody woke it meanwhile.
    private const int Idle = 0, Running = 1, Requested = 2;

    private const int MaxTurnsInARow = 8; // before others on the thread pool get theirs

    private static readonly Action<object?> s_run = static loop => ((EventLoop)loop!).Run();

    private readonly PipeScheduler _scheduler;
    private readonly bool _onThreadPool;
    private readonly Func<LoopNext> _turn;
    private readonly Action? _afterLoan;
    private readonly TimeProvider _time;
    private readonly ITimer _timer;
    private int _state;
    private int _ownerThread;
    private long _armedFor = long.MaxValue;

    /// <param name="scheduler">Where turns run.</param>
    /// <param name="time">The clock of the timer.</param>
    /// <param name="turn">One bounded turn.</param>
    /// <param name="afterLoan">What a thread does on the loop between work it was lent to and the next turn.</param>
    public EventLoop(PipeScheduler scheduler, TimeProvider time, Func<LoopNext> turn, Action? afterLoan = null)
    {
        _scheduler = scheduler;
        _onThreadPool = ReferenceEquals(scheduler, PipeScheduler.ThreadPool);
        _time = time;
        _turn = turn;
        _afterLoan = afterLoan;
        using (ExecutionContext.SuppressFlow())
        {
            _timer = time.CreateTimer(static loop => ((EventLoop)loop!).OnTimer(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        }
    }

    /// <summary>Whether the caller runs in a turn of this loop.</summary>
    public bool IsCurrent => Volatile.Read(ref _ownerThread) == Environment.CurrentManagedThreadId;

    /// <summary>Whether somebody asked for a turn during this one. On the loop.</summary>
    public bool IsRequested => Volatile.Read(ref _state) == Requested;

    /// <summary>Asks for a turn. Any thread; calls merge.</summary>
    public void Wake()
    {
        if (IsOnShortLoan) return; // a turn follows
        if (Interlocked.Exchange(ref _state, Requested) == Idle) Schedule();
    }

    /// <summary>Runs <paramref name="turn"/> here if the loop is at rest, else asks for a turn. Any thread; one that holds locks only if the turn calls nobody else's code.</summary>
    public void RunHere(Func<LoopNext> turn)
    {
        if (!_onThreadPool || Interlocked.CompareExchange(ref _state, Running, Idle) != Idle) Wake();
        else Finish(Enter(turn));
    }

    /// <summary>Asks for a turn from a callback of the system that holds no lock; runs it at once if the loop is idle on the thread pool.</summary>
    public void WakeFromIo()
    {
        if (Interlocked.Exchange(ref _state, Requested) != Idle) return;
        if (_onThreadPool && Thread.CurrentThread.IsThreadPoolThread) Run();
        else Schedule();
    }

    /// <summary>Makes sure of a turn no later than <paramref name="due"/>. On the loop.</summary>
    public void Arm(Timestamp due, Timestamp now)
    {
        // A timer that fires too early costs one idle turn, and moving it on every packet costs more.
        if (Volatile.Read(ref _armedFor) <= due.Microseconds) return;
        Volatile.Write(ref _armedFor, due.Microseconds);
        double milliseconds = Math.Ceiling((due - now).TotalMilliseconds);
        _timer.Change(TimeSpan.FromMilliseconds(Math.Clamp(milliseconds, 0, int.MaxValue)), Timeout.InfiniteTimeSpan);
    }

    public void Dispose()
    {
        _timer.Dispose();
        _takeBack?.Dispose();
    }

    void IThreadPoolWorkItem.Execute()
    {
        while (Run(isOwnThread: true) && DoLent()) { }
    }

    private void OnTimer()
    {
        Volatile.Write(ref _armedFor, long.MaxValue);
        Wake();
    }

    private void Schedule()
    {
        if (_onThreadPool) ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
        else _scheduler.Schedule(s_run, this);
    }

    /// <summary>Some turns; true if the last one lent this thread.</summary>
    private bool Run(bool isOwnThread = false)
    {
        var next = LoopNext.Turn;
        for (int turns = 0; next == LoopNext.Turn && turns < MaxTurnsInARow; turns++)
        {
            Interlocked.Exchange(ref _state, Running);
            _mayLend = isOwnThread;
            next = Enter(_turn);
        }
        if (next == LoopNext.Lend) return true;
        Finish(next);
        return false;
    }

    private LoopNext Enter(Func<LoopNext> turn)
    {
        Volatile.Write(ref _ownerThread, Environment.CurrentManagedThreadId);
        var next = turn();
        Volatile.Write(ref _ownerThread, 0);
        return next;
    }

    private void Finish(LoopNext next)
    {
        if (next != LoopNext.Rest) Interlocked.Exchange(ref _state, Requested);
        else if (Interlocked.CompareExchange(ref _state, Idle, Running) == Running) return;
        Schedule();
    }
}
