using System.Buffers;
using System.IO.Pipelines;
using PeopleSwarm.Noise;
using PeopleSwarm.Noise.SecretStream;
using PeopleSwarm.Testing;

namespace PeopleSwarm.Fuzz;

public class NoiseFuzzTests
{
    [Theory, InlineData(HandshakePattern.XX), InlineData(HandshakePattern.IK), InlineData(HandshakePattern.XK), InlineData(HandshakePattern.NN)]
    public void A_responder_survives_any_first_message(HandshakePattern pattern)
    {
        using var local = NoiseKit.Key(2);
        using var remote = NoiseKit.Key(1);
        using var initiator = NoiseKit.Handshakes.Create(pattern, HandshakeRole.Initiator, remote, NeedsKey(pattern) ? local.PublicKey : null);
        FuzzRun.Feed([NoiseKit.Write(initiator)], 150, input =>
        {
            using var responder = NoiseKit.Handshakes.Create(pattern, HandshakeRole.Responder, local);
            bool ok = responder.TryReadMessage(input, new byte[input.Length], out int length);
            if (!ok) return;
            Assert.InRange(length, 0, input.Length);
            NoiseKit.Write(responder);
        });
    }

    [Fact]
    public void An_initiator_refuses_every_answer_but_the_real_one()
    {
        using var a = NoiseKit.Key(1);
        using var b = NoiseKit.Key(2);
        using var initiator = NoiseKit.Handshakes.Create(HandshakePattern.IK, HandshakeRole.Initiator, a, b.PublicKey);
        using var responder = NoiseKit.Handshakes.Create(HandshakePattern.IK, HandshakeRole.Responder, b);
        Assert.True(responder.TryReadMessage(NoiseKit.Write(initiator), new byte[200], out _));
        byte[] answer = NoiseKit.Write(responder);
        FuzzRun.Feed([answer], 200, input =>
        {
            using var copy = initiator.Clone();
            Assert.Equal(input.SequenceEqual(answer), copy.TryReadMessage(input, new byte[input.Length], out _));
        });
    }

    [Fact]
    public void Boxes_open_only_unchanged()
    {
        byte[] key = new byte[32], nonce = new byte[24], box = new byte[16 + 50];
        NoiseKit.Crypto.Seal(key, nonce, new byte[50], box);
        FuzzRun.Feed([box], 20_000, input =>
        {
            bool opened = input.Length >= 16 && NoiseKit.Crypto.TryOpen(key, nonce, input, new byte[input.Length - 16]);
            Assert.Equal(input.SequenceEqual(box), opened);
        });
        Assert.False(NoiseKit.Crypto.TryOpen(key, nonce, new byte[15], []));
    }

    [Fact]
    public void Signatures_hold_only_unchanged()
    {
        using var key = NoiseKit.Key(3);
        byte[] message = [1, 2, 3], signature = new byte[64];
        NoiseKit.Crypto.Sign(key, message, signature);
        FuzzRun.Feed([signature], 300, input => Assert.Equal(input.SequenceEqual(signature), NoiseKit.Crypto.Verify(key.PublicKey, message, input)));
        FuzzRun.Feed([key.PublicKey.ToArray()], 300, input =>
        {
            if (input.Length == 32) Assert.Equal(new PublicKey(input) == key.PublicKey, NoiseKit.Crypto.Verify(new PublicKey(input), message, signature));
        });
    }

    [Fact]
    public void Unordered_messages_open_only_unchanged()
    {
        var (a, b) = NoiseKit.ShakeHands();
        using var sender = new UnorderedMessages(HandshakeRole.Initiator, a.Hash, new SeededRandom(1));
        using var receiver = new UnorderedMessages(HandshakeRole.Responder, b.Hash, new SeededRandom(2));
        byte[] packet = new byte[10 + UnorderedMessages.Overhead];
        Assert.True(sender.TrySeal(new byte[10], packet));
        FuzzRun.Feed([packet], 20_000, input => Assert.Equal(input.SequenceEqual(packet), receiver.TryOpen(input, new byte[input.Length], out _)));
    }

