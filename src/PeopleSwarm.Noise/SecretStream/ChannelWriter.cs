using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using PeopleSwarm.Noise.Crypto;

namespace PeopleSwarm.Noise.SecretStream;

/// <summary>
/// The sending direction. Bytes are written behind 64 free ones, sealed there when flushed, and copied below as a frame. One gate
/// lets the application, the keep-alive and the end take turns with the writer below; between turns no buffer is held.
/// </summary>
internal sealed class ChannelWriter : PipeWriter, IDisposable
{
    private const int FirstBuffer = 4096 - StreamCipher.TagBlock, Growth = 4;

    private readonly SecretChannel _channel;
    private readonly PipeWriter _output;
    private readonly StreamCipher _cipher;
    private readonly int _framePayload, _maxMessage;
    private readonly SemaphoreSlim _gate = new(1, 1);
    private readonly Lock _ending = new(); // for buffers that are replaced or sealed for the last time, which may be at once: anybody may end the stream
    private Task _background = Task.CompletedTask;
    private byte[]? _staging;
    private int _staged;
    private long _rawBytes;
    private volatile bool _endRequested, _finished;

    /// <summary>Writes the header frame at once; what follows may be written without waiting for the peer's.</summary>
    public ChannelWriter(SecretChannel channel, PipeWriter output, HandshakeResult keys, ChannelServices services, SecretChannelOptions options)
    {
        (_channel, _output) = (channel, output);
        (_framePayload, _maxMessage) = (services.Options.FramePayload, options.MaxMessageSize);
        const int body = SessionKeys.Size + StreamCipher.HeaderSize;
        Span<byte> frame = stackalloc byte[Frame.LengthSize + body];
        Frame.WriteLength(frame, body);
        SessionKeys.WriteStreamId(keys.Hash.Span, keys.Role, frame[Frame.LengthSize..]);
        var header = frame[(Frame.LengthSize + SessionKeys.Size)..];
        services.Random.Fill(header);
        _cipher = new(keys.SendKey, header, CryptoLibraries.Of(services.Options));
        _output.Write(frame);
    }

    public long RawBytes => Volatile.Read(ref _rawBytes);

    /// <summary>Whether nothing more will be written.</summary>
    public bool IsEnded => _endRequested || _finished;

    public override bool CanGetUnflushedBytes => true;

    public override long UnflushedBytes => _staged;

    /// <summary>Sends the header frame.</summary>
    public void Start()
    {
        if (_gate.Wait(0)) _background = FlushInBackgroundAsync();
    }

    public override Memory<byte> GetMemory(int sizeHint = 0)
    {
        Reserve(sizeHint);
        return _staging.AsMemory(StreamCipher.TagBlock + _staged);
    }

    public override Span<byte> GetSpan(int sizeHint = 0) => GetMemory(sizeHint).Span;

    public override void Advance(int bytes)
    {
        int free = _staging is null ? 0 : _staging.Length - StreamCipher.TagBlock - _staged;
        if (bytes < 0 || bytes > free) throw new ArgumentOutOfRangeException(nameof(bytes), bytes, "More than the memory that was handed out.");
        _staged += bytes;
    }

