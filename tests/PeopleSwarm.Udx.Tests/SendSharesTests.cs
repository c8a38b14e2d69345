using System.IO.Pipelines;

namespace PeopleSwarm.Udx;

public class SendSharesTests
{
    private const int Chunk = 32 * 1024;
    private static readonly TimeSpan s_short = TimeSpan.FromMicroseconds(100);

    private readonly SendShares _shares = new();
    private readonly SignalStack _signals = new(static () => { }, static () => { });

    [Theory, InlineData(1, 1024), InlineData(8, 1024), InlineData(16, 512), InlineData(1000, 128)]
    public async Task Streams_that_send_at_once_share_what_they_hold(int streams, int kilobytes)
    {
        SendPipe[] pipes = [.. Enumerable.Range(0, streams).Select(_ => Create())];
        foreach (var pipe in pipes)
        {
            await WriteAsync(pipe);
            pipe.Refresh(s_short);
        }
        Assert.Equal(kilobytes * 1024, await FillAsync(pipes[0]));

        foreach (var pipe in pipes[1..]) Acknowledge(pipe);
        Assert.Equal(1024 * 1024, await FillAsync(pipes[0]));
    }

    [Fact]
    public async Task A_stream_that_closes_leaves_its_share()
    {
        SendPipe[] pipes = [.. Enumerable.Range(0, 16).Select(_ => Create())];
        foreach (var pipe in pipes)
        {
            await WriteAsync(pipe);
            pipe.Refresh(s_short);
        }
        Assert.Equal(512 * 1024, _shares.Each);
        foreach (var pipe in pipes[8..]) pipe.Close(null);
        Assert.Equal(1024 * 1024, _shares.Each);
    }

    private SendPipe Create() => new(new PipeOptions(readerScheduler: PipeScheduler.Inline, writerScheduler: PipeScheduler.Inline,
        pauseWriterThreshold: 0, resumeWriterThreshold: 0), new StreamSignal(_signals, null!), _shares, maxHeld: 8 * 1024 * 1024);

    /// <summary>Writes to a pipe that holds nothing until a flush waits; returns what it holds then, which is acknowledged.</summary>
    private static async Task<long> FillAsync(SendPipe pipe)
    {
        Acknowledge(pipe);
        for (long held = Chunk; ; held += Chunk)
        {
            var flush = WriteAsync(pipe);
            pipe.Refresh(s_short);
            if (flush.IsCompleted) continue;
            Acknowledge(pipe);
            await flush;
            return held;
        }
    }

    private static Task WriteAsync(SendPipe pipe)
    {
        pipe.Output.GetSpan(Chunk);
        pipe.Output.Advance(Chunk);
        return pipe.Output.FlushAsync().AsTask();
    }

    private static void Acknowledge(SendPipe pipe)
    {
        pipe.Release(pipe.End);
        pipe.Refresh(s_short);
    }
}
