using System.IO.Pipelines;
using System.Text;

namespace PeopleSwarm.Cli;

public class LinesTests
{
    [Theory]
    [InlineData("one\ntwo\n", new[] { "one", "two" })]
    [InlineData("one\r\ntwo", new[] { "one", "two" })]
    [InlineData("\n\nx", new[] { "", "", "x" })]
    [InlineData("", new string[0])]
    public async Task Bytes_are_cut_at_line_ends(string text, string[] expected)
    {
        var reader = PipeReader.Create(new MemoryStream(Encoding.UTF8.GetBytes(text)));
        Assert.Equal(expected, await ReadAllAsync(reader, Timeout.InfiniteTimeSpan));
    }

    [Fact]
    public async Task A_line_that_never_ends_is_cut()
    {
        var reader = PipeReader.Create(new MemoryStream(new byte[2 * Lines.MaxLength + 5]));
        var lines = await ReadAllAsync(reader, Timeout.InfiniteTimeSpan);
        Assert.Equal([Lines.MaxLength, Lines.MaxLength, 5], lines.Select(l => l.Length));
    }

    [Fact]
    public async Task A_text_without_a_line_end_counts_as_a_line_after_a_silence()
    {
        var pipe = new Pipe();
        await using var lines = Lines.ReadAsync(pipe.Reader, TimeSpan.FromMilliseconds(50), TestContext.Current.CancellationToken)
            .GetAsyncEnumerator(TestContext.Current.CancellationToken);
        await pipe.Writer.WriteAsync("first\nno end"u8.ToArray(), TestContext.Current.CancellationToken);
        Assert.True(await lines.MoveNextAsync());
        Assert.Equal("first"u8.ToArray(), lines.Current);
        Assert.True(await lines.MoveNextAsync());
        Assert.Equal("no end"u8.ToArray(), lines.Current);

        await pipe.Writer.WriteAsync("next\n"u8.ToArray(), TestContext.Current.CancellationToken);
        Assert.True(await lines.MoveNextAsync());
        Assert.Equal("next"u8.ToArray(), lines.Current);
        await pipe.Writer.CompleteAsync();
        Assert.False(await lines.MoveNextAsync());
    }

    private static async Task<string[]> ReadAllAsync(PipeReader reader, TimeSpan quiet)
    {
        var lines = new List<string>();
        await foreach (byte[] line in Lines.ReadAsync(reader, quiet, TestContext.Current.CancellationToken)) lines.Add(Encoding.UTF8.GetString(line));
        return [.. lines];
    }
}
