using PeopleSwarm.Testing;

namespace PeopleSwarm.Udx.Protocol;

public class AllocationTests
{
    /// <summary>Endless zeros to send, nothing kept of what arrives.</summary>
    private sealed class Faucet : ISendBuffer, IReceiveBuffer, IStreamEvents
    {
        public long End { get; set; }

        public bool IsEnded => false;

        public long UnreadBytes => 0;

        public long Received { get; private set; }

        public void CopyTo(long offset, Span<byte> destination) => destination.Clear();

        public void Release(long offset) { }

        public void Write(ReadOnlySpan<byte> payload) => Received += payload.Length;

        void IReceiveBuffer.End() => Assert.Fail("nobody ended");

        public bool AcceptPath(in DatagramSource source) => true;

        public void OnMessage(ReadOnlySpan<byte> message) { }
        public void OnHeard() { }

        public void OnPathProved(in DatagramSource source) { }

        public void OnFollowed(in DatagramSource before, in DatagramSource remote) { }

        public void OnAcknowledged(long offset) { }

        public void OnEndAcknowledged() { }

        public void OnClosed(in StreamClose close) => Assert.Fail(close.ToString());
    }

    [Fact]
    public void A_window_full_of_packets_ahead_of_a_gap_allocates_the_first_time_alone()
    {
        UdxOptions options = new();
        UdxEndpoint endpoint = new(options, new SeededRandom(1));
        ReorderBuffer reorder = new(endpoint.Blocks, options.MaxReorderBytes);
        byte[] payload = new byte[1452];
        int packets = options.ReceiveWindow / payload.Length;
        Fill();
        long before = GC.GetAllocatedBytesForCurrentThread();
        Fill();
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);

        void Fill()
        {
            for (uint seq = 1; seq <= packets; seq++) Assert.True(reorder.TryAdd(0, seq, payload, isEnd: false, out _));
            for (uint seq = 1; seq <= packets; seq++)
            {
                Assert.True(reorder.TryTake(seq, out byte[]? block, out int length, out _));
                reorder.Return(block, length);
            }
        }
    }

    [Theory, InlineData(0), InlineData(100)]
    public void Moving_packets_allocates_nothing(int loseEvery)
    {
        UdpEndPoint a = UdpEndPoint.Loopback(1), b = UdpEndPoint.Loopback(2);
        UdxEndpoint left = new(new(), new SeededRandom(1)), right = new(new(), new SeededRandom(2));
        Faucet source = new(), sink = new();
        var sender = left.CreateStream(1, source, source, source);
        var receiver = right.CreateStream(2, sink, sink, sink);
        Timestamp now = new(1);
        sender.Connect(now, default, 2, b);
        receiver.Connect(now, default, 1, a);
        byte[] buffer = new byte[65_507];
        int count = 0;

        void Move(UdxEndpoint from, UdxEndpoint to, UdpEndPoint address, bool isLossy)
        {
            while (from.PollTransmit(now, buffer, out var transmit))
            {
                int size = transmit.SegmentSize == 0 ? transmit.Length : transmit.SegmentSize;
                for (int at = 0; at < transmit.Length; at += size)
                {
                    if (isLossy && loseEvery > 0 && ++count % loseEvery == 0) continue;
                    to.Receive(now, buffer.AsSpan(at, Math.Min(size, transmit.Length - at)), new(address, default));
                }
            }
        }

        void Run(int rounds)
        {
            for (int i = 0; i < rounds; i++)
            {
                source.End = sender.BytesAcknowledged + 4 * 1024 * 1024;
                sender.Written(now);
                Move(left, right, a, isLossy: true);
                now += TimeSpan.FromMicroseconds(50);
                Move(right, left, b, isLossy: false);
                now += TimeSpan.FromMicroseconds(50);
                left.HandleTimeout(now);
                right.HandleTimeout(now);
            }
        }

        Run(400); // until the rings have their size
        long received = sink.Received, before = GC.GetAllocatedBytesForCurrentThread();
        Run(400);
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.True(sink.Received - received > 10_000_000, $"only {sink.Received - received} bytes");
        Assert.InRange(allocated, 0, 64 * 1024); // a ring may grow once more
    }
}