    [Fact]
    public void Frames_come_out_as_they_went_in_however_they_are_cut() => FuzzRun.Seeds(2_000, seed =>
    {
        var random = new SeededRandom(seed);
        List<byte[]> frames = [];
        var wire = new ArrayBufferWriter<byte>();
        for (int i = 1 + random.Next(10); i > 0; i--)
        {
            byte[] body = new byte[random.Next(random.Next(2) == 0 ? 40 : 5_000)];
            random.Fill(body);
            frames.Add(body);
            byte[] length = new byte[Frame.LengthSize];
            Frame.WriteLength(length, body.Length);
            wire.Write(length);
            wire.Write(body);
        }
        using var decoder = new FrameDecoder();
        List<byte[]> decoded = [];
        for (var rest = wire.WrittenMemory; !rest.IsEmpty;)
        {
            int cut = Math.Min(rest.Length, 1 + random.Next(600));
            var input = new ReadOnlySequence<byte>(rest[..cut]);
            while (!input.IsEmpty && decoder.Read(ref input, 5_000) == FrameStatus.Complete) TakeFrame(decoder, decoded);
            rest = rest[cut..];
        }
        if (decoded.Count < frames.Count) // an empty frame is complete without another byte
        {
            var nothing = ReadOnlySequence<byte>.Empty;
            if (decoder.Read(ref nothing, 5_000) == FrameStatus.Complete) TakeFrame(decoder, decoded);
        }
        Assert.True(frames.Count == decoded.Count && frames.Zip(decoded).All(p => p.First.AsSpan().SequenceEqual(p.Second)), "other frames came out");
    });

    [Fact]
    public void A_huge_frame_is_refused_before_memory_is_taken()
    {
        var input = new ReadOnlySequence<byte>(new byte[] { 0xFF, 0xFF, 0xFF, 1, 2, 3 });
        using var decoder = new FrameDecoder();
        Assert.Equal(FrameStatus.TooLarge, decoder.Read(ref input, 100_000));
    }

    [Fact]
    public async Task A_channel_reports_any_rubbish_as_its_own_error()
    {
        var (a, b) = NoiseKit.ShakeHands();
        byte[] wire = await RealTraffic(a);
        for (int i = 0; i < 300 * FuzzRun.Factor; i++)
        {
            long seed = FuzzRun.FirstSeed + i;
            byte[] bent = Mutator.Next(new SeededRandom(seed), [wire]);
            var pipe = new Pipe(new PipeOptions(pauseWriterThreshold: 0));
            await pipe.Writer.WriteAsync(bent, TestContext.Current.CancellationToken);
            await pipe.Writer.CompleteAsync();
            await using var channel = NoiseKit.Channels.Open(new OneWay(pipe.Reader), Copy(b), new SecretChannelOptions { MaxMessageSize = 4096 });
            try
            {
                int read = 0;
                while (await channel.ReadMessageAsync(TestContext.Current.CancellationToken) is { } message)
                {
                    Assert.Equal(new byte[] { (byte)read++ }, message.ToArray()); // what opens is what was sent, in order
                }
            }
            catch (IOException)
            {
                continue;
            }
            catch (Exception error)
            {
                Assert.Fail($"Seed {seed}: {error}");
            }
        }
    }

    private static void TakeFrame(FrameDecoder decoder, List<byte[]> decoded)
    {
        var frame = decoder.Take();
        decoded.Add(frame.Body.ToArray());
        frame.Return();
    }

    private static async Task<byte[]> RealTraffic(HandshakeResult keys)
    {
        var output = new Pipe(new PipeOptions(pauseWriterThreshold: 0));
        var channel = NoiseKit.Channels.Open(new OneWay(new Pipe().Reader, output.Writer), Copy(keys));
        for (byte i = 0; i < 20; i++) await channel.WriteMessageAsync(new[] { i }, TestContext.Current.CancellationToken);
        var written = await output.Reader.ReadAsync(TestContext.Current.CancellationToken);
        byte[] bytes = written.Buffer.ToArray();
        channel.Abort();
        return bytes;
    }

    private static HandshakeResult Copy(HandshakeResult r) => new(r.Role, r.LocalPublicKey, r.RemotePublicKey, r.Hash.Span, r.SendKey, r.ReceiveKey);

    private static bool NeedsKey(HandshakePattern pattern) => pattern is HandshakePattern.IK or HandshakePattern.XK;

    private sealed class OneWay(PipeReader input, PipeWriter? output = null) : IDuplexPipe
    {
        public PipeReader Input => input;
        public PipeWriter Output { get; } = output ?? new Pipe(new PipeOptions(pauseWriterThreshold: 0)).Writer;
    }
}
