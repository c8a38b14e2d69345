using System.Text;
using System.Threading.Channels;

namespace PeopleSwarm.Protomux;

public class MuxTests
{
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(1);

    [Fact]
    public async Task Messages_of_two_channels_reach_their_readers()
    {
        await using var pair = new Pair();
        var (a1, a2) = (pair.A.Open("one"), pair.A.Open("two"));
        var (b2, b1) = (pair.B.Open("two", handshake: "hi"u8.ToArray()), pair.B.Open("one"));
        pair.Run();
        await a1.SendAsync(7, "first"u8.ToArray());
        await a2.SendAsync(8, "second"u8.ToArray());
        Assert.Equal((7, "first"), await ReadAsync(b1));
        Assert.Equal((8, "second"), await ReadAsync(b2));
        Assert.Equal("hi", Encoding.UTF8.GetString((await a2.Opened.WaitAsync(s_limit))!.Value.Span));
        a1.Close();
        await b1.Closed.WaitAsync(s_limit);
        Assert.Null(await b1.ReceiveAsync().AsTask().WaitAsync(s_limit));
        await Assert.ThrowsAsync<IOException>(() => b1.SendAsync(0, default).AsTask());
    }

    [Fact]
    public async Task A_handler_may_take_its_time_and_nothing_is_lost()
    {
        await using var pair = new Pair();
        var deciding = new TaskCompletionSource();
        var taken = new TaskCompletionSource<IProtomuxChannel>();
        pair.B.OnOpen("slow", async id =>
        {
            await deciding.Task;
            taken.SetResult(pair.B.Open("slow", id));
        });
        var channel = pair.A.Open("slow", "id"u8.ToArray());
        pair.Run();
        for (int i = 0; i < 100; i++) await channel.SendAsync(i, "x"u8.ToArray());
        deciding.SetResult();
        var other = await taken.Task.WaitAsync(s_limit);
        Assert.Equal("id"u8.ToArray(), other.Id.ToArray());
        for (int i = 0; i < 100; i++) Assert.Equal((i, "x"), await ReadAsync(other));
    }

    [Fact]
    public async Task A_channel_nobody_wants_is_told_so()
    {
        await using var pair = new Pair();
        pair.B.OnOpen("refused", _ => ValueTask.CompletedTask);
        var (refused, unknown) = (pair.A.Open("refused"), pair.A.Open("unknown"));
        pair.Run();
        Assert.Null(await refused.Opened.WaitAsync(s_limit));
        Assert.Null(await unknown.Opened.WaitAsync(s_limit));
        await refused.Closed.WaitAsync(s_limit);
    }

    [Fact]
    public async Task Unread_messages_stop_the_reading_and_go_on_when_read()
    {
        await using var pair = new Pair(new() { MaxBufferedBytes = 4096 });
        var (a, b) = (pair.A.Open("x"), pair.B.Open("x"));
        pair.Run();
        var writing = Task.Run(async () =>
        {
            for (int i = 0; i < 1000; i++) await a.SendAsync(i, new byte[1000]);
        });
        await Task.Delay(100);
        Assert.False(writing.IsCompleted); // the wire between holds four messages
        for (int i = 0; i < 1000; i++) Assert.Equal(i, (await b.ReceiveAsync().AsTask().WaitAsync(s_limit))!.Value.Type);
        await writing.WaitAsync(s_limit);
    }

    [Fact]
    public async Task What_was_left_unread_in_a_channel_the_peer_closed_stops_nobody_once_it_is_closed_here()
    {
        await using var pair = new Pair(new() { MaxBufferedBytes = 4096 });
        var (a, b) = (pair.A.Open("read"), pair.B.Open("read"));
        pair.Run();
        foreach (string name in (string[])["left", "left too"])
        {
            var (a1, b1) = (pair.A.Open(name), pair.B.Open(name));
            await a1.SendAsync(0, new byte[3000]); // one is less than what stops the reading, both are more
            a1.Close();
            await b1.Closed.WaitAsync(s_limit);
            await b1.DisposeAsync();
        }
        await a.SendAsync(1, "x"u8.ToArray());
        Assert.Equal((1, "x"), await ReadAsync(b));
    }

