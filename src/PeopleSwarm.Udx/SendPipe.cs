using System.Buffers;
using System.IO.Pipelines;
using PeopleSwarm.Udx.Protocol;

namespace PeopleSwarm.Udx;

/// <summary>
/// The way out of a stream. The application writes into a pipe whose reader stands at the first byte that is not acknowledged,
/// so the pipe is the resend buffer too and its threshold bounds what is unacknowledged.
/// </summary>
internal sealed class SendPipe : ISendBuffer
{
    private readonly Pipe _pipe;
    private ReadOnlySequence<byte> _unacknowledged; // of the read that is open now
    private long _start;                            // stream offset of its first byte
    private long _released;
    private long _cursorOffset;                     // where the last copy ended: copies in order start there
    private SequencePosition _cursor;
    private bool _isOpen;
    private bool _isClosed;

    public SendPipe(PipeOptions options, StreamSignal signal)
    {
        _pipe = new Pipe(options);
        Output = new StreamOutput(_pipe.Writer, signal);
    }

    /// <summary>The application's end.</summary>
    public StreamOutput Output { get; }

    public long End { get; private set; }

    public bool IsEnded { get; private set; }

    /// <summary>Lets the application's writer go on for what was released and takes what it flushed. True if there is something new.</summary>
    public bool Refresh()
    {
        if (_isClosed) return false;
        var (end, isEnded) = (End, IsEnded);
        bool hasEnded = Output.HasEnded;
        long flushed = Output.Flushed;
        if (_isOpen)
        {
            var consumed = _unacknowledged.GetPosition(_released - _start);
            _start = _released;
            _isOpen = false;
            _pipe.Reader.AdvanceTo(consumed);
        }
        if (_pipe.Reader.TryRead(out var result))
        {
            _isOpen = true;
            _unacknowledged = result.Buffer;
            if (!IsEnded) End = _start + _unacknowledged.Length;
        }
        else
        {
            _unacknowledged = default;
        }
        IsEnded |= hasEnded && End >= flushed;
        (_cursorOffset, _cursor) = (_start, _unacknowledged.Start);
        return End != end || IsEnded != isEnded;
    }

    public void CopyTo(long offset, Span<byte> destination)
    {
        if (offset < _cursorOffset) (_cursorOffset, _cursor) = (_start, _unacknowledged.Start);
        var from = _unacknowledged.GetPosition(offset - _cursorOffset, _cursor);
        var bytes = _unacknowledged.Slice(from, destination.Length);
        bytes.CopyTo(destination);
        (_cursorOffset, _cursor) = (offset + destination.Length, bytes.End);
    }

    public void Release(long offset) => Output.Released = _released = offset;

    /// <summary>Ends the pipe; the application's writes fail with <paramref name="error"/>, or say that nobody reads if it is null.</summary>
    public void Close(Exception? error)
    {
        if (_isClosed) return;
        _isClosed = true;
        _unacknowledged = default;
        _cursor = default;
        _pipe.Reader.Complete(error);
    }
}
