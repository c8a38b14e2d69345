using System.Buffers;
using System.IO.Pipelines;
using System.Security.Cryptography;
using System.Text.Json;
using CsCheck;

namespace PeopleSwarm.Noise;

public class SecretChannelTests
{
    public static TheoryData<int> Streams => Vectors.CasesOf("streams.cases");

    [Theory, MemberData(nameof(Streams))]
    public async Task Puts_the_bytes_of_the_vectors_on_the_wire(int index)
    {
        var vector = Vectors.Noise("streams.cases")[index];
        var (near, far) = MemoryTransport.Pair();
        var (near2, far2) = MemoryTransport.Pair();
        var initiatorTask = Open(vector, near, HandshakeRole.Initiator);
        var responderTask = Open(vector, far2, HandshakeRole.Responder);
        byte[] fromInitiator = Wire(vector, "initiatorRawChunks"), fromResponder = Wire(vector, "responderRawChunks");
        far.Send(fromResponder); // everything in one chunk, next stages included
        near2.Send(fromInitiator);
        await using ISecretChannel initiator = await initiatorTask, responder = await responderTask;

        foreach (var write in vector.At("initiatorWrites").EnumerateArray()) await initiator.WriteMessageAsync(write.Bytes());
        foreach (var write in vector.At("responderWrites").EnumerateArray()) await responder.WriteMessageAsync(write.Bytes());

        Assert.Equal(Convert.ToHexString(fromInitiator), Convert.ToHexString(far.TakeAll()));
        Assert.Equal(Convert.ToHexString(fromResponder), Convert.ToHexString(near2.TakeAll()));
        foreach (var message in vector.At("initiatorReceived").EnumerateArray()) Assert.Equal(message.Bytes(), (await initiator.ReadMessageAsync())!.Value.ToArray());
        foreach (var message in vector.At("responderReceived").EnumerateArray()) Assert.Equal(message.Bytes(), (await responder.ReadMessageAsync())!.Value.ToArray());
        Assert.Equal(vector.Text("initiatorPublicKey"), responder.RemotePublicKey.ToString());
        Assert.Equal(vector.Text("responderPublicKey"), initiator.RemotePublicKey.ToString());
        Assert.Equal(vector.Bytes("handshakeHash"), initiator.HandshakeHash.ToArray());
        Assert.True(initiator.IsInitiator && !responder.IsInitiator);
    }

    [Theory, MemberData(nameof(Streams))]
    public void Seals_and_opens_the_unordered_messages_of_the_vectors(int index)
    {
        var vector = Vectors.Noise("streams.cases")[index];
        var unordered = vector.At("unordered");
        byte[] hash = vector.Bytes("handshakeHash"), key = new byte[32];
        SessionKeys.WriteUnorderedKey(hash, HandshakeRole.Initiator, key);
        Assert.Equal(unordered.Bytes("initiatorSendKey"), key);
        SessionKeys.WriteUnorderedKey(hash, HandshakeRole.Responder, key);
        Assert.Equal(unordered.Bytes("initiatorReceiveKey"), key);
        using var initiator = new UnorderedMessages(HandshakeRole.Initiator, hash, new ScriptedRandom(unordered.Bytes("initiatorInitialCounter")));
        using var responder = new UnorderedMessages(HandshakeRole.Responder, hash, new ScriptedRandom(unordered.Bytes("responderInitialCounter")));
        foreach (var message in unordered.At("messages").EnumerateArray())
        {
            byte[] plaintext = message.Bytes("plaintext"), packet = new byte[plaintext.Length + 24], opened = new byte[plaintext.Length];
            Assert.True(initiator.TrySeal(plaintext, packet));
            Assert.Equal(message.Bytes("fromInitiator"), packet);
            Assert.True(responder.TryOpen(packet, opened, out int length));
            Assert.Equal(plaintext, opened[..length]);
            Assert.True(responder.TrySeal(plaintext, packet));
            Assert.Equal(message.Bytes("fromResponder"), packet);
            Assert.True(initiator.TryOpen(packet, opened, out _));
            Assert.False(responder.TryOpen(packet, opened, out _));
            Assert.False(initiator.TryOpen(packet.AsSpan(0, 23), opened, out _));
        }
    }

