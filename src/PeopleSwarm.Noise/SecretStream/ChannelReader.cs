using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using PeopleSwarm.Noise.Crypto;

namespace PeopleSwarm.Noise.SecretStream;

/// <summary>
/// The receiving direction: opens frames while somebody reads, so that a slow reader slows the stream below. Whatever part of a
/// frame has arrived is copied out at once, so the stream below never has to hold a whole one.
/// </summary>
internal sealed class ChannelReader : PipeReader, IDisposable
{
    private const int BatchBytes = 64 * 1024; // opened in one go before the reader gets its turn
    private const int HeaderFrame = SessionKeys.Size + StreamCipher.HeaderSize;
    private const int Idle = 0, Reading = 1, Closed = 2;

    private readonly SecretChannel _channel;
    private readonly PipeReader _input;
    private readonly HandshakeResult _keys;
    private readonly CryptoLibraries _libraries;
    private readonly bool _skipEmpty;
    private readonly int _maxMessage;
    private readonly FrameDecoder _decoder = new();
    private PlaintextBuffer? _plaintext; // since the first bytes
    private StreamCipher? _cipher;
    private Frame? _message;
    private long _rawBytes;
    private int _state, _cancelRequested, _released;
    private volatile bool _closeRequested, _completed;
    private bool _ended;

    public ChannelReader(SecretChannel channel, PipeReader input, HandshakeResult keys, SecretChannelOptions options, CryptoLibraries libraries)
    {
        (_channel, _input, _keys, _libraries) = (channel, input, keys, libraries);
        (_maxMessage, _skipEmpty) = (options.MaxMessageSize, options.KeepAlive > TimeSpan.Zero);
    }

    public long RawBytes => Volatile.Read(ref _rawBytes);

    public override bool TryRead(out ReadResult result)
    {
        if (TryTake(out result)) return true;
        Enter();
        try
        {
            return TryFill(out result);
        }
        finally
        {
            Exit();
        }
    }

    public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
    {
        try
        {
            if (TryRead(out var result)) return new(result);
        }
        catch (IOException e)
        {
            return ValueTask.FromException<ReadResult>(e);
        }
        return FillAsync(cancellationToken);
    }

    public override void AdvanceTo(SequencePosition consumed) => AdvanceTo(consumed, consumed);

    public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
    {
        if (_completed) throw Over();
        _plaintext?.AdvanceTo(consumed, examined);
    }

    public override void CancelPendingRead()
    {
        Volatile.Write(ref _cancelRequested, 1);
        _input.CancelPendingRead();
    }

    public override void Complete(Exception? exception = null)
    {
        _completed = true;
        Close();
    }

    public void Dispose() => Complete();

    /// <summary>The next message; null at the end. Skips empty ones if this side keeps alive.</summary>
    public ValueTask<ReadOnlyMemory<byte>?> ReadMessageAsync(CancellationToken cancellationToken)
    {
        try
        {
            Enter();
            try
            {
                ReleaseMessage();
                if (TryFillMessage()) return new(_message?.Message);
            }
            finally
            {
                Exit();
            }
        }
        catch (IOException e)
        {
            return ValueTask.FromException<ReadOnlyMemory<byte>?>(e);
        }
        return FillMessageAsync(cancellationToken);
    }

    /// <summary>Ends reading from below and forgets the key, now or when the read under way returns.</summary>
    public void Close()
    {
        _closeRequested = true;
        int state = Interlocked.CompareExchange(ref _state, Closed, Idle);
        if (state == Reading)
        {
            _input.CancelPendingRead();
            return;
        }
        if (state == Idle)
        {
            _input.Complete(_channel.Failure);
            _cipher?.Dispose();
            _decoder.Dispose();
            _keys.Dispose();
        }
        if (!_completed || Interlocked.Exchange(ref _released, 1) != 0) return;
        _plaintext?.Clear();
        ReleaseMessage();
    }

    private bool TryTake(out ReadResult result)
    {
        if (_completed) throw Over();
        bool canceled = Volatile.Read(ref _cancelRequested) != 0 && Interlocked.Exchange(ref _cancelRequested, 0) != 0;
        bool ready = canceled || _ended || _plaintext is { HasUnexamined: true };
        result = ready ? new(_plaintext?.Sequence ?? default, canceled, _ended) : default;
        return ready;
    }

    /// <summary>Opens what has arrived already; false if that is not enough for the reader.</summary>
    private bool TryFill(out ReadResult result)
    {
        while (TryReceive(out var raw))
        {
            Open(raw, single: false);
            if (TryTake(out result)) return true;
            ThrowIfOver();
        }
        result = default;
        return false;
    }

