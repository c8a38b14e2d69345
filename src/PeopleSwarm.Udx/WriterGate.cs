using System.IO.Pipelines;
using System.Threading.Tasks.Sources;

namespace PeopleSwarm.Udx;

/// <summary>Where one writer waits for room. Opening it wakes the writer on the scheduler, whatever the reason; waiting allocates nothing.</summary>
internal sealed class WriterGate(PipeScheduler scheduler) : IValueTaskSource
{
    private static readonly Action<object?> s_wake = static gate => ((WriterGate)gate!)._source.SetResult(true);

    private ManualResetValueTaskSourceCore<bool> _source;
    private int _isWaiting;

    /// <summary>Whether the writer waits. Any thread.</summary>
    public bool IsWaiting => Volatile.Read(ref _isWaiting) != 0;

    /// <summary>Starts to wait. What the writer waits for is to be looked at once more afterwards. The writer's thread.</summary>
    public ValueTask Close()
    {
        _source.Reset();
        Interlocked.Exchange(ref _isWaiting, 1);
        return new(this, _source.Version);
    }

    /// <summary>Wakes the writer if it waits. Any thread.</summary>
    public void Open()
    {
        if (Interlocked.Exchange(ref _isWaiting, 0) != 0) scheduler.Schedule(s_wake, this);
    }

    void IValueTaskSource.GetResult(short token) => _source.GetResult(token);

    ValueTaskSourceStatus IValueTaskSource.GetStatus(short token) => _source.GetStatus(token);

    void IValueTaskSource.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _source.OnCompleted(continuation, state, token, flags);
}
