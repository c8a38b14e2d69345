using System.Buffers;
using System.IO.Pipelines;

namespace PeopleSwarm.Udx;

public class PipeBlockPoolTests
{
    private const int Largest = 64 * 1024;
    private static readonly Timestamp s_start = new(1_000_000);

    [Fact]
    public void A_block_given_back_is_the_next_of_its_size()
    {
        using PipeBlockPool pool = new(maxKept: 1024 * 1024);
        var block = pool.Rent(5000);
        Assert.Equal(8192, block.Memory.Length);
        block.Dispose();
        Assert.Equal(8192, pool.KeptBytes);
        Assert.NotSame(block, pool.Rent(8193));
        Assert.Same(block, pool.Rent(4097));
        Assert.Equal(0, pool.KeptBytes);
    }

    [Theory, InlineData(-1, 64), InlineData(0, 64), InlineData(64, 64), InlineData(65, 128), InlineData(513, 1024), InlineData(Largest, Largest)]
    public void Every_size_a_pipe_asks_for_fits(int wanted, int given)
    {
        using PipeBlockPool pool = new(maxKept: 0);
        Assert.Equal(given, pool.Rent(wanted).Memory.Length);
        Assert.Equal(Largest, pool.MaxBufferSize);
    }

    [Fact]
    public void No_more_is_kept_than_allowed()
    {
        using PipeBlockPool pool = new(maxKept: 3 * Largest + 1);
        foreach (var block in Rent(pool, 10)) block.Dispose();
        Assert.Equal(3 * Largest, pool.KeptBytes);
    }

    [Fact]
    public void What_nobody_took_for_ten_seconds_is_let_go_and_what_was_needed_stays()
    {
        using PipeBlockPool pool = new(maxKept: 1024 * 1024);
        Assert.Null(pool.TrimAt(s_start));
        foreach (var block in Rent(pool, 10)) block.Dispose();
        var first = Trim(pool, s_start);
        Assert.Equal(10 * Largest, pool.KeptBytes);

        foreach (var block in Rent(pool, 4)) block.Dispose();
        var second = Trim(pool, first);
        Assert.Equal(4 * Largest, pool.KeptBytes);

        var third = Trim(pool, second);
        Assert.Equal(0, pool.KeptBytes);
        Assert.Null(pool.TrimAt(third));
    }

    [Fact]
    public void A_pipe_gives_all_its_blocks_back()
    {
        using PipeBlockPool pool = new(maxKept: 1024 * 1024);
        Pipe pipe = new(new PipeOptions(pool, minimumSegmentSize: 512, pauseWriterThreshold: 0));
        pipe.Writer.Write(new byte[300_000]);
        pipe.Writer.Complete();
        pipe.Reader.Complete();
        Assert.InRange(pool.KeptBytes, 300_000, 600_000);
    }

    private static IMemoryOwner<byte>[] Rent(PipeBlockPool pool, int count) => [.. Enumerable.Range(0, count).Select(_ => pool.Rent(Largest))];

    private static Timestamp Trim(PipeBlockPool pool, Timestamp now)
    {
        var due = pool.TrimAt(now)!.Value;
        Assert.Equal(now + TimeSpan.FromSeconds(10), due);
        pool.Trim(new(due.Microseconds - 1));
        pool.Trim(due);
        return due;
    }
}
