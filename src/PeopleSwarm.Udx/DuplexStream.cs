using System.Buffers;
using System.IO.Pipelines;

namespace PeopleSwarm;

/// <summary>A <see cref="Stream"/> over the two ends of a duplex pipe: a UDX stream, a secret channel.</summary>
/// <remarks>Each write is flushed, so nothing waits for <see cref="Flush"/>. One reader and one writer at a time, as with any stream;
/// the two may run at once. Disposing ends our direction and disposes the pipe.</remarks>
public sealed class DuplexStream : Stream
{
    private readonly IDuplexPipe _pipe;
    private readonly bool _leaveOpen;
    private int _isDisposed;

    /// <summary>A stream over <paramref name="pipe"/>.</summary>
    /// <param name="pipe">The two ends.</param>
    /// <param name="leaveOpen">Whether disposing the stream leaves the pipe as it is.</param>
    public DuplexStream(IDuplexPipe pipe, bool leaveOpen = false)
    {
        ArgumentNullException.ThrowIfNull(pipe);
        (_pipe, _leaveOpen) = (pipe, leaveOpen);
    }

    /// <inheritdoc/>
    public override bool CanRead => Volatile.Read(ref _isDisposed) == 0;

    /// <inheritdoc/>
    public override bool CanWrite => Volatile.Read(ref _isDisposed) == 0;

    /// <inheritdoc/>
    public override bool CanSeek => false;

    /// <inheritdoc/>
    public override long Length => throw new NotSupportedException("The stream cannot seek.");

    /// <inheritdoc/>
    public override long Position
    {
        get => throw new NotSupportedException("The stream cannot seek.");
        set => throw new NotSupportedException("The stream cannot seek.");
    }

    /// <summary>Ends our direction; the peer reads the end, and we can read on.</summary>
    public ValueTask CompleteWritesAsync()
    {
        ThrowIfDisposed();
        return _pipe.Output.CompleteAsync();
    }

    /// <inheritdoc/>
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        ThrowIfDisposed();
        var result = await _pipe.Input.ReadAsync(cancellationToken).ConfigureAwait(false);
        var bytes = result.Buffer;
        if (result.IsCanceled)
        {
            _pipe.Input.AdvanceTo(bytes.Start); // what has come is for the next read
            throw new OperationCanceledException("The read was cancelled.");
        }
        int length = (int)Math.Min(bytes.Length, buffer.Length);
        var end = bytes.GetPosition(length);
        bytes.Slice(0, end).CopyTo(buffer.Span);
        _pipe.Input.AdvanceTo(end);
        return length;
    }

    /// <inheritdoc/>
    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        ThrowIfDisposed();
        if (buffer.IsEmpty)
        {
            cancellationToken.ThrowIfCancellationRequested();
            return;
        }
        Check(await _pipe.Output.WriteAsync(buffer, cancellationToken).ConfigureAwait(false));
    }

    /// <inheritdoc/>
    public override async Task FlushAsync(CancellationToken cancellationToken)
    {
        ThrowIfDisposed();
        await _pipe.Output.FlushAsync(cancellationToken).ConfigureAwait(false);
    }

    private static void Check(FlushResult result)
    {
        if (result.IsCanceled) throw new OperationCanceledException("The write was cancelled.");
        if (result.IsCompleted) throw new IOException("The other side reads no more.");
    }

    /// <inheritdoc/>
    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken)
    {
        ValidateBufferArguments(buffer, offset, count);
        return ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();
    }

    /// <inheritdoc/>
    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken)
    {
        ValidateBufferArguments(buffer, offset, count);
        return WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();
    }

    /// <inheritdoc/>
    public override int Read(byte[] buffer, int offset, int count)
    {
        ValidateBufferArguments(buffer, offset, count);
        return ReadAsync(buffer.AsMemory(offset, count)).AsTask().GetAwaiter().GetResult();
    }

    /// <inheritdoc/>
    public override int Read(Span<byte> buffer)
    {
        byte[] rented = ArrayPool<byte>.Shared.Rent(buffer.Length);
        int length = ReadAsync(rented.AsMemory(0, buffer.Length)).AsTask().GetAwaiter().GetResult();
        rented.AsSpan(0, length).CopyTo(buffer);
        ArrayPool<byte>.Shared.Return(rented);
        return length;
    }

    /// <inheritdoc/>
    public override int ReadByte()
    {
        Span<byte> one = stackalloc byte[1];
        return Read(one) == 0 ? -1 : one[0];
    }

    /// <inheritdoc/>
    public override void Write(byte[] buffer, int offset, int count)
    {
        ValidateBufferArguments(buffer, offset, count);
        WriteAsync(buffer.AsMemory(offset, count)).AsTask().GetAwaiter().GetResult();
    }

    /// <inheritdoc/>
    public override void Write(ReadOnlySpan<byte> buffer)
    {
        ThrowIfDisposed();
        if (buffer.IsEmpty) return;
        _pipe.Output.Write(buffer);
        Check(_pipe.Output.FlushAsync().AsTask().GetAwaiter().GetResult());
    }

    /// <inheritdoc/>
    public override void WriteByte(byte value) => Write([value]);

    /// <inheritdoc/>
    public override void Flush()
    {
        ThrowIfDisposed();
        _pipe.Output.FlushAsync().AsTask().GetAwaiter().GetResult();
    }

    /// <inheritdoc/>
    public override IAsyncResult BeginRead(byte[] buffer, int offset, int count, AsyncCallback? callback, object? state) =>
        TaskToAsyncResult.Begin(ReadAsync(buffer, offset, count, CancellationToken.None), callback, state);

    /// <inheritdoc/>
    public override int EndRead(IAsyncResult asyncResult) => TaskToAsyncResult.End<int>(asyncResult);

    /// <inheritdoc/>
    public override IAsyncResult BeginWrite(byte[] buffer, int offset, int count, AsyncCallback? callback, object? state) =>
        TaskToAsyncResult.Begin(WriteAsync(buffer, offset, count, CancellationToken.None), callback, state);

    /// <inheritdoc/>
    public override void EndWrite(IAsyncResult asyncResult) => TaskToAsyncResult.End(asyncResult);

    /// <inheritdoc/>
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException("The stream cannot seek.");

    /// <inheritdoc/>
    public override void SetLength(long value) => throw new NotSupportedException("The stream has no length to set.");

    /// <inheritdoc/>
    public override async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) == 0) await ClosePipeAsync().ConfigureAwait(false);
        await base.DisposeAsync().ConfigureAwait(false);
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing && Interlocked.Exchange(ref _isDisposed, 1) == 0) ClosePipeAsync().AsTask().GetAwaiter().GetResult();
        base.Dispose(disposing);
    }

    private async ValueTask ClosePipeAsync()
    {
        if (_leaveOpen) return;
        if (_pipe is IAsyncDisposable disposable)
        {
            await disposable.DisposeAsync().ConfigureAwait(false);
            return;
        }
        await _pipe.Output.CompleteAsync().ConfigureAwait(false);
        await _pipe.Input.CompleteAsync().ConfigureAwait(false);
    }

    private void ThrowIfDisposed() => ObjectDisposedException.ThrowIf(Volatile.Read(ref _isDisposed) != 0, this);
}
