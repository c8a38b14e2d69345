using BenchmarkDotNet.Attributes;
using PeopleSwarm.Udx.Protocol;

namespace PeopleSwarm.Benchmarks.Udx;

/// <summary>Full packets from one endpoint to another and the acknowledgements back, without a network; expected to allocate nothing.</summary>
[MemoryDiagnoser]
public class StreamMachineBenchmarks
{
    private const int Packets = 1000;
    private static readonly TimeSpan s_step = TimeSpan.FromMicroseconds(50);

    private readonly UdpEndPoint _leftAddress = UdpEndPoint.Loopback(1), _rightAddress = UdpEndPoint.Loopback(2);
    private readonly byte[] _buffer = new byte[UdxEndpoint.MaxTransmitBytes];
    private readonly Zeros _source = new(), _sink = new();
    private UdxEndpoint _left = null!, _right = null!;
    private StreamMachine _sender = null!;
    private Timestamp _now = new(1_000_000);
    private int _packets;

    /// <summary>One packet in so many is lost; 0 for none.</summary>
    [Params(0, 100)]
    public int LoseEvery { get; set; }

    [Params(CongestionControl.Bbr, CongestionControl.NewReno)]
    public CongestionControl Control { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        UdxOptions options = new() { CongestionControl = Control };
        (_left, _right) = (new(options, new SystemRandomSource()), new(options, new SystemRandomSource()));
        _sender = _left.CreateStream(1, _source, _source, _source);
        var receiver = _right.CreateStream(2, _sink, _sink, _sink);
        _sender.Connect(_now, default, 2, _rightAddress);
        receiver.Connect(_now, default, 1, _leftAddress);
        for (int i = 0; i < 100; i++) MoveAThousandPackets(); // until the rings have their size and the rate is found
    }

    [Benchmark(OperationsPerInvoke = Packets)]
    public long MoveAThousandPackets()
    {
        for (int end = _packets + Packets; _packets < end;)
        {
            _source.End = _sender.BytesAcknowledged + 4 * 1024 * 1024;
            _sender.Written(_now);
            _packets += Move(_left, _right, _leftAddress, LoseEvery);
            _now += s_step;
            Move(_right, _left, _rightAddress, loseEvery: 0);
            _now += s_step;
            _left.HandleTimeout(_now);
            _right.HandleTimeout(_now);
        }
        return _sink.Received;
    }

    private int Move(UdxEndpoint from, UdxEndpoint to, UdpEndPoint source, int loseEvery)
    {
        int moved = 0;
        while (from.PollTransmit(_now, _buffer, out var transmit))
        {
            int size = transmit.SegmentSize == 0 ? transmit.Length : transmit.SegmentSize;
            for (int at = 0; at < transmit.Length; at += size)
            {
                moved++;
                if (loseEvery > 0 && (_packets + moved) % loseEvery == 0) continue;
                to.Receive(_now, _buffer.AsSpan(at, Math.Min(size, transmit.Length - at)), new(source, default));
            }
        }
        return moved;
    }

    /// <summary>Endless zeros to send, nothing kept of what arrives.</summary>
    private sealed class Zeros : ISendBuffer, IReceiveBuffer, IStreamEvents
    {
        public long End { get; set; }

        public bool IsEnded => false;

        public long UnreadBytes => 0;

        public long Received { get; private set; }

        public void CopyTo(long offset, Span<byte> destination) => destination.Clear();

        public void Release(long offset) { }

        public void Write(ReadOnlySpan<byte> payload) => Received += payload.Length;

        void IReceiveBuffer.End() { }

        public bool AcceptPath(in DatagramSource source) => true;

        public void OnMessage(ReadOnlySpan<byte> message) { }

        public void OnHeard() { }

        public void OnPathProved(in DatagramSource source) { }

        public void OnFollowed(in DatagramSource before, in DatagramSource remote) { }

        public void OnAcknowledged(long offset) { }

        public void OnEndAcknowledged() { }

        public void OnClosed(in StreamClose close) => throw new InvalidOperationException($"The stream closed: {close}.");
    }
}
