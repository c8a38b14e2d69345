using System.Buffers;

namespace PeopleSwarm.Noise.SecretStream;

/// <summary>Opened messages in the buffers they were opened in, as one sequence. Positions count from the start of the stream.</summary>
internal sealed class PlaintextBuffer
{
    private const int MaxSpare = 16;

    private Segment? _head, _tail, _spare; // spare ones are linked
    private int _spares;
    private long _consumed, _examined, _end;

    /// <summary>Whether there are bytes the reader has not seen.</summary>
    public bool HasUnexamined => _examined < _end;

    /// <summary>What is there and not consumed.</summary>
    public ReadOnlySequence<byte> Sequence => _head is null
        ? ReadOnlySequence<byte>.Empty
        : new(_head, (int)(_consumed - _head.RunningIndex), _tail!, _tail!.Memory.Length);

    /// <summary>Appends an opened message and owns its buffer.</summary>
    public void Append(Frame frame)
    {
        if (frame.MessageLength == 0)
        {
            frame.Return();
            return;
        }
        var segment = TakeSpare() ?? new Segment();
        segment.Fill(frame, _end);
        if (_tail is null) _head = segment;
        else _tail.Link(segment);
        _tail = segment;
        _end += frame.MessageLength;
    }

    public void AdvanceTo(SequencePosition consumed, SequencePosition examined)
    {
        long consumedTo = PositionOf(consumed), examinedTo = PositionOf(examined);
        if (consumedTo < _consumed || examinedTo < consumedTo || examinedTo > _end)
            throw new InvalidOperationException("The positions do not belong to what was read last.");
        (_consumed, _examined) = (consumedTo, Math.Max(_examined, examinedTo));
        while (_head is not null && _head.RunningIndex + _head.Memory.Length <= _consumed) Drop();
    }

    public void Clear()
    {
        _consumed = _examined = _end;
        while (_head is not null) Drop();
    }

    /// <summary>The end of a sequence that was empty when read is where the stream was then.</summary>
    private long PositionOf(SequencePosition position) =>
        position.GetObject() is Segment segment ? segment.RunningIndex + position.GetInteger() : _consumed;

    private void Drop()
    {
        var dropped = _head!;
        _head = (Segment?)dropped.Next;
        if (_head is null) _tail = null;
        dropped.Release();
        if (_spares == MaxSpare) return;
        _spares++;
        if (_spare is not null) dropped.Link(_spare);
        _spare = dropped;
    }

    private Segment? TakeSpare()
    {
        if (_spare is not { } taken) return null;
        _spares--;
        _spare = (Segment?)taken.Next;
        return taken;
    }

    private sealed class Segment : ReadOnlySequenceSegment<byte>
    {
        private Frame _frame;

        public void Fill(Frame frame, long position) => (_frame, Memory, RunningIndex, Next) = (frame, frame.Message, position, null);

        public void Link(Segment next) => Next = next;

        public void Release()
        {
            _frame.Return();
            (_frame, Memory, Next) = (default, default, null);
        }
    }
}
