using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.InteropServices;
using Microsoft.Extensions.Time.Testing;

namespace PeopleSwarm.Noise;

public class BrokenChannelTests
{
    [Fact]
    public async Task Refuses_a_change_of_any_byte_on_the_wire()
    {
        byte[] wire = await RecordAsync([1, 2, 3], new byte[16], []);
        for (int i = 0; i < wire.Length; i++)
        {
            byte[] changed = [.. wire];
            changed[i] ^= 1;
            var (near, far) = MemoryTransport.Pair();
            var channel = ChannelFixture.Open(near, HandshakeRole.Responder);
            far.TakeAll();
            far.Send(changed);
            far.Output.Complete();
            var error = await Assert.ThrowsAsync<SecretChannelException>(async () =>
            {
                for (int message = 0; message < 3; message++) Assert.NotNull(await channel.ReadMessageAsync());
                Assert.Null(await channel.ReadMessageAsync());
                if (i is >= 35 and < 59) Assert.Fail("A changed header passed.");
            });
            var expected = i switch
            {
                < 3 => SecretChannelError.Header,
                < 35 => SecretChannelError.StreamId,
                < 59 => SecretChannelError.Authentication,
                _ => error.Error,
            };
            Assert.Equal(expected, error.Error);
            if (i >= 59) Assert.Contains(error.Error, (SecretChannelError[])[SecretChannelError.Authentication, SecretChannelError.Truncated, SecretChannelError.MessageTooLarge, SecretChannelError.Frame]);
            await AssertBrokenAsync(channel, far, error.Error);
        }
    }

    [Theory]
    [InlineData("370000", SecretChannelError.Header, "Invalid header message received")]
    [InlineData("390000", SecretChannelError.Header, "Invalid header message received")]
    [InlineData("ffffff", SecretChannelError.Header, "Invalid header message received")]
    public async Task Refuses_a_header_frame_of_another_length(string length, SecretChannelError expected, string message)
    {
        var (near, far) = MemoryTransport.Pair();
        var channel = ChannelFixture.Open(near, HandshakeRole.Responder);
        far.Send([.. Convert.FromHexString(length), .. new byte[60]]);
        var error = await Assert.ThrowsAsync<SecretChannelException>(async () => await channel.Input.ReadAsync());
        Assert.Equal((expected, message), (error.Error, error.Message));
    }

    [Theory]
    [InlineData(0), InlineData(1), InlineData(16)]
    public async Task Refuses_frames_too_short_for_a_message(int length)
    {
        byte[] header = await RecordAsync();
        var (near, far) = MemoryTransport.Pair();
        var channel = ChannelFixture.Open(near, HandshakeRole.Responder);
        far.Send([.. header, (byte)length, 0, 0, .. new byte[length]]);
        var error = await Assert.ThrowsAsync<SecretChannelException>(async () => await channel.Input.ReadAsync());
        Assert.Equal((SecretChannelError.Frame, "Invalid message received"), (error.Error, error.Message));
    }

    [Fact]
    public async Task Refuses_messages_above_the_limit_before_they_arrive()
    {
        byte[] wire = await RecordAsync(new byte[1000], new byte[1001]);
        var (near, far) = MemoryTransport.Pair();
        var channel = ChannelFixture.Open(near, HandshakeRole.Responder, new() { MaxMessageSize = 1000 });
        far.Send(wire.AsSpan(0, 59 + 1020 + 3)); // of the second message only the length
        Assert.Equal(1000, (await channel.ReadMessageAsync())!.Value.Length);
        var error = await Assert.ThrowsAsync<SecretChannelException>(async () => await channel.ReadMessageAsync());
        Assert.Equal(SecretChannelError.MessageTooLarge, error.Error);

        var (a, _) = ChannelFixture.Pair(options: new() { MaxMessageSize = 1000 });
        await Assert.ThrowsAsync<ArgumentException>(async () => await a.WriteMessageAsync(new byte[1001]));
        await a.WriteMessageAsync(new byte[1000]);
    }

