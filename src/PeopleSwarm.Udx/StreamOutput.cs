using System.IO.Pipelines;
using System.Runtime.CompilerServices;

namespace PeopleSwarm.Udx;

/// <summary>The application's writer: the pipe's, which also counts what was flushed, waits for room and signals the loop.</summary>
internal sealed class StreamOutput(PipeWriter inner, StreamSignal signal, PipeScheduler scheduler, long limit) : PipeWriter
{
    private const int LoneMessage = 4096;

    private static readonly Action<object?> s_open = static gate => ((WriterGate)gate!).Open();

    private WriterGate? _gate; // since a flush waited for the first time
    private long _written;
    private long _flushed;
    private long _released;
    private int _room; // left in the pipe's segment, as far as known
    private long _limit = limit; // a flush that reaches this offset waits
    private int _isCompleted;
    private volatile bool _isTransportClosed; // which ended it
    private volatile bool _isAborted;
    private volatile bool _isClosed;
    private volatile bool _isFlushCancelled;

    /// <summary>Bytes flushed so far. Any thread.</summary>
    public long Flushed => Volatile.Read(ref _flushed);

    /// <summary>Whether nothing more will be flushed and the direction ends in order. Any thread.</summary>
    public bool HasEnded => Volatile.Read(ref _isCompleted) != 0 && !_isAborted;

    /// <summary>Bytes acknowledged, which the pipe holds no longer. Set on the loop.</summary>
    public long Released
    {
        private get => Volatile.Read(ref _released);
        set => Volatile.Write(ref _released, value);
    }

    /// <summary>Whether a flush waits that may go on before <paramref name="offset"/>. Any thread.</summary>
    public bool IsWaitingBefore(long offset) => Volatile.Read(ref _gate) is { IsWaiting: true } && Flushed < offset;

    public override bool CanGetUnflushedBytes => inner.CanGetUnflushedBytes;

    public override long UnflushedBytes => inner.UnflushedBytes;

    public override Memory<byte> GetMemory(int sizeHint = 0)
    {
        ThrowIfCompleted();
        if (_room == 0) sizeHint = Math.Max(sizeHint, PipeSegments.Size(_written - Released));
        var memory = inner.GetMemory(sizeHint);
        _room = memory.Length;
        return memory;
    }

    public override Span<byte> GetSpan(int sizeHint = 0) => GetMemory(sizeHint).Span;

    public override void Advance(int bytes)
    {
        inner.Advance(bytes);
        _written += bytes;
        _room -= bytes;
    }

    public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
    {
        var flush = inner.FlushAsync(cancellationToken);
        if (_flushed != _written) RaiseWritten();
        if (!flush.IsCompletedSuccessfully) return flush;
        var result = flush.Result; // the pipe itself has room without end
        if (result.IsCanceled) _isFlushCancelled = false;
        else if (!result.IsCompleted && _flushed >= Volatile.Read(ref _limit)) return WaitAsync(cancellationToken);
        return new(result);
    }

    /// <summary>As Nagle has it: what is small leaves at once if nothing is under way, else it may share a packet with what follows.</summary>
    private void RaiseWritten()
    {
        bool isLone = _written - _flushed <= LoneMessage && Released == _flushed;
        Volatile.Write(ref _flushed, _written);
        if (isLone) signal.RaiseWritten();
        else signal.Raise(StreamSignals.Written);
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<FlushResult> WaitAsync(CancellationToken cancellationToken)
    {
        var gate = _gate ??= new(scheduler);
        var opened = gate.Close();
        if (_flushed < Volatile.Read(ref _limit) || _isClosed || _isFlushCancelled) gate.Open();
        using (cancellationToken.UnsafeRegister(s_open, gate)) await opened.ConfigureAwait(false);
        _isFlushCancelled = false;
        return await inner.FlushAsync(cancellationToken).ConfigureAwait(false); // tells why the wait is over
    }

    public override void CancelPendingFlush()
    {
        inner.CancelPendingFlush();
        _isFlushCancelled = true;
        OpenGate();
    }

    /// <summary>
    /// A flush that stays before <paramref name="limit"/> need not wait; one that waits goes on before <paramref name="resumeAt"/>. On the loop.
    /// </summary>
    public void Allow(long limit, long resumeAt)
    {
        Volatile.Write(ref _limit, limit);
        Interlocked.MemoryBarrier(); // or the writer could miss the new limit, and we the writer
        if (IsWaitingBefore(resumeAt)) OpenGate();
    }

    /// <summary>Nobody takes bytes any more: a flush that waits goes on. On the loop.</summary>
    public void OnClosed()
    {
        _isClosed = true;
        OpenGate();
    }

    /// <summary>What the writer is to see was written before; it looks once more when it has closed the gate.</summary>
    private void OpenGate()
    {
        Interlocked.MemoryBarrier();
        _gate?.Open();
    }

    public override void Complete(Exception? exception = null)
    {
        if (Volatile.Read(ref _isCompleted) != 0)
        {
            inner.Complete();
            return;
        }
        _isAborted = exception is not null;
        inner.Complete();
        Volatile.Write(ref _flushed, _written);
        Interlocked.Exchange(ref _isCompleted, 1);
        if (exception is null) signal.Raise(StreamSignals.Written);
        else signal.Stream.Abort(exception);
    }

    /// <summary>Ends the direction behind the last flush, whatever the writer is doing. Any thread.</summary>
    /// <param name="reason">Who ends it: a writer that goes on although its stream was disposed is at fault, one whose transport is gone is told so.</param>
    /// <remarks>The pipe's own writer is left alone: its memory must not go back to the pool under a writer in the middle of a copy.</remarks>
    public void End(StreamCloseReason reason)
    {
        if (Volatile.Read(ref _isCompleted) == 0) _isTransportClosed = reason == StreamCloseReason.TransportClosed;
        if (Interlocked.Exchange(ref _isCompleted, 1) == 0) signal.Raise(StreamSignals.Written);
    }

    private void ThrowIfCompleted()
    {
        if (Volatile.Read(ref _isCompleted) == 0) return;
        if (_isTransportClosed) throw new UdxException(StreamCloseReason.TransportClosed);
        throw new InvalidOperationException("The writer is completed, or the stream disposed.");
    }
}
