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

/// <summary>
/// The packets received ahead of a gap, as sorted ranges that never touch (spec udx, 3.4). Where there are more than an acknowledgement
/// tells, it tells of those that changed last (as RFC 2018, section 4), of the highest, and of others in turn.
/// </summary>
internal sealed class SackRanges
{
    /// <summary>
    /// Blocks that fit one acknowledgement (spec udx, 3.4). The original cuts its list there, and sends no shorter one that leaves blocks out.
    /// </summary>
    public const int MaxBlocks = 50;

    /// <summary>Blocks we choose where there are more: one less, so that the list does not look like one cut at its last block.</summary>
    public const int MaxChosen = MaxBlocks - 1;

    private const int MaxRecent = 32; // told again and again while that many others change, so lost acknowledgements do no harm

    private SackRange[] _ranges = [];
    private int _first;
    private uint[] _recent = []; // where ranges changed last, a ring: the last of each run of packets that came
    private int _recentAt, _recentCount;
    private uint _nextInTurn;

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
        Remember(seq);
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
        if (Count == 0) (_first, _recentCount) = (0, 0);
    }

    /// <summary>Writes all blocks, or those chosen of many, from the lowest up; returns the bytes written.</summary>
    public int Write(Span<byte> destination)
    {
        int room = Math.Min(MaxChosen, destination.Length / SackRange.Size);
        if (Count > room) return WriteChosen(destination, room);
        for (int i = 0; i < Count; i++) Ranges[i].Write(destination[(i * SackRange.Size)..]);
        return Count * SackRange.Size;
    }

    public void Clear() => (_ranges, _first, Count, _recent, _recentAt, _recentCount) = ([], 0, 0, [], 0, 0);

    private int WriteChosen(Span<byte> destination, int room)
    {
        Span<int> chosen = stackalloc int[MaxChosen];
        int count = 0;
        Choose(Count - 1, chosen[..room], ref count);
        for (int i = 0; i < _recentCount; i++) Choose(PlaceOf(_recent[(_recentAt - i) & (MaxRecent - 1)]) - 1, chosen[..room], ref count);
        int next = PlaceOf(_nextInTurn);
        for (int i = 0; i < Count && count < room; i++) Choose(next++ % Count, chosen[..room], ref count);
        _nextInTurn = Ranges[next % Count].Start - 1;
        chosen[..count].Sort();
        for (int i = 0; i < count; i++) Ranges[chosen[i]].Write(destination[(i * SackRange.Size)..]);
        return count * SackRange.Size;
    }

    /// <summary>Chooses a range once, if it is not delivered and there is room.</summary>
    private static void Choose(int index, Span<int> chosen, ref int count)
    {
        if (index >= 0 && count < chosen.Length && !chosen[..count].Contains(index)) chosen[count++] = index;
    }

    private void Remember(uint seq)
    {
        if (_recent.Length == 0) _recent = new uint[MaxRecent];
        bool continuesRun = _recentCount > 0 && _recent[_recentAt] == seq - 1;
        if (!continuesRun)
        {
            _recentAt = (_recentAt + 1) & (MaxRecent - 1);
            _recentCount = Math.Min(_recentCount + 1, MaxRecent);
        }
        _recent[_recentAt] = seq;
    }

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
