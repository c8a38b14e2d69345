using System.Security.Cryptography;
using Microsoft.Extensions.Time.Testing;

namespace PeopleSwarm.Noise;

public class KeepAliveTests
{
    private const int EmptyFrame = 20;
    private static readonly SecretChannelOptions s_everyFiveSeconds = new() { KeepAlive = TimeSpan.FromSeconds(5) };

    [Fact]
    public async Task Sends_an_empty_message_after_that_much_silence_of_our_own()
    {
        var time = new FakeTimeProvider();
        var (near, far) = MemoryTransport.Pair();
        await using var channel = ChannelFixture.Open(near, HandshakeRole.Initiator, s_everyFiveSeconds, time);
        far.TakeAll();
        time.Advance(TimeSpan.FromSeconds(4.9));
        Assert.Empty(far.TakeAll());
        time.Advance(TimeSpan.FromSeconds(0.1));
        Assert.Equal(EmptyFrame, far.TakeAll().Length);
        time.Advance(TimeSpan.FromSeconds(5));
        Assert.Equal(EmptyFrame, far.TakeAll().Length);
        time.Advance(TimeSpan.FromSeconds(3));
        await channel.WriteMessageAsync(new byte[1]);
        Assert.Equal(EmptyFrame + 1, far.TakeAll().Length);
        time.Advance(TimeSpan.FromSeconds(4.9));
        Assert.Empty(far.TakeAll());
        time.Advance(TimeSpan.FromSeconds(0.2));
        Assert.Equal(EmptyFrame, far.TakeAll().Length);
        channel.SendKeepAlive();
        Assert.Equal(EmptyFrame, far.TakeAll().Length);
    }

    [Fact]
    public async Task Stops_when_our_direction_has_ended()
    {
        var time = new FakeTimeProvider();
        var (near, far) = MemoryTransport.Pair();
        await using var channel = ChannelFixture.Open(near, HandshakeRole.Initiator, s_everyFiveSeconds, time);
        channel.Output.Complete();
        channel.SendKeepAlive();
        time.Advance(TimeSpan.FromSeconds(60));
        Assert.Equal(59, (await far.Input.ReadToEndAsync()).Length);
    }

    [Fact]
    public async Task Sends_nothing_while_a_write_waits_for_room()
    {
        var time = new FakeTimeProvider();
        var (near, far) = MemoryTransport.Pair(pause: 1000);
        await using var channel = ChannelFixture.Open(near, HandshakeRole.Initiator, s_everyFiveSeconds, time);
        var writing = channel.WriteMessageAsync(new byte[2000]);
        time.Advance(TimeSpan.FromSeconds(60));
        Assert.Equal(59 + EmptyFrame + 2000, far.TakeAll().Length);
        await writing;
    }

    [Theory]
    [InlineData(false, false), InlineData(false, true), InlineData(true, false), InlineData(true, true)]
    public async Task Drops_empty_messages_only_if_this_side_keeps_alive(bool senderKeepsAlive, bool receiverKeepsAlive)
    {
        var time = new FakeTimeProvider();
        var (near, far) = MemoryTransport.Pair();
        await using var sender = ChannelFixture.Open(near, HandshakeRole.Initiator, senderKeepsAlive ? s_everyFiveSeconds : null, time);
        await using var receiver = ChannelFixture.Open(far, HandshakeRole.Responder, receiverKeepsAlive ? s_everyFiveSeconds : null, time);
        time.Advance(TimeSpan.FromSeconds(5));
        sender.SendKeepAlive();
        await sender.WriteMessageAsync(default);
        await sender.WriteMessageAsync("end"u8.ToArray());
        int expected = receiverKeepsAlive ? 0 : senderKeepsAlive ? 3 : 2, empty = 0;
        while ((await receiver.ReadMessageAsync())!.Value.Length == 0) empty++;
        Assert.Equal(expected, empty);
    }

    [Fact]
    public async Task Empty_messages_are_nothing_to_a_reader_of_bytes()
    {
        var (a, b) = ChannelFixture.Pair();
        a.SendKeepAlive();
        var reading = b.Input.ReadAsync();
        Assert.False(reading.IsCompleted);
        a.SendKeepAlive();
        await a.Output.WriteAsync(new byte[3]);
        Assert.Equal(3, (await reading).Buffer.Length);
    }

    [Fact]
    public async Task Never_gets_between_the_bytes_of_a_write()
    {
        var (a, b) = ChannelFixture.Pair(pause: 100_000);
        byte[] data = RandomNumberGenerator.GetBytes(4_000_000);
        using var stop = new CancellationTokenSource();
        var pinging = Task.Run(() =>
        {
            while (!stop.IsCancellationRequested) a.SendKeepAlive();
        });
        var reading = b.Input.ReadToEndAsync();
        for (int position = 0; position < data.Length; position += 1000)
        {
            data.AsSpan(position, 1000).CopyTo(a.Output.GetSpan(1000));
            a.Output.Advance(1000);
            if (position % 3000 == 0) await a.Output.FlushAsync();
        }
        await a.Output.CompleteAsync();
        stop.Cancel();
        await pinging;
        Assert.Equal(SHA256.HashData(data), SHA256.HashData(await reading));
    }
}