    [Theory, InlineData(true), InlineData(false)]
    public async Task Keeps_the_boundaries_of_messages_of_every_length_however_they_are_split(bool usePlatform)
    {
        var noise = new NoiseOptions { UsePlatformCipher = usePlatform };
        foreach (int[] pieces in (int[][])[[1], [1_000_000], [3, 1, 20, 500]])
        {
            Pipe wire = new(new(pauseWriterThreshold: 0)), split = new();
            await using var sender = ChannelFixture.Open(new MemoryTransport(new Pipe().Reader, wire.Writer), HandshakeRole.Initiator, noise: noise);
            await using var receiver = ChannelFixture.Open(new MemoryTransport(split.Reader, new Pipe().Writer), HandshakeRole.Responder, noise: noise);
            byte[][] messages = [.. Enumerable.Range(0, 100).Select(i => RandomNumberGenerator.GetBytes(i < 70 ? i : i * i / 4))];
            var copying = MemoryTransport.CopyInPiecesAsync(wire.Reader, split.Writer, pieces);
            foreach (byte[] message in messages) await sender.WriteMessageAsync(message);
            await sender.Output.CompleteAsync();
            foreach (byte[] message in messages) Assert.Equal(message, (await receiver.ReadMessageAsync())!.Value.ToArray());
            Assert.Null(await receiver.ReadMessageAsync());
            Assert.Null(await receiver.ReadMessageAsync());
            await copying;
            Assert.Equal(messages.Sum(m => m.Length + 20), sender.RawBytesWritten);
            Assert.Equal(messages.Sum(m => m.Length + 17), receiver.RawBytesRead);
        }
    }

    [Fact]
    public void Carries_any_bytes_both_ways_whatever_the_writes_and_reads_are()
    {
        Gen.Select(Gen.OneOf(Gen.Int[0, 40], Gen.Int[0, 5000], Gen.Int[0, 200_000]).Array[1, 8], Gen.Int[1, 3], Gen.Int[0, 2], Gen.Bool, Gen.Int)
            .Sample((sizes, style, pause, smallFrames, seed) =>
        {
            var (a, b) = ChannelFixture.Pair(pause: ((long[])[100, 70_000, 0])[pause], noise: new() { FramePayload = smallFrames ? 1024 : 65_472 });
            byte[] data = new byte[sizes.Sum()];
            new Random(seed).NextBytes(data);
            var tasks = new[] { WriteAsync(a.Output, data, sizes, style), WriteAsync(b.Output, data, sizes, style) };
            var received = Task.WhenAll(ReadAsync(a.Input, style), ReadAsync(b.Input, style));
            Assert.True(Task.WhenAll(received, Task.WhenAll(tasks)).Wait(TimeSpan.FromMinutes(1)));
            foreach (byte[] bytes in received.Result) Assert.Equal(Convert.ToHexString(SHA256.HashData(data)), Convert.ToHexString(SHA256.HashData(bytes)));
        }, iter: 120, threads: 1);
    }

    [Fact]
    public async Task A_write_is_one_message_as_long_as_it_fits_a_frame()
    {
        var (a, b) = ChannelFixture.Pair();
        await a.Output.WriteAsync(new byte[100]);
        await a.Output.FlushAsync();
        await a.Output.WriteAsync(new byte[65_472]);
        await a.Output.WriteAsync(new byte[65_473]);
        foreach (int length in (int[])[100, 65_472, 65_472, 1]) Assert.Equal(length, (await b.ReadMessageAsync())!.Value.Length);
    }

    [Fact]
    public async Task The_largest_message_passes_and_a_larger_one_is_refused()
    {
        var (a, b) = ChannelFixture.Pair();
        byte[] largest = new byte[16_777_198];
        new Random(1).NextBytes(largest);
        var writing = a.WriteMessageAsync(largest).AsTask();
        Assert.True((await b.ReadMessageAsync())!.Value.Span.SequenceEqual(largest));
        await writing;
        await Assert.ThrowsAsync<ArgumentException>(async () => await a.WriteMessageAsync(new byte[16_777_199]));
        await a.WriteMessageAsync(new byte[1]);
        Assert.Equal(1, (await b.ReadMessageAsync())!.Value.Length);
    }

