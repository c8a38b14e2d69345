using static System.Buffers.Binary.BinaryPrimitives;

namespace PeopleSwarm.Udx.Protocol;

/// <summary>One block: packets from <paramref name="Start"/> up to, not including, <paramref name="End"/>.</summary>
internal readonly record struct SackRange(uint Start, uint End)
{
    public const int Size = 8;

    public static SackRange Read(ReadOnlySpan<byte> source) =>
        new(ReadUInt32LittleEndian(source), ReadUInt32LittleEndian(source[4..]));

    public void Write(Span<byte> destination)
    {
        WriteUInt32LittleEndian(destination, Start);
        WriteUInt32LittleEndian(destination[4..], End);
    }
}

/// <summary>The packets received ahead of a gap, as sorted ranges that never touch (spec udx, 3.4).</summary>
internal sealed class SackRanges
{
    /// <summary>Blocks that fit one acknowledgement (spec udx, 3.4).</summary>
    public const int MaxBlocks = 50;

    private SackRange[] _ranges = [];
    private int _first;

    public int Count { get; private set; }

    public ReadOnlySpan<SackRange> Ranges => _ranges.AsSpan(_first, Count);

    /// <summary>Adds a packet; false if it is there already.</summary>
    public bool Add(uint seq)
    {
        int at = PlaceOf(seq);
        var before = at > 0 ? Ranges[at - 1] : default;
        if (at > 0 && SeqNumber.IsBefore(seq, before.End)) return false;
        bool joinsBefore = at > 0 && before.End == seq;
        bool joinsAfter = at < Count && Ranges[at].Start == seq + 1;
        if (joinsBefore && joinsAfter)
        {
            this[at - 1] = new(before.Start, Ranges[at].End);
            RemoveAt(at);
        }
        else if (joinsBefore) this[at - 1] = before with { End = seq + 1 };
        else if (joinsAfter) this[at] = this[at] with { Start = seq };
        else Insert(at, new(seq, seq + 1));
        return true;
    }

    /// <summary>Forgets everything before <paramref name="next"/>, which is delivered.</summary>
    public void RemoveBefore(uint next)
    {
        while (Count > 0 && !SeqNumber.IsAfter(Ranges[0].End, next))
        {
            _first++;
            Count--;
        }
        if (Count > 0 && SeqNumber.IsBefore(Ranges[0].Start, next)) this[0] = this[0] with { Start = next };
        if (Count == 0) _first = 0;
    }

    /// <summary>Writes the lowest blocks, 50 at most; returns the bytes written.</summary>
    public int Write(Span<byte> destination)
    {
        int blocks = Math.Min(Math.Min(Count, MaxBlocks), destination.Length / SackRange.Size);
        for (int i = 0; i < blocks; i++) Ranges[i].Write(destination[(i * SackRange.Size)..]);
        return blocks * SackRange.Size;
    }

    public void Clear() => (_ranges, _first, Count) = ([], 0, 0);

    /// <summary>Number of ranges that start at or before the packet.</summary>
    private int PlaceOf(uint seq)
    {
        var ranges = Ranges;
        int low = 0, high = Count;
        if (high > 0 && !SeqNumber.IsBefore(seq, ranges[high - 1].Start)) return high; // the usual case
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (SeqNumber.IsBefore(seq, ranges[middle].Start)) high = middle;
            else low = middle + 1;
        }
        return low;
    }

    private ref SackRange this[int index] => ref _ranges[_first + index];

    private void Insert(int at, SackRange range)
    {
        if (_first + Count == _ranges.Length)
        {
            var target = Count < _ranges.Length * 3 / 4 ? _ranges : new SackRange[Math.Max(8, _ranges.Length * 2)];
            Ranges.CopyTo(target);
            (_ranges, _first) = (target, 0);
        }
        _ranges.AsSpan(_first + at, Count - at).CopyTo(_ranges.AsSpan(_first + at + 1));
        Count++;
        this[at] = range;
    }

    private void RemoveAt(int at)
    {
        _ranges.AsSpan(_first + at + 1, Count - at - 1).CopyTo(_ranges.AsSpan(_first + at));
        Count--;
    }
}
