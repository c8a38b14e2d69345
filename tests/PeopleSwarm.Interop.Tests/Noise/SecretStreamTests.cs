#pragma warning disable xUnit1051 // every wait here has its own limit

using System.IO.Pipelines;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using PeopleSwarm.Interop.Harness;

namespace PeopleSwarm.Interop.Noise;

/// <summary>Secret streams over TCP between this library and npm @hyperswarm/secret-stream.</summary>
public class SecretStreamTests
{
    private const int OurSeed = 1, TheirSeed = 2;
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(1);
    private static readonly int[] s_lengths = [0, 1, 7, 8, 15, 16, 17, 24, 100, 1000, 1008, 4096, 16_384, 65_472, 65_473, 100_003, 1_000_000, 1_048_576, 5];

    [Theory]
    [InlineData(HandshakePattern.XX, true), InlineData(HandshakePattern.XX, false)]
    [InlineData(HandshakePattern.IK, true), InlineData(HandshakePattern.IK, false)]
    [InlineData(HandshakePattern.XK, true), InlineData(HandshakePattern.XK, false)]
    public async Task Messages_of_many_lengths_arrive_whole_both_ways(HandshakePattern pattern, bool weInitiate)
    {
        await using var session = await Session.OpenAsync(weInitiate, pattern);
        session.Peer.Send(new { command = "write", seed = 10, lengths = s_lengths, end = true });
        var writing = Task.Run(async () =>
        {
            foreach (int length in s_lengths) await session.Channel.WriteMessageAsync(TestBytes.Create(20 + length, length));
            await session.Channel.Output.CompleteAsync();
        });
        foreach (int length in s_lengths)
            Assert.Equal(TestBytes.Sha256(TestBytes.Create(10 + length, length)), TestBytes.Sha256((await session.ReadAsync())!.Value.Span));
        Assert.Null(await session.ReadAsync());
        foreach (int length in s_lengths) await session.ExpectDataAsync(TestBytes.Create(20 + length, length));
        await writing.WaitAsync(s_limit);

        var end = await session.Peer.ReadAsync("end", s_limit);
        Assert.Equal(s_lengths.Length, end.GetProperty("count").GetInt32());
        Assert.Equal(s_lengths.Sum(n => n + 17), end.GetProperty("rawBytesRead").GetInt64());
        Assert.Equal(s_lengths.Sum(n => n + 17), session.Channel.RawBytesRead);
        Assert.Equal(s_lengths.Sum(n => n + 20), session.Channel.RawBytesWritten);
        var close = await session.Peer.ReadAsync("close", s_limit);
        Assert.Equal(session.Channel.RawBytesWritten, close.GetProperty("rawBytesWritten").GetInt64());
        Assert.Null(close.GetProperty("error").GetString());
    }

    [Theory, InlineData(true), InlineData(false)]
    public async Task Twenty_megabytes_through_the_pipe_arrive_whole_both_ways(bool weInitiate)
    {
        const int size = 20_000_000;
        await using var session = await Session.OpenAsync(weInitiate);
        session.Peer.Send(new { command = "write", seed = 30, lengths = (int[])[size / 2, size / 2], end = true });
        byte[] ours = TestBytes.Create(40, size);
        var writing = Task.Run(async () =>
        {
            await session.Channel.Output.WriteAsync(ours);
            await session.Channel.Output.CompleteAsync();
        });
        using var received = new MemoryStream();
        await session.Channel.Input.CopyToAsync(received).WaitAsync(s_limit);
        await writing.WaitAsync(s_limit);
        byte[] theirs = TestBytes.Create(30 + size / 2, size / 2);
        Assert.Equal(TestBytes.Sha256([.. theirs, .. theirs]), TestBytes.Sha256(received.ToArray()));
        int position = 0;
        while (position < size)
        {
            var data = await session.Peer.ReadAsync("data", s_limit);
            int length = data.GetProperty("length").GetInt32();
            Assert.Equal(TestBytes.Sha256(ours.AsSpan(position, length)), data.GetProperty("sha256").GetString());
            position += length;
        }
        await session.Peer.ReadAsync("end", s_limit);
    }

    [Theory, InlineData(true), InlineData(false)]
    public async Task Our_end_leaves_their_direction_open(bool weInitiate)
    {
        await using var session = await Session.OpenAsync(weInitiate);
        await session.Channel.WriteMessageAsync(TestBytes.Create(1, 10));
        await session.Channel.Output.CompleteAsync();
        await session.ExpectDataAsync(TestBytes.Create(1, 10));
        await session.Peer.ReadAsync("end", s_limit);
        session.Peer.Send(new { command = "write", seed = 2, lengths = (int[])[300_000], end = true });
        Assert.Equal(TestBytes.Create(2 + 300_000, 300_000), (await session.ReadAsync())!.Value.ToArray());
        Assert.Null(await session.ReadAsync());
        Assert.Null((await session.Peer.ReadAsync("close", s_limit)).GetProperty("error").GetString());
    }

