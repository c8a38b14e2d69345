using System.Buffers;
using System.IO.Pipelines;
using PeopleSwarm.Udx.Protocol;

namespace PeopleSwarm.Udx;

/// <summary>
/// The way out of a stream. The application writes into a pipe whose reader stands at the first byte that is not acknowledged,
/// so the pipe is the resend buffer too. A flush waits when a good deal is unacknowledged, unless the path holds it all: then when
/// a good deal is unsent. So long paths and repairs are not short of bytes, and short ones take no more memory than they need.
/// What a good deal is, the streams that send at once decide between them (<see cref="SendShares"/>).
/// </summary>
internal sealed class SendPipe : ISendBuffer
{
    private static readonly TimeSpan s_longRoundTrip = TimeSpan.FromMilliseconds(1);

    private readonly Pipe _pipe;
    private readonly StreamSignal _signal;
    private readonly SendShares _shares;
    private readonly int _maxHeld;
    private bool _isLongPath;
    private bool _isBusy;
    private long _sent;
    private ReadOnlySequence<byte> _unacknowledged; // of the read that is open now
    private long _start;                            // stream offset of its first byte
    private long _released;
    private ReadOnlyMemory<byte> _block;            // where the last copy ended: copies in order go on there
    private long _blockStart;
    private SequencePosition _nextBlock;
    private bool _isOpen;
    private bool _isClosed;

    public SendPipe(PipeOptions options, StreamSignal signal, SendShares shares, int maxHeld)
    {
        _pipe = new Pipe(options);
        (_signal, _shares, _maxHeld) = (signal, shares, maxHeld);
        Output = new StreamOutput(_pipe.Writer, signal, options.WriterScheduler, Math.Min(maxHeld, SendShares.Least));
    }

    /// <summary>The application's end.</summary>
    public StreamOutput Output { get; }

    public long End { get; private set; }

    public bool IsEnded { get; private set; }

    /// <summary>Lets the application's writer go on for what was released and takes what it flushed. True if there is something new.</summary>
    public bool Refresh(TimeSpan roundTrip)
    {
        if (_isClosed) return false;
        if (roundTrip > TimeSpan.Zero) _isLongPath = roundTrip >= s_longRoundTrip;
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
        SeekStart();
        _shares.Update(ref _isBusy, End > _released);
        Output.Allow(RoomUpTo(_maxHeld, Held, Held / 2), ResumeAt);
        return End != end || IsEnded != isEnded;
    }

    public void CopyTo(long offset, Span<byte> destination)
    {
        if (offset < _blockStart) SeekStart();
        long end = offset + destination.Length;
        while (true)
        {
            int at = (int)Math.Min(offset - _blockStart, _block.Length);
            int length = Math.Min(_block.Length - at, destination.Length);
            _block.Span.Slice(at, length).CopyTo(destination);
            destination = destination[length..];
            offset += length;
            if (destination.IsEmpty) break;
            _blockStart += _block.Length;
            if (!_unacknowledged.TryGet(ref _nextBlock, out _block)) throw new ArgumentOutOfRangeException(nameof(offset));
        }
        if (end <= _sent) return;
        _sent = end;
        if (_isLongPath && Output.IsWaitingBefore(ResumeAt)) _signal.RaiseOnLoop(StreamSignals.Acknowledged);
    }

    private void SeekStart() => (_block, _blockStart, _nextBlock) = (default, _start, _unacknowledged.Start);

    private int Held => Math.Min(_maxHeld, _shares.Each);

    private long ResumeAt => RoomUpTo(_maxHeld / 4 * 3, Held / 2, Held / 4);

    private long RoomUpTo(int mostUnacknowledged, int unacknowledged, int unsent) => _isLongPath
        ? Math.Min(_released + mostUnacknowledged, Math.Max(_released + unacknowledged, _sent + unsent))
        : _released + unacknowledged;

    public void Release(long offset) => Output.Released = _released = offset;

    /// <summary>Ends the pipe; the application's writes fail with <paramref name="error"/>, or say that nobody reads if it is null.</summary>
    public void Close(Exception? error)
    {
        if (_isClosed) return;
        _isClosed = true;
        _shares.Update(ref _isBusy, false);
        _unacknowledged = default;
        (_block, _nextBlock) = (default, default);
        _pipe.Reader.Complete(error);
        Output.OnClosed();
    }
}
