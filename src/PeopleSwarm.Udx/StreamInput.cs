using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;

namespace PeopleSwarm.Udx;

/// <summary>The application's reader: the pipe's, which also counts what was examined and signals the loop now and then.</summary>
internal sealed class StreamInput(PipeReader inner, StreamSignal signal, int signalBytes) : PipeReader
{
    private ReadOnlySequence<byte> _current;
    private long _consumed;
    private long _examined;
    private long _signalled;
    private int _isCompleted;

    /// <summary>Bytes the application has looked at. Any thread.</summary>
    public long Examined => Volatile.Read(ref _examined);

    /// <summary>Whether the application reads no more, and what still comes is dropped. Any thread.</summary>
    public bool IsCompleted => Volatile.Read(ref _isCompleted) != 0;

    public override bool TryRead(out ReadResult result)
    {
        if (!inner.TryRead(out result)) return false;
        _current = result.Buffer;
        return true;
    }

    public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
    {
        var read = inner.ReadAsync(cancellationToken);
        if (!read.IsCompletedSuccessfully) return WaitAsync(read);
        var result = read.Result;
        _current = result.Buffer;
        return new(result);
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<ReadResult> WaitAsync(ValueTask<ReadResult> read)
    {
        var result = await read.ConfigureAwait(false);
        _current = result.Buffer;
        return result;
    }

    public override void AdvanceTo(SequencePosition consumed) => AdvanceTo(consumed, consumed);

    public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
    {
        long start = _current.GetOffset(_current.Start);
        long examinedBytes = _current.GetOffset(examined) - start;
        long consumedBytes = _current.GetOffset(consumed) - start;
        _current = default;
        inner.AdvanceTo(consumed, examined);

        long seen = Math.Max(_examined, _consumed + examinedBytes);
        _consumed += consumedBytes;
        if (seen == _examined) return;
        Volatile.Write(ref _examined, seen);
        if (seen - _signalled < signalBytes) return;
        _signalled = seen;
        signal.Raise(StreamSignals.Consumed);
    }

    public override void CancelPendingRead() => inner.CancelPendingRead();

    public override void Complete(Exception? exception = null)
    {
        inner.Complete(exception);
        Discard();
    }

    /// <summary>Drops what is unread and what still comes, whatever the reader is doing. Any thread.</summary>
    public void Discard()
    {
        if (Interlocked.Exchange(ref _isCompleted, 1) == 0) signal.Raise(StreamSignals.Consumed | StreamSignals.Received);
    }
}