    [Fact]
    public async Task Their_end_leaves_our_direction_open()
    {
        await using var session = await Session.OpenAsync(weInitiate: true);
        session.Peer.Send(new { command = "end" });
        Assert.Null(await session.ReadAsync());
        await session.Channel.WriteMessageAsync(TestBytes.Create(3, 300_000));
        await session.ExpectDataAsync(TestBytes.Create(3, 300_000));
        await session.Channel.Output.CompleteAsync();
        await session.Peer.ReadAsync("end", s_limit);
    }

    [Fact]
    public async Task Their_destroy_ends_our_reading()
    {
        await using var session = await Session.OpenAsync(weInitiate: false);
        session.Peer.Send(new { command = "destroy" });
        await session.Peer.ReadAsync("close", s_limit);
        try
        {
            Assert.Null(await session.ReadAsync());
        }
        catch (IOException)
        {
            // a reset is as good: TCP knows no destroy of its own
        }
    }

    [Fact]
    public async Task Our_abort_closes_their_stream()
    {
        await using var session = await Session.OpenAsync(weInitiate: true);
        session.Channel.Abort();
        await session.Peer.ReadAsync("close", s_limit);
    }

    [Theory]
    [InlineData(false, false), InlineData(false, true), InlineData(true, false), InlineData(true, true)]
    public async Task Empty_messages_arrive_only_where_nobody_keeps_alive(bool weKeepAlive, bool theyKeepAlive)
    {
        await using var session = await Session.OpenAsync(weInitiate: true, weKeepAlive: weKeepAlive, theyKeepAlive: theyKeepAlive);
        await session.Channel.WriteMessageAsync(default);
        session.Channel.SendKeepAlive();
        await session.Channel.WriteMessageAsync(TestBytes.Create(1, 1));
        for (int i = 0; i < (theyKeepAlive ? 0 : 2); i++) Assert.Equal(0, (await session.Peer.ReadAsync("data", s_limit)).GetProperty("length").GetInt32());
        Assert.Equal(1, (await session.Peer.ReadAsync("data", s_limit)).GetProperty("length").GetInt32());

        session.Peer.Send(new { command = "keepAlive" });
        session.Peer.Send(new { command = "write", seed = 5, lengths = (int[])[0, 1] });
        for (int i = 0; i < (weKeepAlive ? 0 : 2); i++) Assert.Equal(0, (await session.ReadAsync())!.Value.Length);
        Assert.Equal(1, (await session.ReadAsync())!.Value.Length);
    }

    [Theory, InlineData(true), InlineData(false)]
    public async Task Unordered_messages_open_at_the_other_side(bool weInitiate)
    {
        await using var session = await Session.OpenAsync(weInitiate, unordered: true);
        foreach (int length in (int[])[0, 1, 16, 100, 1128])
        {
            Assert.True(session.Channel.TrySendUnordered(TestBytes.Create(length, length)));
            session.Peer.Send(new { command = "packet", packet = Convert.ToHexStringLower(session.Packets.Dequeue()) });
            Assert.Equal(Convert.ToHexStringLower(TestBytes.Create(length, length)), (await session.Peer.ReadAsync("message", s_limit)).GetProperty("message").GetString());

            session.Peer.Send(new { command = "trySend", seed = 7, length });
            session.Channel.ReceiveUnordered(Convert.FromHexString((await session.Peer.ReadAsync("packet", s_limit)).GetProperty("packet").GetString()!));
            Assert.Equal(TestBytes.Create(7, length), session.Received.Dequeue());
        }
        foreach (int length in (int[])[0, 23, 24, 500]) session.Peer.Send(new { command = "packet", packet = new string('0', 2 * length) });
        await session.Channel.WriteMessageAsync(new byte[3]); // the stream has survived
        Assert.Equal(3, (await session.Peer.ReadAsync("data", s_limit)).GetProperty("length").GetInt32());
    }

    [Fact]
    public async Task A_slow_reader_here_slows_them_and_nothing_is_lost()
    {
        await using var session = await Session.OpenAsync(weInitiate: true);
        int[] lengths = [.. Enumerable.Repeat(1_000_000, 50)];
        session.Peer.Send(new { command = "write", seed = 9, lengths });
        await Task.Delay(300);
        Assert.False(session.Peer.TryRead("written", out _));
        string expected = TestBytes.Sha256(TestBytes.Create(9 + 1_000_000, 1_000_000));
        foreach (int _ in lengths) Assert.Equal(expected, TestBytes.Sha256((await session.ReadAsync())!.Value.Span));
        await session.Peer.ReadAsync("written", s_limit);
    }

    [Fact]
    public async Task They_refuse_a_damaged_message_and_so_do_we()
    {
        await using var session = await Session.OpenAsync(weInitiate: true);
        session.Tcp.Socket.Send([17, 0, 0, .. RandomNumberGenerator.GetBytes(17)]);
        Assert.NotNull((await session.Peer.ReadAsync("close", s_limit)).GetProperty("error").GetString());
    }