    [Fact]
    public async Task A_message_leaves_although_its_sender_waits_no_longer()
    {
        await using var pair = new Pair();
        var (a, b) = (pair.A.Open("x"), pair.B.Open("x"));
        pair.Run();
        await a.Opened.WaitAsync(s_limit);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => a.SendAsync(7, "sent"u8.ToArray(), new CancellationToken(canceled: true)).AsTask());
        Assert.Equal((7, "sent"), await ReadAsync(b));
    }

    [Fact]
    public async Task What_is_corked_is_one_message_below()
    {
        await using var pair = new Pair();
        var (a, b) = (pair.A.Open("x"), pair.B.Open("x"));
        pair.Run();
        await a.Opened.WaitAsync(s_limit);
        int before = pair.WrittenByA;
        using (pair.A.Cork())
            for (int i = 0; i < 10; i++) await a.SendAsync(i, "x"u8.ToArray());
        for (int i = 0; i < 10; i++) Assert.Equal((i, "x"), await ReadAsync(b));
        Assert.Equal(before + 1, pair.WrittenByA);
    }

    [Fact]
    public async Task A_malformed_message_breaks_the_connection()
    {
        var wire = new Wire();
        await using var mux = wire.Multiplex();
        var channel = mux.Open("x");
        wire.Incoming.Writer.TryWrite([0, 1]);
        await Assert.ThrowsAsync<ProtomuxException>(() => mux.RunAsync().WaitAsync(s_limit));
        Assert.IsType<ProtomuxException>(wire.Aborted);
        await channel.Closed.WaitAsync(s_limit);
        await Assert.ThrowsAsync<IOException>(() => channel.ReceiveAsync().AsTask());
    }

    [Fact]
    public async Task The_end_of_the_stream_below_closes_all_channels()
    {
        var wire = new Wire();
        await using var mux = wire.Multiplex();
        var channel = mux.Open("x");
        wire.Incoming.Writer.Complete();
        await mux.RunAsync().WaitAsync(s_limit);
        Assert.Null(await channel.ReceiveAsync().AsTask().WaitAsync(s_limit));
        Assert.Throws<IOException>(() => mux.Open("y"));
    }

    [Fact]
    public void Options_out_of_range_are_refused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new Wire().Multiplex(new() { MaxChannels = 0 }));
        Assert.Throws<ArgumentOutOfRangeException>(() => new Wire().Multiplex(new() { MaxBatchBytes = 1 << 24 }));
        var mux = new Wire().Multiplex();
        mux.Open("x");
        Assert.Throws<InvalidOperationException>(() => mux.Open("x"));
    }

    private static async Task<(int, string)> ReadAsync(IProtomuxChannel channel)
    {
        var message = (await channel.ReceiveAsync().AsTask().WaitAsync(s_limit))!.Value;
        return (message.Type, Encoding.UTF8.GetString(message.Body.Span));
    }

    /// <summary>Two multiplexers with a wire between them that holds four messages in each direction.</summary>
    private sealed class Pair : IAsyncDisposable
    {
        private readonly Wire _a = new(), _b = new();

        public Pair(ProtomuxOptions? options = null)
        {
            (_a.Other, _b.Other) = (_b, _a);
            (A, B) = (_a.Multiplex(options), _b.Multiplex(options));
        }

        public IProtomux A { get; }

        public IProtomux B { get; }

        public int WrittenByA => _a.Written;

        public void Run() => (_, _) = (A.RunAsync(), B.RunAsync());

        public async ValueTask DisposeAsync()
        {
            await A.DisposeAsync();
            await B.DisposeAsync();
        }
    }

    private sealed class Wire : IMessageChannel
    {
        private int _written;

        public Channel<byte[]> Incoming { get; } = Channel.CreateBounded<byte[]>(4);

        public Wire? Other { get; set; }

        public Exception? Aborted { get; private set; }

        public int Written => Volatile.Read(ref _written);

        public async ValueTask WriteMessageAsync(ReadOnlyMemory<byte> message, CancellationToken cancellationToken = default)
        {
            Interlocked.Increment(ref _written);
            if (Other is null) return;
            try
            {
                await Other.Incoming.Writer.WriteAsync(message.ToArray(), cancellationToken);
            }
            catch (ChannelClosedException error)
            {
                throw new IOException("The wire is cut.", error);
            }
        }

        public async ValueTask<ReadOnlyMemory<byte>?> ReadMessageAsync(CancellationToken cancellationToken = default) =>
            await Incoming.Reader.WaitToReadAsync(cancellationToken) && Incoming.Reader.TryRead(out byte[]? message) ? message : (ReadOnlyMemory<byte>?)null;

        public void Abort(Exception? error = null) => Aborted = error;

        public ValueTask DisposeAsync()
        {
            Incoming.Writer.TryComplete();
            Other?.Incoming.Writer.TryComplete();
            return ValueTask.CompletedTask;
        }
    }
}
