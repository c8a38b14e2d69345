using System.IO.Pipelines;
using PeopleSwarm.Udx;

namespace PeopleSwarm;

/// <summary>A loop whose thread is lent to the work of others: whatever that work does, the loop goes on.</summary>
public sealed class EventLoopLendingTests : IDisposable
{
    private static readonly TimeSpan s_limit = HostKit.Limit;

    private readonly EventLoop _loop;
    private readonly SemaphoreSlim _turns = new(0); // not disposed: the last turn may be still to come
    private readonly ManualResetEventSlim _release = new();
    private Action? _work; // lent in the next turn
    private volatile bool _wasRefused, _wasTurnComing;

    public EventLoopLendingTests() => _loop = new EventLoop(PipeScheduler.ThreadPool, TimeProvider.System, Turn);

    public void Dispose()
    {
        _release.Set();
        _loop.Dispose();
    }

    [Fact]
    public async Task Lent_work_is_done_off_the_loop_and_a_turn_follows()
    {
        var isOnLoop = await LendAsync(() => _loop.IsCurrent);
        Assert.False(await isOnLoop);
        await NextTurn();
        Assert.False(_loop.IsLent);
    }

    [Fact]
    public async Task Another_thread_takes_the_loop_back_from_work_that_blocks()
    {
        var work = await LendAsync(() => _release.Wait(s_limit));
        await NextTurn(); // nobody asked for it
        Assert.False(work.IsCompleted);
        Assert.False(_wasTurnComing);
        _release.Set();
        Assert.True(await work);
    }

    [Fact]
    public async Task Who_wakes_the_loop_does_not_wait_for_work_that_blocks()
    {
        var work = await LendAsync(() => _release.Wait(s_limit));
        for (int i = 0; i < 100; i++)
        {
            _loop.Wake();
            await NextTurn();
        }
        Assert.False(work.IsCompleted);
    }

    [Fact]
    public async Task Work_may_wait_for_what_only_a_turn_does()
    {
        var work = await LendAsync(() => _turns.Wait(s_limit));
        Assert.True(await work.WaitAsync(s_limit));
    }

    [Fact]
    public async Task There_is_one_loan_at_a_time()
    {
        await LendAsync(() => _release.Wait(s_limit));
        _wasRefused = false;
        _work = () => { };
        _loop.Wake();
        while (!_wasRefused) await NextTurn(); // the one that took the loop back may come first
    }

    [Fact]
    public async Task A_thread_in_a_call_of_somebody_else_is_not_lent()
    {
        _work = () => { };
        await Task.Run(_loop.WakeFromIo);
        await NextTurn();
        Assert.True(_wasRefused);
    }

    [Fact]
    public async Task A_turn_follows_though_another_thread_has_the_loop_when_the_work_is_done()
    {
        using ManualResetEventSlim isOver = new();
        var work = await LendAsync(() => _release.Wait(s_limit));
        await NextTurn(); // taken back, so no timer asks for one more
        bool hasLoop = false;
        var other = Task.Run(() =>
        {
            for (; !hasLoop; Thread.Sleep(1)) _loop.RunHere(Hold); // until it is at rest
        });
        await work.WaitAsync(s_limit);
        await NotLent();
        await Task.Delay(20);
        isOver.Set();
        await other.WaitAsync(s_limit);
        await NextTurn();

        LoopNext Hold()
        {
            hasLoop = true;
            while (_turns.Wait(0)) { } // of the tries
            _release.Set();
            isOver.Wait(s_limit);
            return LoopNext.Rest;
        }
    }

    [Fact]
    public async Task Work_that_throws_stops_neither_the_loop_nor_later_loans()
    {
        _work = () => throw new InvalidTimeZoneException();
        Assert.Throws<InvalidTimeZoneException>(((IThreadPoolWorkItem)_loop).Execute);
        await NextTurn();
        await NextTurn();
        Assert.True(await await LendAsync(() => true));
    }

    [Fact]
    public async Task What_work_leaves_on_the_thread_does_not_reach_the_next_work()
    {
        AsyncLocal<int> local = new();
        TaskCompletionSource<(int, SynchronizationContext?)> seen = new(TaskCreationOptions.RunContinuationsAsynchronously);
        _work = () =>
        {
            local.Value = 1;
            SynchronizationContext.SetSynchronizationContext(new());
            _work = () => seen.SetResult((local.Value, SynchronizationContext.Current));
        };
        new Thread(((IThreadPoolWorkItem)_loop).Execute).Start();
        Assert.Equal((0, null), await seen.Task.WaitAsync(s_limit));
    }

    [Theory, InlineData(99, 0), InlineData(100, 1)]
    public void Work_that_asks_for_a_turn_soon_gets_it_when_it_is_done(int microseconds, int scheduled)
    {
        ManualClock clock = new();
        CountingScheduler scheduler = new();
        int turns = 0, scheduledMeanwhile = -1;
        EventLoop? loop = null;
        loop = new(scheduler, clock, LendOnce);
        ((IThreadPoolWorkItem)loop).Execute();
        Assert.Equal(scheduled, scheduledMeanwhile);
        Assert.Equal(2, turns + scheduler.Count); // it is scheduled afterwards if somebody waits for a thread of the pool
        loop.Dispose();

        LoopNext LendOnce()
        {
            if (++turns > 1) return LoopNext.Rest;
            Assert.True(loop!.TryLend(_ =>
            {
                clock.Advance(TimeSpan.FromMicroseconds(microseconds));
                loop.Wake();
                scheduledMeanwhile = scheduler.Count;
            }, null));
            return LoopNext.Lend;
        }
    }

    [Fact]
    public async Task Work_that_asks_for_a_turn_and_blocks_gets_it_on_another_thread()
    {
        var work = await LendAsync(() =>
        {
            _loop.Wake();
            return _turns.Wait(s_limit);
        });
        Assert.True(await work.WaitAsync(s_limit));
    }

    private sealed class ManualClock : TimeProvider
    {
        private long _ticks;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;
        public override long GetTimestamp() => _ticks;
        public void Advance(TimeSpan time) => _ticks += time.Ticks;
    }

    /// <summary>Runs nothing.</summary>
    private sealed class CountingScheduler : PipeScheduler
    {
        public int Count { get; private set; }

        public override void Schedule(Action<object?> action, object? state) => Count++;
    }

    /// <summary>Lends the loop's thread to <paramref name="work"/>; returns when it has begun.</summary>
    private async Task<Task<T>> LendAsync<T>(Func<T> work)
    {
        TaskCompletionSource hasBegun = new(TaskCreationOptions.RunContinuationsAsynchronously);
        TaskCompletionSource<T> result = new(TaskCreationOptions.RunContinuationsAsynchronously);
        await NotLent();
        _wasRefused = false;
        _work = () =>
        {
            hasBegun.SetResult();
            result.SetResult(work());
        };
        _loop.Wake();
        await NextTurn();
        Assert.False(_wasRefused);
        await hasBegun.Task.WaitAsync(s_limit);
        return result.Task;
    }

    private async Task NotLent()
    {
        while (_loop.IsLent) await Task.Delay(1);
    }

    private async Task NextTurn() => Assert.True(await _turns.WaitAsync(s_limit), "There is no turn.");

    private LoopNext Turn()
    {
        var next = LoopNext.Rest;
        if (Interlocked.Exchange(ref _work, null) is { } work)
        {
            bool isLent = _loop.TryLend(static work => ((Action)work!)(), work);
            _wasRefused = !isLent;
            if (isLent) next = LoopNext.Lend;
        }
        _wasTurnComing = _loop.IsTurnComing;
        _turns.Release();
        return next;
    }
}