    public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default) =>
        _gate.Wait(0, CancellationToken.None) ? FlushStaged(cancellationToken) : WaitAndFlushAsync(cancellationToken);

    public override ValueTask<FlushResult> WriteAsync(ReadOnlyMemory<byte> source, CancellationToken cancellationToken = default)
    {
        if (_staged + source.Length > _framePayload) return WriteFramesAsync(source, cancellationToken);
        Stage(source.Span);
        return FlushAsync(cancellationToken);
    }

    public override void CancelPendingFlush()
    {
        if (!_finished) _output.CancelPendingFlush();
    }

    public override void Complete(Exception? exception = null)
    {
        if (exception is not null)
        {
            _channel.Abort(exception);
            return;
        }
        _endRequested = true;
        Finish();
    }

    public override async ValueTask CompleteAsync(Exception? exception = null)
    {
        if (exception is not null)
        {
            _channel.Abort(exception);
            return;
        }
        _endRequested = true;
        await _gate.WaitAsync().ConfigureAwait(false);
        try
        {
            if (_finished) return;
            SealLast();
            await _output.CompleteAsync(_channel.Failure).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            throw _channel.Fail(e);
        }
        finally
        {
            Exit();
        }
    }

    public void Dispose() => Complete();

    /// <summary>Sends one message with its boundaries.</summary>
    public ValueTask WriteMessageAsync(ReadOnlyMemory<byte> message, CancellationToken cancellationToken)
    {
        if (message.Length > _maxMessage)
            throw new ArgumentException($"Message is too large for an atomic write. Max size is {_maxMessage} bytes.", nameof(message));
        if (!_gate.Wait(0, CancellationToken.None)) return WaitAndWriteMessageAsync(message, cancellationToken);
        var flush = SealMessage(message.Span, cancellationToken);
        if (!flush.IsCompletedSuccessfully) return RequireRoomAsync(flush);
        return flush.Result.IsCompleted ? ValueTask.FromException(Full()) : default;
    }

    /// <summary>Sends an empty message unless a write is under way, which makes it needless.</summary>
    public void SendEmpty()
    {
        if (!_gate.Wait(0)) return;
        if (IsEnded || _channel.Failure is not null)
        {
            Exit();
            return;
        }
        try
        {
            Span<byte> block = stackalloc byte[StreamCipher.TagBlock];
            WriteFrame(block);
        }
        catch (Exception e)
        {
            _channel.Fail(e);
            Exit();
            return;
        }
        _background = FlushInBackgroundAsync();
    }

    /// <summary>Ends the stream below after what was written, or with the failure; now or when the write under way returns.</summary>
    public void Finish()
    {
        if (_finished || !_gate.Wait(0)) return;
        try
        {
            if (_finished) return;
            _output.Complete(SealLast());
        }
        catch (Exception e)
        {
            _channel.Fail(e);
        }
        finally
        {
            _gate.Release();
        }
        if (!_finished) Finish(); // with the failure to seal the last bytes
    }

    /// <summary>Waits for the write that the channel began by itself.</summary>
    public Task DrainAsync() => _background;

    private void Reserve(int sizeHint)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(sizeHint);
        int needed = Math.Max(sizeHint, 1);
        if (_staging is null)
        {
            _staging = ArrayPool<byte>.Shared.Rent(StreamCipher.TagBlock + Math.Max(needed, Math.Min(FirstBuffer, _framePayload)));
            return;
        }
        if (_staging.Length - StreamCipher.TagBlock - _staged >= needed) return;
        if (_staged >= _framePayload && TrySealFull() && _staging.Length - StreamCipher.TagBlock - _staged >= needed) return;
        int grown = _staged < _framePayload ? Math.Min(_staged * Growth, _framePayload) : 2 * _staged;
        grown = Math.Max(grown, _staged + needed);
        byte[] larger = ArrayPool<byte>.Shared.Rent(StreamCipher.TagBlock + grown);
        lock (_ending)
        {
            _staging.AsSpan(StreamCipher.TagBlock, _staged).CopyTo(larger.AsSpan(StreamCipher.TagBlock));
            ArrayPool<byte>.Shared.Return(_staging);
            _staging = larger;
        }
    }

    /// <summary>Makes room by sealing whole frames, if it is our turn.</summary>
    private bool TrySealFull()
    {
        if (!_gate.Wait(0)) return false;
        try
        {
            ThrowIfOver();
            int start = SealFrames(_staged - _staged % _framePayload);
            _staging.AsSpan(StreamCipher.TagBlock + start, _staged - start).CopyTo(_staging.AsSpan(StreamCipher.TagBlock));
            _staged -= start;
            return true;
        }
        finally
        {
            Exit();
        }
    }

    private void Stage(ReadOnlySpan<byte> source)
    {
        if (source.IsEmpty) return;
        Reserve(source.Length);
        source.CopyTo(_staging.AsSpan(StreamCipher.TagBlock + _staged));
        _staged += source.Length;
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<FlushResult> WaitAndFlushAsync(CancellationToken cancellationToken)
    {
        await _gate.WaitAsync(cancellationToken).ConfigureAwait(false);
        return await FlushStaged(cancellationToken).ConfigureAwait(false);
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<FlushResult> WriteFramesAsync(ReadOnlyMemory<byte> source, CancellationToken cancellationToken)
    {
        while (true)
        {
            int count = Math.Min(source.Length, Math.Max(_framePayload - _staged, 0));
            Stage(source.Span[..count]);
            source = source[count..];
            var result = await FlushAsync(cancellationToken).ConfigureAwait(false);
            if (result.IsCanceled) Stage(source.Span);
            if (source.IsEmpty || result.IsCompleted || result.IsCanceled) return result;
        }
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private async ValueTask WaitAndWriteMessageAsync(ReadOnlyMemory<byte> message, CancellationToken cancellationToken)
    {
        await _gate.WaitAsync(cancellationToken).ConfigureAwait(false);
        await RequireRoomAsync(SealMessage(message.Span, cancellationToken)).ConfigureAwait(false);
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private static async ValueTask RequireRoomAsync(ValueTask<FlushResult> flush)
    {
        if ((await flush.ConfigureAwait(false)).IsCompleted) throw Full();
    }

    private static IOException Full() => new("The stream below takes no more.");

    /// <summary>Seals one message and flushes in our turn, and ends the turn.</summary>
    private ValueTask<FlushResult> SealMessage(ReadOnlySpan<byte> message, CancellationToken cancellationToken)
    {
        byte[] block = ArrayPool<byte>.Shared.Rent(StreamCipher.TagBlock + message.Length);
        try
        {
            ThrowIfOver();
            SealStaged();
            message.CopyTo(block.AsSpan(StreamCipher.TagBlock));
            WriteFrame(block.AsSpan(0, StreamCipher.TagBlock + message.Length));
        }
        catch (Exception e)
        {
            Exit();
            return ValueTask.FromException<FlushResult>(e);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(block);
        }
        return FlushBelow(cancellationToken);
    }

    /// <summary>Seals and flushes in our turn, and ends the turn.</summary>
    private ValueTask<FlushResult> FlushStaged(CancellationToken cancellationToken)
    {
        try
        {
            ThrowIfOver();
            SealStaged();
        }
        catch (Exception e)
        {
            Exit();
            return ValueTask.FromException<FlushResult>(e);
        }
        return FlushBelow(cancellationToken);
    }

    private ValueTask<FlushResult> FlushBelow(CancellationToken cancellationToken)
    {
        ValueTask<FlushResult> flush;
        try
        {
            flush = _output.FlushAsync(cancellationToken);
        }
        catch (Exception e)
        {
            flush = ValueTask.FromException<FlushResult>(e);
        }
        if (!flush.IsCompletedSuccessfully) return AwaitFlushAsync(flush);
        var result = flush.Result;
        Exit();
        return new(result);
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<FlushResult> AwaitFlushAsync(ValueTask<FlushResult> flush)
    {
        try
        {
            var result = await flush.ConfigureAwait(false);
            _channel.ThrowIfFailed();
            return result;
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            throw _channel.Fail(e);
        }
        finally
        {
            Exit();
        }
    }

    private async Task FlushInBackgroundAsync()
    {
        try
        {
            await _output.FlushAsync().ConfigureAwait(false);
        }
        catch (Exception e)
        {
            _channel.Fail(e);
        }
        finally
        {
            Exit();
        }
    }

    private void SealStaged()
    {
        if (_staged != 0) SealFrames(_staged);
        _staged = 0;
        if (_staging is not null) ArrayPool<byte>.Shared.Return(_staging);
        _staging = null;
    }

    /// <summary>Seals what was written unless the channel is broken. The buffer stays: the application may be writing to it.</summary>
    private IOException? SealLast()
    {
        var failure = _channel.Failure;
        lock (_ending)
        {
            if (failure is null) SealFrames(_staged);
            _staged = 0;
        }
        _finished = true;
        _cipher.Dispose();
        return failure;
    }

    private int SealFrames(int bytes)
    {
        for (int start = 0; start < bytes; start += _framePayload)
        {
            int count = Math.Min(bytes - start, _framePayload);
            WriteFrame(_staging.AsSpan(start, StreamCipher.TagBlock + count)); // the free bytes are those of the frame before, already sent
        }
        return bytes;
    }

    private void WriteFrame(Span<byte> block)
    {
        Volatile.Write(ref _rawBytes, _rawBytes + Frame.WriteSealed(_output, _cipher, block));
        _channel.KeepAlive?.Restart();
    }

    private void ThrowIfOver()
    {
        _channel.ThrowIfFailed();
        if (IsEnded) throw new InvalidOperationException("Writing is over: the writer was completed.");
    }

    private void Exit()
    {
        _gate.Release();
        if (_endRequested || _channel.Failure is not null) Finish();
    }
}
