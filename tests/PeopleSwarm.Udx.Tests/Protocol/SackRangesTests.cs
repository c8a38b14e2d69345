using CsCheck;

namespace PeopleSwarm.Udx.Protocol;

public class SackRangesTests
{
    [Fact]
    public void Equals_a_plain_set_of_numbers() => Gen.Select(Gen.UInt, Gen.Int[0, 200].Array[0, 300], Gen.Int[0, 120]).Sample((start, offsets, delivered) =>
    {
        var ranges = new SackRanges();
        var expected = new SortedSet<int>();
        foreach (int offset in offsets)
            if (ranges.Add(start + (uint)offset) != expected.Add(offset)) return false;
        ranges.RemoveBefore(start + (uint)delivered);
        expected.RemoveWhere(o => o < delivered);
        return Expand(ranges, start).SequenceEqual(expected) && AreApart(ranges);
    });

    [Fact]
    public void Writes_the_lowest_fifty_blocks()
    {
        var ranges = new SackRanges();
        for (uint i = 0; i < 60; i++) ranges.Add(0xFFFFFFF0 + 2 * i);
        byte[] bytes = new byte[1000];
        Assert.Equal(400, ranges.Write(bytes));
        Assert.Equal(new SackRange(0xFFFFFFF0, 0xFFFFFFF1), SackRange.Read(bytes));
        Assert.Equal(new SackRange(0, 1), SackRange.Read(bytes.AsSpan(8 * 8)));
    }

    private static IEnumerable<int> Expand(SackRanges ranges, uint start)
    {
        List<int> all = [];
        foreach (var range in ranges.Ranges)
            for (uint seq = range.Start; seq != range.End; seq++) all.Add((int)(seq - start));
        return all;
    }

    private static bool AreApart(SackRanges ranges)
    {
        for (int i = 1; i < ranges.Count; i++)
            if (!SeqNumber.IsBefore(ranges.Ranges[i - 1].End, ranges.Ranges[i].Start)) return false;
        return true;
    }
}
