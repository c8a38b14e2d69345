using System.IO.Pipelines;
using PeopleSwarm.Udx.Protocol;

namespace PeopleSwarm.Udx;

/// <summary>
/// The way in. Payload is copied into a pipe in order and flushed once a batch; bytes count as unread until the application
/// has examined them, so that a reader which asks for more of an unfinished message is not starved by a closed window.
/// </summary>
internal sealed class ReceivePipe : IReceiveBuffer
{
    private readonly Pipe _pipe;
    private readonly StreamSignal _signal;
    private long _written;
    private int _room; // left in the pipe's segment, as far as known
    private bool _isUnflushed;
    private bool _hasEnded;
    private bool _isClosed;

    public ReceivePipe(PipeOptions options, StreamSignal signal, int signalBytes)
    {
        _pipe = new Pipe(options);
        _signal = signal;
        Input = new StreamInput(_pipe.Reader, signal, signalBytes);
    }

    /// <summary>The application's end.</summary>
    public StreamInput Input { get; }

    public long UnreadBytes => Input.IsCompleted ? 0 : _written - Input.Examined;

    public void Write(ReadOnlySpan<byte> payload)
    {
        if (_isClosed || Input.IsCompleted) return;
        bool isAlone = UnreadBytes == 0; // the pipe may have let its block go
        _written += payload.Length;
        while (!payload.IsEmpty)
        {
            var span = _pipe.Writer.GetSpan(isAlone ? PipeSegments.SizeAlone(payload.Length) : _room > 0 ? 0 : PipeSegments.Size(UnreadBytes));
            int length = Math.Min(span.Length, payload.Length);
            payload[..length].CopyTo(span);
            _pipe.Writer.Advance(length);
            _room = span.Length - length;
            payload = payload[length..];
        }
        if (_isUnflushed) return;
        _isUnflushed = true;
        _signal.RaiseOnLoop(StreamSignals.Received);
    }

    public void End()
    {
        _hasEnded = true;
        _signal.RaiseOnLoop(StreamSignals.Received);
    }

    /// <summary>Shows the reader what came since the last call.</summary>
    public void Flush()
    {
        if (_isClosed) return;
        if (_hasEnded || Input.IsCompleted)
        {
            Close(new UdxException(StreamCloseReason.LocalAbort, "The reader was completed, or the stream disposed."));
            return;
        }
        if (!_isUnflushed) return;
        _isUnflushed = false;
        // Never waits: the window bounds the pipe, not a threshold of its own.
        var flush = _pipe.Writer.FlushAsync(CancellationToken.None);
        if (flush.IsCompletedSuccessfully) _ = flush.Result;
    }

    /// <summary>Ends the pipe: the reader sees the end, or <paramref name="error"/> unless the peer had ended before.</summary>
    public void Close(Exception? error)
    {
        if (_isClosed) return;
        _isClosed = true;
        _pipe.Writer.Complete(_hasEnded ? null : error);
    }
}
