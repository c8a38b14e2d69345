using System.IO.Pipelines;

namespace PeopleSwarm;

public class DuplexStreamTests
{
    private static readonly TimeSpan s_limit = HostKit.Limit;

    private static async Task<(DuplexStream Left, DuplexStream Right, UdxPair Pair)> OpenAsync(UdxOptions? options = null)
    {
        var pair = UdxPair.Create(options);
        var (left, right) = pair.Connect();
        await left.Output.WriteAsync(new byte[1]);
        await UdxPair.ReadAsync(right.Input, 1);
        return (new DuplexStream(left), new DuplexStream(right), pair);
    }

    [Fact]
    public async Task It_reads_and_writes_and_cannot_seek()
    {
        var (left, right, pair) = await OpenAsync();
        await using var _ = pair;
        Assert.Equal((true, true, false, false), (left.CanRead, left.CanWrite, left.CanSeek, left.CanTimeout));
        Assert.Throws<NotSupportedException>(() => left.Length);
        Assert.Throws<NotSupportedException>(() => left.Position);
        Assert.Throws<NotSupportedException>(() => left.Position = 1);
        Assert.Throws<NotSupportedException>(() => left.Seek(0, SeekOrigin.Begin));
        Assert.Throws<NotSupportedException>(() => left.SetLength(1));
        left.Flush();
        await left.FlushAsync();
        Assert.True(right.CanRead);
    }

    [Fact]
    public async Task A_cancelled_read_leaves_what_has_come_to_the_next()
    {
        var pipe = new Pipe();
        await using var stream = new DuplexStream(new Ends(pipe.Reader, pipe.Writer));
        await pipe.Writer.WriteAsync(new byte[] { 1, 2 });
        pipe.Reader.CancelPendingRead();
        byte[] buffer = new byte[2];
        await Assert.ThrowsAsync<OperationCanceledException>(() => stream.ReadAsync(buffer).AsTask());
        Assert.Equal(2, await stream.ReadAsync(buffer).AsTask().WaitAsync(s_limit));
        Assert.Equal([1, 2], buffer);
    }

    [Fact]
    public async Task Every_way_to_write_meets_every_way_to_read()
    {
        var (left, right, pair) = await OpenAsync();
        await using var _ = pair;
        Action<byte[]>[] writes =
        [
            b => left.Write(b), b => left.Write(b, 0, b.Length), b => Array.ForEach(b, left.WriteByte),
            b => left.WriteAsync(b).AsTask().Wait(s_limit), b => left.WriteAsync(b, 0, b.Length).Wait(s_limit),
            b => left.EndWrite(left.BeginWrite(b, 0, b.Length, null, null)),
        ];
        Func<byte[], int>[] reads =
        [
            b => right.Read(b), b => right.Read(b, 0, b.Length), b => right.ReadAsync(b).AsTask().GetAwaiter().GetResult(),
            b => right.ReadAsync(b, 0, b.Length).GetAwaiter().GetResult(), b => right.EndRead(right.BeginRead(b, 0, b.Length, null, null)),
            b => (b[0] = (byte)right.ReadByte()) >= 0 ? 1 : 0,
        ];
        byte next = 0;
        foreach (var write in writes)
        {
            foreach (var read in reads)
            {
                byte[] sent = [next++, next++, next++];
                write(sent);
                byte[] received = new byte[3];
                for (int done = 0; done < 3;)
                {
                    byte[] part = new byte[3 - done];
                    int length = read(part);
                    Assert.InRange(length, 1, part.Length);
                    part.AsSpan(0, length).CopyTo(received.AsSpan(done));
                    done += length;
                }
                Assert.Equal(sent, received);
            }
        }
    }

    [Fact]
    public async Task A_half_close_is_read_as_the_end_and_the_other_way_goes_on()
    {
        var (left, right, pair) = await OpenAsync();
        await using var _ = pair;
        await left.WriteAsync("question"u8.ToArray());
        await left.CompleteWritesAsync();
        using StreamReader reader = new(right, leaveOpen: true);
        Assert.Equal("question", await reader.ReadToEndAsync().WaitAsync(s_limit));
        Assert.Equal((0, -1), (await right.ReadAsync(new byte[1]), right.ReadByte()));
        await right.WriteAsync("answer"u8.ToArray());
        await right.CompleteWritesAsync();
        using MemoryStream answer = new();
        await left.CopyToAsync(answer).WaitAsync(s_limit);
        Assert.Equal("answer"u8.ToArray(), answer.ToArray());
        await Assert.ThrowsAsync<InvalidOperationException>(async () => await left.WriteAsync(new byte[1]));
    }

