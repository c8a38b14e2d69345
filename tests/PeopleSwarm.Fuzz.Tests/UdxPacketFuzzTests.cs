using PeopleSwarm.Testing;
using PeopleSwarm.Udx.Protocol;

namespace PeopleSwarm.Fuzz;

public class UdxPacketFuzzTests
{
    private static readonly UdpEndPoint s_peer = new(0x05000002, 2000), s_stranger = new(0x06000001, 6);

    [Fact]
    public void Headers_and_packets() => FuzzRun.Feed(Corpus.Where(b => UdxPacket.TryParse(b, out _)), 50_000, input =>
    {
        if (!UdxPacket.TryParse(input, out var packet)) return;
        byte[] written = new byte[UdxHeader.Size];
        packet.Header.Write(written);
        Assert.Equal(input[..UdxHeader.Size], written);
        int rest = Math.Min(input.Length, UdxPacket.MaxSize) - UdxHeader.Size;
        Assert.InRange(packet.SackArea.Length, 0, rest);
        if (packet.IsWellFormed) Assert.Equal(rest - packet.Header.DataOffset, packet.Payload.Length);
    });

    [Fact]
    public void An_endpoint_takes_any_packet_for_a_living_stream() => FuzzRun.Seeds(40, seed =>
    {
        var random = new SeededRandom(seed);
        var corpus = Corpus.Where(b => UdxPacket.TryParse(b, out _));
        var options = new UdxOptions { ReceiveWindow = 128 * 1024, MaxReorderBytes = 128 * 1024, MaxStreams = 4 };
        var endpoint = new UdxEndpoint(options, random.Fork(1));
        var now = new Timestamp(1_000_000);
        var stream = new AnyBytesStream(endpoint, now, s_peer);
        byte[] buffer = new byte[65_507];
        for (int i = 0; i < 500; i++)
        {
            byte[] packet = Mutator.Next(random, corpus);
            if (packet.Length >= UdxHeader.Size && random.Next(10) != 0)
            {
                (packet[0], packet[1]) = (0xFF, 1);
                BitConverter.TryWriteBytes(packet.AsSpan(4), 1u);
                if (random.Next(2) == 0) BitConverter.TryWriteBytes(packet.AsSpan(12), (uint)random.Next(40)); // a plausible number
                if (random.Next(2) == 0) BitConverter.TryWriteBytes(packet.AsSpan(16), (uint)random.Next(40));
                if (random.Next(50) != 0) packet[2] &= unchecked((byte)~PacketTypes.Destroy);
            }
            endpoint.Receive(now, packet, new DatagramSource(random.Next(3) == 0 ? s_stranger : s_peer, default));
            for (int sent = 0; endpoint.PollTransmit(now, buffer, out var transmit); sent++)
            {
                Assert.InRange(transmit.Length, UdxHeader.Size, buffer.Length);
                Assert.True(sent < 10_000, "never stops sending");
            }
            now += TimeSpan.FromMilliseconds(random.Next(200));
            for (int turns = 0; endpoint.NextTimeout is { } due && due <= now; turns++)
            {
                endpoint.HandleTimeout(now);
                Assert.True(turns < 1000, "the timeout does not pass");
            }
            if (stream.IsClosed) stream = new AnyBytesStream(endpoint, now, s_peer);
        }
    }, casesPerSeed: 500);

    /// <summary>A stream with endless bytes to send, that takes what comes.</summary>
    private sealed class AnyBytesStream : ISendBuffer, IReceiveBuffer, IStreamEvents
    {
        private long _released;
        private bool _ended;

        public AnyBytesStream(UdxEndpoint endpoint, Timestamp now, UdpEndPoint remote)
        {
            var machine = endpoint.CreateStream(1, this, this, this);
            machine.Connect(now, default, 1, remote);
            machine.Written(now);
        }

        public bool IsClosed { get; private set; }
        public long End => 1 << 20;
        public bool IsEnded => true;
        public long UnreadBytes => 0;

        public void CopyTo(long offset, Span<byte> destination)
        {
            Assert.InRange(offset, _released, End - destination.Length);
            destination.Fill(7);
        }

        public void Release(long offset)
        {
            Assert.InRange(offset, _released, End);
            _released = offset;
        }

        void IReceiveBuffer.Write(ReadOnlySpan<byte> payload) => Assert.False(_ended || IsClosed);

        void IReceiveBuffer.End()
        {
            Assert.False(_ended);
            _ended = true;
        }

        bool IStreamEvents.AcceptPath(in DatagramSource source) => false;

        void IStreamEvents.OnHeard() { }

        void IStreamEvents.OnPathProved(in DatagramSource source) { }

        void IStreamEvents.OnFollowed(in DatagramSource before, in DatagramSource remote) { }

        void IStreamEvents.OnMessage(ReadOnlySpan<byte> message) { }

        void IStreamEvents.OnEndAcknowledged() { }

        void IStreamEvents.OnAcknowledged(long offset) => Assert.InRange(offset, 0, End);

        void IStreamEvents.OnClosed(in StreamClose close)
        {
            Assert.False(IsClosed);
            IsClosed = true;
        }
    }
}