    /// <summary>As <see cref="TryFill"/>, for one message; true also at the end.</summary>
    private bool TryFillMessage()
    {
        while (!_ended && _message is null && TryReceive(out var raw))
        {
            Open(raw, single: true);
            if (_message is null || _completed) ThrowIfOver();
        }
        return _ended || _message is not null;
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<ReadOnlyMemory<byte>?> FillMessageAsync(CancellationToken cancellationToken)
    {
        Enter();
        try
        {
            while (!_ended && _message is null)
            {
                Open(await ReceiveAsync(cancellationToken).ConfigureAwait(false), single: true);
                if (_message is null || _completed) ThrowIfOver();
            }
            return _message?.Message;
        }
        finally
        {
            Exit();
        }
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<ReadResult> FillAsync(CancellationToken cancellationToken)
    {
        Enter();
        try
        {
            while (true)
            {
                Open(await ReceiveAsync(cancellationToken).ConfigureAwait(false), single: false);
                if (TryTake(out var result)) return result;
                ThrowIfOver();
            }
        }
        finally
        {
            Exit();
        }
    }

    private bool TryReceive(out ReadResult raw)
    {
        try
        {
            if (!_input.TryRead(out raw)) return false;
            if (!raw.Buffer.IsEmpty) _channel.Silence?.Restart();
            return true;
        }
        catch (Exception e)
        {
            throw _channel.Fail(e);
        }
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<ReadResult> ReceiveAsync(CancellationToken cancellationToken)
    {
        try
        {
            var read = _input.ReadAsync(cancellationToken);
            if (!read.IsCompleted) _channel.Silence?.BeginWait();
            var result = await read.ConfigureAwait(false);
            if (!result.Buffer.IsEmpty) _channel.Silence?.Restart();
            return result;
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            throw _channel.Fail(e);
        }
        finally
        {
            _channel.Silence?.EndWait();
        }
    }

    /// <summary>Opens what frames there are, one or a batch, and gives the rest back.</summary>
    private void Open(ReadResult raw, bool single)
    {
        var bytes = raw.Buffer;
        try
        {
            if (!OpenFrames(ref bytes, single) && bytes.IsEmpty && raw.IsCompleted)
            {
                if (_decoder.IsMidFrame) throw new SecretChannelException(SecretChannelError.Truncated, "The stream ended inside a message");
                _ended = true;
            }
        }
        catch (SecretChannelException e)
        {
            _channel.Fail(e);
        }
        finally
        {
            _input.AdvanceTo(bytes.Start);
        }
    }

    /// <summary>False if the bytes are used up and no frame stopped it before.</summary>
    private bool OpenFrames(ref ReadOnlySequence<byte> bytes, bool single)
    {
        int opened = 0;
        while (opened < BatchBytes)
        {
            int limit = _cipher is null ? HeaderFrame : _maxMessage + StreamCipher.Overhead;
            switch (_decoder.Read(ref bytes, limit))
            {
                case FrameStatus.Incomplete:
                    return false;
                case FrameStatus.TooLarge when _cipher is null:
                    throw new SecretChannelException(SecretChannelError.Header, "Invalid header message received");
                case FrameStatus.TooLarge:
                    throw new SecretChannelException(SecretChannelError.MessageTooLarge, $"A message larger than {_maxMessage} bytes was announced");
            }
            var frame = _decoder.Take();
            if (_cipher is null)
            {
                ReadHeader(frame);
                continue;
            }
            OpenMessage(frame);
            if (single && frame.MessageLength == 0 && _skipEmpty)
            {
                frame.Return();
            }
            else if (single)
            {
                _message = frame;
                return true;
            }
            else
            {
                (_plaintext ??= new()).Append(frame);
                opened += frame.MessageLength;
            }
        }
        return true;
    }

    private void ReadHeader(Frame frame)
    {
        Span<byte> expected = stackalloc byte[SessionKeys.Size];
        SessionKeys.WriteStreamId(_keys.Hash.Span, _channel.PeerRole, expected);
        bool whole = frame.Body.Length == HeaderFrame, matches = whole && frame.Body.StartsWith(expected);
        if (matches) _cipher = new(_keys.ReceiveKey, frame.Body[SessionKeys.Size..], _libraries);
        frame.Return();
        if (!whole) throw new SecretChannelException(SecretChannelError.Header, "Invalid header message received");
        if (!matches) throw new SecretChannelException(SecretChannelError.StreamId, "Invalid header received");
        _keys.Dispose();
    }

    private void OpenMessage(Frame frame)
    {
        bool whole = frame.MessageLength >= 0;
        if (whole && frame.TryOpen(_cipher!))
        {
            Volatile.Write(ref _rawBytes, _rawBytes + frame.Body.Length);
            return;
        }
        frame.Return();
        throw whole
            ? new SecretChannelException(SecretChannelError.Authentication, "pull failed")
            : new SecretChannelException(SecretChannelError.Frame, "Invalid message received");
    }

    private void ReleaseMessage()
    {
        _message?.Return();
        _message = null;
    }

    private void Enter()
    {
        _channel.ThrowIfFailed();
        int state = Interlocked.CompareExchange(ref _state, Reading, Idle);
        if (state == Idle) return;
        _channel.ThrowIfFailed();
        throw state == Closed ? Over() : new InvalidOperationException("Only one read at a time.");
    }

    private void ThrowIfOver()
    {
        _channel.ThrowIfFailed();
        if (_completed) throw Over();
    }

    private static InvalidOperationException Over() => new("Reading is over: the reader was completed.");

    private void Exit()
    {
        Volatile.Write(ref _state, Idle);
        if (_closeRequested) Close();
    }
}