    [Fact]
    public async Task Holds_what_arrived_and_not_what_was_announced()
    {
        byte[] header = await RecordAsync();
        var (near, far) = MemoryTransport.Pair(scheduler: PipeScheduler.Inline); // all on this thread: other tests allocate meanwhile
        var channel = ChannelFixture.Open(near, HandshakeRole.Responder);
        var reading = channel.ReadMessageAsync();
        long before = GC.GetAllocatedBytesForCurrentThread();
        far.Send([.. header, 0xff, 0xff, 0xff, .. new byte[1000]]);
        far.Send(new byte[1000]);
        Assert.False(reading.IsCompleted);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 1, 1 << 20);
        channel.Abort();
        await Assert.ThrowsAsync<SecretChannelException>(async () => await reading);
    }

    [Fact]
    public async Task Delivers_what_came_before_the_damage()
    {
        byte[] wire = await RecordAsync("good"u8.ToArray(), "bad"u8.ToArray());
        wire[^1] ^= 1;
        var (near, far) = MemoryTransport.Pair();
        var channel = ChannelFixture.Open(near, HandshakeRole.Responder);
        far.Send(wire);
        Assert.Equal("good"u8.ToArray(), await channel.Input.ReadExactlyAsync(4));
        var error = await Assert.ThrowsAsync<SecretChannelException>(async () => await channel.Input.ReadAsync());
        Assert.Equal((SecretChannelError.Authentication, "pull failed"), (error.Error, error.Message));
        await AssertBrokenAsync(channel, far, SecretChannelError.Authentication);
    }

    [Fact]
    public async Task Tells_a_stream_cut_inside_a_message_from_one_that_ended()
    {
        byte[] wire = await RecordAsync(new byte[100]);
        for (int cut = 0; cut <= wire.Length; cut += cut < 64 ? 1 : 13)
        {
            var (near, far) = MemoryTransport.Pair();
            var channel = ChannelFixture.Open(near, HandshakeRole.Responder);
            if (cut > 0) far.Send(wire.AsSpan(0, cut));
            far.Output.Complete();
            if (cut is 0 or 59 || cut == wire.Length) Assert.Equal(cut == wire.Length ? 100 : 0, (await channel.Input.ReadToEndAsync()).Length);
            else Assert.Equal(SecretChannelError.Truncated, (await Assert.ThrowsAsync<SecretChannelException>(channel.Input.ReadToEndAsync)).Error);
        }
    }

    [Fact]
    public async Task Abort_wakes_both_directions_and_breaks_the_stream_below()
    {
        var (near, far) = MemoryTransport.Pair(pause: 1000);
        var channel = ChannelFixture.Open(near, HandshakeRole.Responder);
        var reading = channel.Input.ReadAsync().AsTask();
        var writing = channel.Output.WriteAsync(new byte[5000]).AsTask();
        Assert.False(reading.IsCompleted || writing.IsCompleted);
        channel.Abort(new InvalidOperationException("enough"));
        Assert.Equal("enough", (await Assert.ThrowsAsync<SecretChannelException>(() => reading)).InnerException!.Message);
        Assert.Equal(SecretChannelError.Aborted, (await Assert.ThrowsAsync<SecretChannelException>(() => writing)).Error);
        await AssertBrokenAsync(channel, far, SecretChannelError.Aborted);
        await channel.DisposeAsync();
    }

    [Fact]
    public async Task Abort_and_dispose_at_any_moment_end_every_call()
    {
        var random = new Random(5);
        for (int i = 0; i < 300; i++)
        {
            var (a, b) = ChannelFixture.Pair(pause: 10_000, options: new() { KeepAlive = TimeSpan.FromMilliseconds(1), Timeout = TimeSpan.FromSeconds(30) });
            Task[] calls = [WriteForeverAsync(a), ReadForeverAsync(a), WriteForeverAsync(b), ReadForeverAsync(b)];
            Thread.SpinWait(random.Next(200_000));
            if (random.Next(2) == 0) a.Abort();
            await a.DisposeAsync().AsTask().WaitAsync(TimeSpan.FromMinutes(1));
            if (random.Next(2) == 0) b.Abort();
            await b.DisposeAsync().AsTask().WaitAsync(TimeSpan.FromMinutes(1));
            await Task.WhenAll(calls).WaitAsync(TimeSpan.FromMinutes(1));
        }

        static async Task WriteForeverAsync(ISecretChannel channel)
        {
            await Task.Yield();
            try
            {
                byte[] data = new byte[3000];
                while (!(await channel.Output.WriteAsync(data)).IsCompleted) channel.SendKeepAlive();
            }
            catch (Exception e) when (e is IOException or InvalidOperationException)
            {
            }
        }

        static async Task ReadForeverAsync(ISecretChannel channel)
        {
            await Task.Yield();
            try
            {
                while (await channel.ReadMessageAsync() is not null) { }
            }
            catch (Exception e) when (e is IOException or InvalidOperationException)
            {
            }
        }
    }

    [Theory, InlineData(100), InlineData(5000)]
    public async Task Dispose_leaves_the_writer_the_memory_it_writes_to(int bytes)
    {
        var (channel, _) = ChannelFixture.Pair();
        channel.Output.GetMemory(100);
        channel.Output.Advance(100);
        var memory = channel.Output.GetMemory(bytes);
        Assert.True(MemoryMarshal.TryGetArray(memory, out ArraySegment<byte> ours));
        await channel.DisposeAsync();

        Assert.DoesNotContain(ours.Array, Enumerable.Range(0, 64).Select(_ => ArrayPool<byte>.Shared.Rent(ours.Array!.Length)).ToArray());
        memory.Span[..bytes].Fill(1);
        channel.Output.Advance(bytes);
        await Assert.ThrowsAsync<InvalidOperationException>(async () => await channel.Output.FlushAsync());
    }

    [Fact]
    public async Task Dispose_ends_a_read_that_waits()
    {
        foreach (bool messages in (bool[])[true, false])
        {
            var (a, _) = ChannelFixture.Pair();
            Task reading = messages ? a.ReadMessageAsync().AsTask() : a.Input.ReadAsync().AsTask();
            await a.DisposeAsync();
            await Assert.ThrowsAsync<InvalidOperationException>(() => reading.WaitAsync(TimeSpan.FromMinutes(1)));
        }
    }

    [Fact]
    public async Task Completing_the_writer_with_an_error_aborts()
    {
        var (near, far) = MemoryTransport.Pair();
        var channel = ChannelFixture.Open(near, HandshakeRole.Responder);
        channel.Output.Complete(new InvalidOperationException("enough"));
        await AssertBrokenAsync(channel, far, SecretChannelError.Aborted);
    }

    [Fact]
    public async Task Passes_a_failure_of_the_stream_below_on_to_both_directions()
    {
        var (near, far) = MemoryTransport.Pair();
        var channel = ChannelFixture.Open(near, HandshakeRole.Responder);
        far.Output.Complete(new IOException("cable cut"));
        Assert.Equal("cable cut", (await Assert.ThrowsAnyAsync<IOException>(async () => await channel.Input.ReadAsync())).Message);
        Assert.Equal("cable cut", (await Assert.ThrowsAnyAsync<IOException>(async () => await channel.WriteMessageAsync(new byte[1]))).Message);
        Assert.Equal("cable cut", (await Assert.ThrowsAnyAsync<IOException>(async () => await channel.Input.ReadAsync())).Message);
    }

    [Fact]
    public async Task Aborts_a_reliable_stream_by_its_own_means()
    {
        var (near, _) = MemoryTransport.Pair();
        var stream = new MessageTransport(near, _ => true);
        var channel = ChannelFixture.Open(stream, HandshakeRole.Initiator);
        channel.Abort();
        Assert.IsType<SecretChannelException>(stream.AbortedWith);
        Assert.False(channel.TrySendUnordered([1]));
        await channel.DisposeAsync();
    }

    [Fact]
    public async Task Breaks_when_nothing_arrives_in_time_and_only_while_somebody_reads()
    {
        var time = new FakeTimeProvider();
        var (near, far) = MemoryTransport.Pair(scheduler: PipeScheduler.Inline);
        var channel = ChannelFixture.Open(near, HandshakeRole.Responder, new() { Timeout = TimeSpan.FromSeconds(10) }, time);
        time.Advance(TimeSpan.FromSeconds(60)); // nobody reads: the silence is ours
        byte[] wire = await RecordAsync(new byte[40]);
        var reading = channel.ReadMessageAsync().AsTask();
        foreach (byte b in wire)
        {
            time.Advance(TimeSpan.FromSeconds(9));
            far.Send([b]);
        }
        Assert.Equal(40, (await reading)!.Value.Length);
        reading = channel.ReadMessageAsync().AsTask();
        time.Advance(TimeSpan.FromSeconds(9.9));
        Assert.False(reading.IsCompleted);
        time.Advance(TimeSpan.FromSeconds(0.2));
        var error = await Assert.ThrowsAsync<SecretChannelException>(() => reading);
        Assert.Equal((SecretChannelError.TimedOut, "Stream timed out"), (error.Error, error.Message));
    }

    [Fact]
    public async Task Reads_given_up_and_begun_again_do_not_stretch_the_timeout()
    {
        var time = new FakeTimeProvider();
        var (near, _) = MemoryTransport.Pair(scheduler: PipeScheduler.Inline);
        var channel = ChannelFixture.Open(near, HandshakeRole.Responder, new() { Timeout = TimeSpan.FromSeconds(10) }, time);
        for (int i = 0; i < 9; i++)
        {
            var canceled = channel.Input.ReadAsync();
            time.Advance(TimeSpan.FromSeconds(1));
            channel.Input.CancelPendingRead();
            channel.Input.AdvanceTo((await canceled).Buffer.End);
        }
        var reading = channel.Input.ReadAsync().AsTask();
        time.Advance(TimeSpan.FromSeconds(1.1));
        Assert.Equal(SecretChannelError.TimedOut, (await Assert.ThrowsAsync<SecretChannelException>(() => reading)).Error);
    }

    /// <summary>The header frame and the messages as an initiator writes them.</summary>
    private static async Task<byte[]> RecordAsync(params byte[][] messages)
    {
        var (near, far) = MemoryTransport.Pair();
        await using var channel = ChannelFixture.Open(near, HandshakeRole.Initiator);
        foreach (byte[] message in messages) await channel.WriteMessageAsync(message);
        return far.TakeAll();
    }

    private static async Task AssertBrokenAsync(ISecretChannel channel, MemoryTransport far, SecretChannelError error)
    {
        Assert.Equal(error, (await Assert.ThrowsAsync<SecretChannelException>(async () => await channel.ReadMessageAsync())).Error);
        Assert.Equal(error, (await Assert.ThrowsAsync<SecretChannelException>(async () => await channel.WriteMessageAsync(new byte[1]))).Error);
        Assert.Equal(error, (await Assert.ThrowsAsync<SecretChannelException>(async () => await channel.Output.WriteAsync(new byte[1]))).Error);
        Assert.Equal(error, (await Assert.ThrowsAsync<SecretChannelException>(far.Input.ReadToEndAsync)).Error);
        await Assert.ThrowsAsync<SecretChannelException>(async () => await far.Output.FlushAsync());
    }
}