    [Fact]
    public async Task A_pending_read_is_cancelled_and_the_stream_lives_on()
    {
        var (left, right, pair) = await OpenAsync();
        await using var _ = pair;
        using CancellationTokenSource cancel = new();
        var reading = right.ReadAsync(new byte[4], cancel.Token).AsTask();
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => reading.WaitAsync(s_limit));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await right.ReadExactlyAsync(new byte[4], new CancellationToken(true)));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await left.WriteAsync(ReadOnlyMemory<byte>.Empty, new CancellationToken(true)));
        await left.WriteAsync(new byte[] { 7 });
        byte[] buffer = new byte[4];
        Assert.Equal(1, await right.ReadAsync(buffer).AsTask().WaitAsync(s_limit));
        Assert.Equal(7, buffer[0]);
    }

    [Fact]
    public async Task After_dispose_everything_is_refused()
    {
        var (left, right, pair) = await OpenAsync(new UdxOptions { Linger = TimeSpan.FromMilliseconds(50) });
        await using var _ = pair;
        await left.DisposeAsync();
        await left.DisposeAsync();
        Assert.Equal((false, false), (left.CanRead, left.CanWrite));
        await Assert.ThrowsAsync<ObjectDisposedException>(async () => await left.ReadExactlyAsync(new byte[1]));
        await Assert.ThrowsAsync<ObjectDisposedException>(async () => await left.WriteAsync(new byte[1]));
        Assert.Throws<ObjectDisposedException>(() => left.Write(new byte[1]));
        Assert.Throws<ObjectDisposedException>(left.Flush);
        right.Dispose();
    }

    [Fact]
    public async Task Bad_arguments_are_named()
    {
        Assert.Throws<ArgumentNullException>(() => new DuplexStream(null!));
        var (left, _, pair) = await OpenAsync();
        await using var owner = pair;
        Assert.Throws<ArgumentNullException>(() => left.Read(null!, 0, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => left.Read(new byte[1], -1, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => left.Write(new byte[1], 0, 2));
        await Assert.ThrowsAsync<ArgumentNullException>(() => left.WriteAsync(null!, 0, 1));
    }

    [Fact]
    public async Task A_broken_stream_throws_its_reason_from_reads_and_writes()
    {
        await using var pair = UdxPair.Create();
        var (left, right) = pair.Connect();
        await left.Output.WriteAsync(new byte[1]);
        await UdxPair.ReadAsync(right.Input, 1);
        DuplexStream stream = new(right);
        left.Abort();
        await right.Closed.WaitAsync(s_limit);
        Assert.Equal(StreamCloseReason.RemoteAbort, (await Assert.ThrowsAsync<UdxException>(async () => await stream.ReadExactlyAsync(new byte[1]))).Reason);
        Assert.Equal(StreamCloseReason.RemoteAbort, (await Assert.ThrowsAsync<UdxException>(async () => await stream.WriteAsync(new byte[1]))).Reason);
    }

    [Fact]
    public async Task Any_duplex_pipe_will_do_and_can_be_left_open()
    {
        Pipe there = new(), back = new();
        await using (DuplexStream stream = new(new Ends(back.Reader, there.Writer), leaveOpen: true)) await stream.WriteAsync(new byte[] { 1 });
        Assert.Equal(1, (await there.Reader.ReadAsync()).Buffer.First.Span[0]);
        await using (DuplexStream stream = new(new Ends(back.Reader, there.Writer))) Assert.True(stream.CanRead);
        await Assert.ThrowsAsync<InvalidOperationException>(async () => await there.Writer.WriteAsync(new byte[1]));
    }

    private sealed class Ends(PipeReader input, PipeWriter output) : IDuplexPipe
    {
        public PipeReader Input { get; } = input;
        public PipeWriter Output { get; } = output;
    }
}
