namespace PeopleSwarm.Udx;

/// <summary>A thread that ran a turn can be lent to work of others: what a turn led to then starts without waking another thread.</summary>
/// <remarks>The loop is at rest meanwhile, so whoever wakes it gets another thread, and the work may block for as long as it likes. Only what
/// wakes nobody waits for the work, at most until the loan is taken back: datagrams on a socket that was not read to its end,
/// deadlines that the timer was not armed for, and what the work itself asked for while it was young.</remarks>
internal sealed partial class EventLoop
{
    private static readonly TimeSpan s_longestLoan = TimeSpan.FromMilliseconds(10);

    // What asks for a turn so soon is as a rule done before another thread would have woken up for it.
    private static readonly TimeSpan s_shortLoan = TimeSpan.FromMicroseconds(100);

    private static readonly ContextCallback s_doLent = static loop =>
    {
        var (work, state) = (((EventLoop)loop!)._lent!, ((EventLoop)loop)._lentState);
        work(state);
    };

    private Action<object?>? _lent; // until it is done
    private object? _lentState;
    private int _lentThread;
    private long _lentAt;
    private bool _mayLend;
    private Timer? _takeBack; // in real time, whatever the loop's clock is
    private int _isWatched;

    /// <summary>Whether work that the loop's thread was lent to is not done yet. On the loop.</summary>
    public bool IsLent => Volatile.Read(ref _lent) is not null;

    /// <summary>Whether a turn comes within 10 ms without being asked for: after the loan, or when it is taken back. On the loop.</summary>
    public bool IsTurnComing => Volatile.Read(ref _isWatched) != 0 && IsLent;

    /// <summary>Has this thread do <paramref name="work"/> after a turn, which is to return <see cref="LoopNext.Lend"/> then. On the loop.</summary>
    /// <returns>False if the work is to be done elsewhere: the turn runs in somebody's call, or a loan is out already.</returns>
    public bool TryLend(Action<object?> work, object? state)
    {
        if (!_mayLend || IsLent) return false;
        _lentState = state;
        Volatile.Write(ref _lent, work);
        return true;
    }

    /// <summary>Whether the caller is lent work that began a moment ago.</summary>
    private bool IsOnShortLoan => Volatile.Read(ref _lentThread) == Environment.CurrentManagedThreadId && _time.GetElapsedTime(_lentAt) < s_shortLoan;

    /// <summary>Does the lent work, then what comes after; true if this thread is to go on with the loop.</summary>
    private bool DoLent()
    {
        Watch();
        Finish(LoopNext.Rest);
        bool isDone = false;
        _lentAt = _time.GetTimestamp();
        Volatile.Write(ref _lentThread, Environment.CurrentManagedThreadId);
        try
        {
            ExecutionContext.Run(ExecutionContext.Capture()!, s_doLent, this); // which leaves nothing of the work's context behind
            isDone = true;
        }
        finally
        {
            Volatile.Write(ref _lentThread, 0);
            _lentState = null;
            Volatile.Write(ref _lent, null);
            if (!isDone) Wake();
        }
        if (Interlocked.CompareExchange(ref _state, Running, Idle) != Idle)
        {
            Wake(); // who has the loop now may not look at the sockets
            return false;
        }
        _afterLoan?.Invoke();
        if (ThreadPool.PendingWorkItemCount == 0) return true;
        Finish(LoopNext.Yield);
        return false;
    }

    private void Watch()
    {
        if (Interlocked.Exchange(ref _isWatched, 1) != 0) return;
        _takeBack ??= new Timer(static loop => ((EventLoop)loop!).TakeBack(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _takeBack.Change(s_longestLoan, Timeout.InfiniteTimeSpan);
    }

    private void TakeBack()
    {
        Interlocked.Exchange(ref _isWatched, 0);
        if (IsLent) Wake();
    }
}
