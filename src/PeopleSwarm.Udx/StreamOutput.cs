using System.IO.Pipelines;

namespace PeopleSwarm.Udx;

/// <summary>The application's writer: the pipe's, which also counts what was flushed and signals the loop.</summary>
internal sealed class StreamOutput(PipeWriter inner, StreamSignal signal) : PipeWriter
{
    private long _written;
    private long _flushed;
    private long _released;
    private int _room; // left in the pipe's segment, as far as known
    private int _isCompleted;
    private volatile bool _isAborted;

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
        if (_flushed != _written)
        {
            Volatile.Write(ref _flushed, _written);
            signal.Raise(StreamSignals.Written);
        }
        return flush;
    }

    public override void CancelPendingFlush() => inner.CancelPendingFlush();

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
    /// <remarks>The pipe's own writer is left alone: its memory must not go back to the pool under a writer in the middle of a copy.</remarks>
    public void End()
    {
        if (Interlocked.Exchange(ref _isCompleted, 1) == 0) signal.Raise(StreamSignals.Written);
    }

    private void ThrowIfCompleted()
    {
        if (Volatile.Read(ref _isCompleted) != 0) throw new InvalidOperationException("The writer is completed, or the stream disposed.");
    }
}