    private sealed class Session(NodePeer peer, NetworkStream tcp) : IAsyncDisposable
    {
        public NodePeer Peer => peer;

        public NetworkStream Tcp => tcp;

        public ISecretChannel Channel { get; private set; } = null!;

        public Queue<byte[]> Packets { get; } = new();

        public Queue<byte[]> Received { get; } = new();

        public static async Task<Session> OpenAsync(bool weInitiate, HandshakePattern pattern = HandshakePattern.XX,
            bool weKeepAlive = false, bool theyKeepAlive = false, bool unordered = false)
        {
            using KeyPair ours = KeyPair.FromSeed(Repeat(OurSeed)), theirs = KeyPair.FromSeed(Repeat(TheirSeed));
            int keepAlive = 600_000; // on, but never due
            bool known = pattern != HandshakePattern.XX;
            var (peer, ready) = await NodePeer.StartReadyAsync("noise/secret-stream.js", new
            {
                isInitiator = !weInitiate,
                seed = TheirSeed,
                pattern = pattern.ToString(),
                remotePublicKey = known && !weInitiate ? ours.PublicKey.ToString() : null,
                keepAlive = theyKeepAlive ? keepAlive : 0,
            });
            var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            await socket.ConnectAsync(IPAddress.Loopback, ready.GetProperty("port").GetInt32());
            var session = new Session(peer, new NetworkStream(socket, ownsSocket: true));
            var options = new SecretStreamOptions
            {
                Pattern = pattern,
                RemotePublicKey = theirs.PublicKey,
                Channel = new()
                {
                    KeepAlive = weKeepAlive ? TimeSpan.FromMilliseconds(keepAlive) : TimeSpan.Zero,
                    OnUnorderedMessage = message => session.Received.Enqueue(message.ToArray()),
                },
            };
            var role = weInitiate ? HandshakeRole.Initiator : HandshakeRole.Responder;
            session.Channel = unordered
                ? await SecretStream.ConnectAsync(new TcpWithMessages(session.Tcp, session.Packets), role, ours, options)
                : await SecretStream.ConnectAsync(session.Tcp, role, ours, options);
            var open = await peer.ReadAsync("open", s_limit);
            Assert.Equal(theirs.PublicKey, session.Channel.RemotePublicKey);
            Assert.Equal(ours.PublicKey.ToString(), open.GetProperty("remotePublicKey").GetString());
            Assert.Equal(Convert.ToHexStringLower(session.Channel.HandshakeHash.Span), open.GetProperty("handshakeHash").GetString());
            return session;
        }

        public Task<ReadOnlyMemory<byte>?> ReadAsync() => Channel.ReadMessageAsync().AsTask().WaitAsync(s_limit);

        public async Task ExpectDataAsync(byte[] expected)
        {
            var data = await Peer.ReadAsync("data", s_limit);
            Assert.Equal(expected.Length, data.GetProperty("length").GetInt32());
            Assert.Equal(TestBytes.Sha256(expected), data.GetProperty("sha256").GetString());
        }

        public async ValueTask DisposeAsync()
        {
            await Channel.DisposeAsync();
            await tcp.DisposeAsync();
            await peer.DisposeAsync();
        }

        private static byte[] Repeat(int value) => [.. Enumerable.Repeat((byte)value, 32)];
    }

    /// <summary>TCP that hands unordered messages to the test, which carries them over.</summary>
    private sealed class TcpWithMessages(NetworkStream tcp, Queue<byte[]> packets) : IReliableStream
    {
        public PipeReader Input { get; } = PipeReader.Create(tcp, new StreamPipeReaderOptions(leaveOpen: true));

        public PipeWriter Output { get; } = PipeWriter.Create(tcp, new StreamPipeWriterOptions(leaveOpen: true));

        public uint LocalId => 1;

        public uint RemoteId => 2;

        public DatagramSource Remote => default;

        public bool IsConnected => true;

        public long BytesReceived => 0;

        public long BytesAcknowledged => 0;

        public TimeSpan RoundTripTime => TimeSpan.Zero;

        public Task<StreamClose> Closed => Task.FromResult(default(StreamClose));

        public void Connect(SocketId socket, uint remoteId, UdpEndPoint remote) => throw new InvalidOperationException("Connected already.");

        public void ChangeRemote(SocketId socket, uint remoteId, UdpEndPoint remote) => throw new InvalidOperationException("TCP stays where it is.");

        public void RelayTo(IReliableStream destination, RelayFilter? filter = null) => throw new InvalidOperationException("TCP does not relay.");

        public bool TryProbe(SocketId socket, UdpEndPoint remote) => false;

        public bool TrySendMessage(ReadOnlySpan<byte> message)
        {
            packets.Enqueue(message.ToArray());
            return true;
        }

        public ValueTask FlushAcknowledgedAsync(CancellationToken cancellationToken = default) => default;

        public void Abort(Exception? error = null) => tcp.Dispose();

        public ValueTask DisposeAsync() => tcp.DisposeAsync();
    }
}