    [Fact]
    public async Task Is_open_at_once_and_data_may_follow_before_the_peer_was_heard()
    {
        var (near, far) = MemoryTransport.Pair();
        await using var a = ChannelFixture.Open(near, HandshakeRole.Initiator);
        Assert.Equal(59, far.TakeAll().Length);
        await a.WriteMessageAsync("early"u8.ToArray());
        Assert.Equal(3 + 17 + 5, far.TakeAll().Length);
        var read = a.ReadMessageAsync();
        Assert.False(read.IsCompleted);
        await using var b = ChannelFixture.Open(far, HandshakeRole.Responder);
        await b.WriteMessageAsync("answer"u8.ToArray());
        Assert.Equal("answer"u8.ToArray(), (await read)!.Value.ToArray());
    }

    [Fact]
    public async Task Half_close_ends_one_direction_and_the_other_goes_on()
    {
        var (a, b) = ChannelFixture.Pair();
        await a.Output.WriteAsync("last words"u8.ToArray());
        a.Output.Complete();
        Assert.Equal("last words"u8.ToArray(), await b.Input.ReadToEndAsync());
        await Assert.ThrowsAsync<InvalidOperationException>(async () => await a.Output.WriteAsync(new byte[1]));
        await Assert.ThrowsAsync<InvalidOperationException>(async () => await a.WriteMessageAsync(new byte[1]));
        for (int i = 0; i < 3; i++)
        {
            await b.Output.WriteAsync("still here"u8.ToArray());
            Assert.Equal("still here"u8.ToArray(), await a.Input.ReadExactlyAsync(10));
        }
        await b.Output.CompleteAsync();
        Assert.Empty(await a.Input.ReadToEndAsync());
    }

    [Fact]
    public async Task Bytes_written_but_not_flushed_go_out_when_the_writer_completes()
    {
        var (a, b) = ChannelFixture.Pair();
        a.Output.Write(new byte[200_000]);
        Assert.Equal(200_000, a.Output.UnflushedBytes + Math.Max(0, a.RawBytesWritten - 20 * (a.RawBytesWritten / 65_492)));
        var reading = b.Input.ReadToEndAsync();
        await a.Output.CompleteAsync();
        Assert.Equal(200_000, (await reading).Length);
    }

    [Fact]
    public async Task A_slow_reader_slows_the_writer_and_holds_little()
    {
        var (a, b) = ChannelFixture.Pair(pause: 64 * 1024);
        long written = 0;
        var writing = Task.Run(async () =>
        {
            for (int i = 0; i < 1024; i++)
            {
                await a.Output.WriteAsync(new byte[64 * 1024]);
                Interlocked.Add(ref written, 64 * 1024);
            }
            await a.Output.CompleteAsync();
        });
        var first = await b.Input.ReadAsync();
        b.Input.AdvanceTo(first.Buffer.Start);
        await Task.Delay(200);
        Assert.InRange(Interlocked.Read(ref written), 0, 512 * 1024);
        Assert.False(writing.IsCompleted);
        Assert.Equal(64L * 1024 * 1024, (await b.Input.ReadToEndAsync()).Length);
        await writing;
    }

