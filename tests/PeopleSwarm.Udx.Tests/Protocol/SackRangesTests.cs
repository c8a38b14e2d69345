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
    public void Writes_up_to_49_blocks_as_they_are()
    {
        var ranges = new SackRanges();
        for (uint i = 0; i < 49; i++) ranges.Add(0xFFFFFFF0 + 2 * i);
        var blocks = Written(ranges);
        Assert.Equal(ranges.Ranges, blocks);
        Assert.Equal((new SackRange(0xFFFFFFF0, 0xFFFFFFF1), new SackRange(0, 1)), (blocks[0], blocks[8]));
    }

    [Theory, InlineData(50), InlineData(500), InlineData(5000)]
    public void Of_more_blocks_it_writes_the_highest_those_that_changed_last_and_the_others_in_turn(int count)
    {
        const uint Start = 0xFFFFF000, Step = 4;
        var ranges = new SackRanges();
        for (uint i = 0; i < count; i++) ranges.Add(Start + i * Step);
        var random = new Random(1);
        List<uint> changed = [];
        HashSet<uint> told = [];
        int answers = 0;
        for (; told.Count < count; answers++)
        {
            uint start = Start + (uint)random.Next(count) * Step;
            if (ranges.Add(start + 1)) changed.Add(start);
            var blocks = Written(ranges);
            uint[] starts = [.. blocks.Select(b => b.Start)];
            Assert.Equal(49, blocks.Length);
            Assert.All(blocks, b => Assert.True(ranges.Ranges.Contains(b)));
            Assert.Equal(starts.OrderBy(s => SeqNumber.Distance(Start, s)), starts);
            Assert.Equal(Start + (uint)(count - 1) * Step, starts[^1]);
            Assert.Subset(starts.ToHashSet(), changed.TakeLast(32).ToHashSet());
            told.UnionWith(starts);
        }
        Assert.InRange(answers, 1, count / 16 + 1);
    }

    private static SackRange[] Written(SackRanges ranges)
    {
        byte[] bytes = new byte[1000];
        int length = ranges.Write(bytes);
        return [.. Enumerable.Range(0, length / SackRange.Size).Select(i => SackRange.Read(bytes.AsSpan(i * SackRange.Size)))];
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