    [Fact]
    public async Task The_reader_follows_the_rules_of_pipes()
    {
        var (a, b) = ChannelFixture.Pair();
        Assert.False(b.Input.TryRead(out _));
        b.Input.CancelPendingRead();
        var result = await b.Input.ReadAsync();
        Assert.True(result.IsCanceled);
        b.Input.AdvanceTo(result.Buffer.Start);
        var pending = b.Input.ReadAsync();
        b.Input.CancelPendingRead();
        result = await pending;
        Assert.True(result.IsCanceled && result.Buffer.IsEmpty);
        b.Input.AdvanceTo(result.Buffer.End);

        await a.Output.WriteAsync("hello"u8.ToArray());
        Assert.True(b.Input.TryRead(out result));
        Assert.Equal(5, result.Buffer.Length);
        b.Input.AdvanceTo(result.Buffer.GetPosition(2), result.Buffer.End);
        Assert.False(b.Input.TryRead(out _));
        pending = b.Input.ReadAsync();
        Assert.False(pending.IsCompleted);
        await a.Output.WriteAsync(" world"u8.ToArray());
        result = await pending;
        Assert.Equal("llo world"u8.ToArray(), result.Buffer.ToArray());
        b.Input.AdvanceTo(result.Buffer.Start);
        Assert.Equal(9, (await b.Input.ReadAsync()).Buffer.Length);
        b.Input.AdvanceTo(result.Buffer.End);
        Assert.Throws<InvalidOperationException>(() => b.Input.AdvanceTo(result.Buffer.Start));

        using var cancel = new CancellationTokenSource();
        pending = b.Input.ReadAsync(cancel.Token);
        cancel.Cancel();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await pending);
        await a.Output.WriteAsync("again"u8.ToArray());
        Assert.Equal("again"u8.ToArray(), await b.Input.ReadExactlyAsync(5));
        b.Input.Complete();
        await Assert.ThrowsAsync<InvalidOperationException>(async () => await b.Input.ReadAsync());
    }

    [Fact]
    public async Task Works_as_a_stream()
    {
        var (a, b) = ChannelFixture.Pair();
        await using Stream near = a.Output.AsStream(), far = b.Input.AsStream();
        byte[] data = RandomNumberGenerator.GetBytes(300_000), received = new byte[300_000];
        var writing = near.WriteAsync(data).AsTask();
        await far.ReadExactlyAsync(received);
        await writing;
        Assert.Equal(data, received);
    }

    [Fact]
    public void Allocates_nothing_per_message_when_nobody_waits()
    {
        var (a, b) = ChannelFixture.Pair(pause: 0);
        byte[] small = new byte[64], bulk = new byte[16_384];
        void Once(byte[] message)
        {
            Assert.True(a.Output.WriteAsync(message).IsCompletedSuccessfully);
            Read(message.Length);
            Assert.True(a.WriteMessageAsync(message).IsCompletedSuccessfully);
            Read(message.Length);
        }
        void Read(int length)
        {
            var reading = b.Input.ReadAsync();
            Assert.True(reading.IsCompletedSuccessfully);
            var result = reading.Result;
            if (result.Buffer.Length != length) Assert.Fail("Bytes are missing.");
            b.Input.AdvanceTo(result.Buffer.End);
        }
        const int Rounds = 200, Messages = 4, MaxBytes = 8; // for a message
        Assert.InRange(Allocations.OfRound(() =>
        {
            for (int i = 0; i < Rounds; i++)
            {
                Once(small);
                Once(bulk);
            }
        }, enough: Rounds * Messages * MaxBytes) / (Rounds * Messages), 0, MaxBytes);
    }

    [Fact]
    public async Task Dispose_ends_the_stream_and_forgets_the_keys()
    {
        var (near, far) = MemoryTransport.Pair();
        var keys = ChannelFixture.Keys(HandshakeRole.Initiator);
        var channel = ChannelFixture.Factory().Open(near, keys);
        await channel.Output.WriteAsync(new byte[10]);
        await channel.DisposeAsync();
        await channel.DisposeAsync();
        Assert.Equal(new byte[32], keys.SendKey.ToArray());
        Assert.Equal(new byte[32], keys.ReceiveKey.ToArray());
        Assert.Equal(59 + 30, (await far.Input.ReadToEndAsync()).Length);
        await Assert.ThrowsAsync<InvalidOperationException>(async () => await channel.Output.WriteAsync(new byte[1]));
        await Assert.ThrowsAsync<InvalidOperationException>(async () => await channel.ReadMessageAsync());
    }

    [Fact]
    public async Task Unordered_messages_go_next_to_the_stream()
    {
        var (near, far) = MemoryTransport.Pair();
        List<byte[]> packets = [], received = [];
        var transport = new MessageTransport(near, packet =>
        {
            packets.Add(packet);
            return packet.Length <= 1200;
        });
        await using var a = ChannelFixture.Open(transport, HandshakeRole.Initiator);
        await using var b = ChannelFixture.Open(far, HandshakeRole.Responder, new() { OnUnorderedMessage = message => received.Add(message.ToArray()) });
        byte[][] messages = [[], [1], RandomNumberGenerator.GetBytes(1000)];
        foreach (byte[] message in messages) Assert.True(a.TrySendUnordered(message));
        foreach (byte[] packet in Enumerable.Reverse(packets)) b.ReceiveUnordered(packet);
        Assert.Equal(messages.Reverse(), received);

        for (int length = 0; length < 24; length++) b.ReceiveUnordered(new byte[length]);
        b.ReceiveUnordered(RandomNumberGenerator.GetBytes(100));
        Assert.Equal(3, received.Count);
        Assert.False(a.TrySendUnordered(new byte[2000]));
        Assert.False(a.TrySendUnordered(new byte[100_000]));
        Assert.False(b.TrySendUnordered([1])); // no messages on a plain pipe
        await a.DisposeAsync();
        Assert.False(a.TrySendUnordered([1]));
    }

    private static async Task WriteAsync(PipeWriter writer, byte[] data, int[] sizes, int style)
    {
        int position = 0;
        foreach (int size in sizes)
        {
            var piece = data.AsMemory(position, size);
            position += size;
            if (style == 1) await writer.WriteAsync(piece);
            else if (style == 2) writer.Write(piece.Span);
            else
            {
                piece.Span.CopyTo(writer.GetSpan(size));
                writer.Advance(size);
                await writer.FlushAsync();
            }
        }
        if (style == 2) await writer.FlushAsync();
        await writer.CompleteAsync();
    }

    private static async Task<byte[]> ReadAsync(PipeReader reader, int style)
    {
        if (style == 1) return await reader.ReadToEndAsync();
        if (style == 2)
        {
            using var stream = new MemoryStream();
            await reader.CopyToAsync(stream);
            return stream.ToArray();
        }
        while (true) // examine everything, consume nothing
        {
            var result = await reader.ReadAsync();
            if (result.IsCompleted) return result.Buffer.ToArray();
            reader.AdvanceTo(result.Buffer.Start, result.Buffer.End);
        }
    }

    private static byte[] Wire(JsonElement vector, string path) => [.. vector.At(path).EnumerateArray().SelectMany(chunk => chunk.Bytes())];

    private static async Task<ISecretChannel> Open(JsonElement vector, MemoryTransport transport, HandshakeRole role)
    {
        string side = role == HandshakeRole.Initiator ? "initiator" : "responder", other = role == HandshakeRole.Initiator ? "responder" : "initiator";
        var factory = ChannelFixture.Factory(random: new ScriptedRandom(vector.Bytes($"{side}SecretstreamHeader")));
        if (!vector.TryGetProperty("pattern", out var pattern))
        {
            byte[] one = vector.Bytes("tx_initiator"), two = vector.Bytes("rx_initiator");
            bool initiator = role == HandshakeRole.Initiator;
            return factory.Open(transport, new(role, new(vector.Bytes($"{side}PublicKey")), new PublicKey(vector.Bytes($"{other}PublicKey")),
                vector.Bytes("handshakeHash"), initiator ? one : two, initiator ? two : one));
        }
        using var local = KeyPair.FromSeed(vector.Bytes($"{side}StaticSeed"));
        var handshakes = new HandshakeFactory(Microsoft.Extensions.Options.Options.Create(new NoiseOptions()), new ScriptedRandom(vector.Bytes($"{side}EphemeralSeed")));
        var handshake = handshakes.Create(Enum.Parse<HandshakePattern>(pattern.GetString()!), role, local, new PublicKey(vector.Bytes($"{other}PublicKey")));
        return await factory.ConnectAsync(transport, handshake);
    }
}
