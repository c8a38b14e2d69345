using System.Diagnostics.Metrics;
using System.Net.Sockets;
using Microsoft.Extensions.Logging.Abstractions;
using Moq;

namespace PeopleSwarm.Udx;

/// <summary>When a socket lets datagrams come together, what it makes of them, and when it stops.</summary>
public sealed class CoalescingTests : IAsyncDisposable
{
    private const int Long = 1200;

    private readonly Call _call = new();
    private readonly Receiver _receiver = new();
    private readonly UdxMetrics _metrics;
    private readonly List<string> _refused = [];
    private readonly MeterListener _meters = new();
    private readonly UdpDatagramSocket _socket;
    private readonly Socket _sender = UdpBinding.Bind(HostKit.AnyLoopback, DatagramSocketOptions.Default);

    public CoalescingTests()
    {
        Meter ours = new(UdxMetrics.MeterName); // tests that run meanwhile have meters of the same name
        _metrics = new(Mock.Of<IMeterFactory>(f => f.Create(It.IsAny<MeterOptions>()) == ours));
        _meters.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Meter == ours && instrument.Name == "peopleswarm.udx.segmentation.refused") listener.EnableMeasurementEvents(instrument);
        };
        _meters.SetMeasurementEventCallback<long>((_, _, tags, _) => _refused.Add((string)tags[0].Value!));
        _meters.Start();
        _socket = new(HostKit.AnyLoopback, DatagramSocketOptions.Default, useSegmentation: false, _metrics, NullLogger.Instance, _ =>
        {
            _call.Created++;
            return _call;
        });
        _socket.Start(_receiver);
    }

    public async ValueTask DisposeAsync()
    {
        await _socket.DisposeAsync();
        _meters.Dispose();
        _metrics.Dispose();
    }

    [Fact]
    public void Sixteen_long_ones_in_a_row_begin_it_and_what_comes_together_is_taken_apart()
    {
        Send(15, Long);
        Send(1, 100);
        Send(15, Long);
        Assert.Equal(0, _call.Created);
        Send(1, Long);
        Assert.Equal((1, true), (_call.Created, _call.IsOn));
        _receiver.Lengths.Clear();
        _call.Waiting.Enqueue((SocketError.Success, 2500, 1000));
        _call.Waiting.Enqueue((SocketError.Success, 2500, 2500)); // longer datagrams than peers send
        _call.Waiting.Enqueue((SocketError.Success, 700, 5000));
        _call.Waiting.Enqueue((SocketError.Success, 0, 0));
        Assert.False(_socket.Receive(100));
        Assert.Equal([1000, 1000, 500, 700, 0], _receiver.Lengths);
        Assert.True(_call.IsOn);
        _call.Waiting.Enqueue((SocketError.Success, 3000, 1000));
        _call.Waiting.Enqueue((SocketError.Success, 1, 0));
        Assert.True(_socket.Receive(3)); // a run counts as its datagrams
        Assert.Single(_call.Waiting);
        Assert.Empty(_refused);
    }

    [Fact]
    public void A_refusal_is_reported_and_final()
    {
        _call.Refuses = true;
        Send(40, Long);
        Assert.Equal(40, _receiver.Lengths.Count);
        Assert.Equal((1, 0), (_call.Created, _call.Received));
        Assert.Equal(["receive"], _refused);
    }

    [Fact]
    public void A_message_too_long_for_one_datagram_and_without_their_size_ends_it_for_good()
    {
        Send(16, Long);
        _call.Waiting.Enqueue((SocketError.Success, 2 * Long, 0));
        Assert.False(_socket.Receive(100));
        Assert.Equal(16, _receiver.Lengths.Count);
        Assert.False(_call.IsOn);
        Send(40, Long);
        Assert.Equal(56, _receiver.Lengths.Count);
        Assert.Equal((1, 1), (_call.Created, _call.Received));
        Assert.Equal(["receive"], _refused);
    }

    [Fact]
    public void A_call_that_keeps_failing_ends_it_and_answers_to_our_sends_do_not()
    {
        Send(16, Long);
        for (int i = 0; i < 1000; i++) _call.Waiting.Enqueue((i % 2 == 0 ? SocketError.ConnectionReset : SocketError.NetworkReset, 0, 0));
        Assert.True(_socket.Receive(1000));
        Assert.True(_call.IsOn);
        for (int i = 0; i < 63; i++) _call.Waiting.Enqueue((SocketError.OperationNotSupported, 0, 0));
        _call.Waiting.Enqueue((SocketError.Success, 10, 0));
        for (int i = 0; i < 63; i++) _call.Waiting.Enqueue((SocketError.OperationNotSupported, 0, 0));
        Assert.True(_socket.Receive(127));
        Assert.True(_call.IsOn);
        _call.Waiting.Enqueue((SocketError.OperationNotSupported, 0, 0));
        Assert.False(_socket.Receive(100));
        Assert.False(_call.IsOn);
        Assert.Equal(["receive"], _refused);
        Send(1, 77);
        Assert.Equal(77, _receiver.Lengths[^1]);
    }

    [Fact]
    public async Task A_closed_socket_has_nothing_more()
    {
        Send(16, Long);
        await _socket.DisposeAsync();
        Assert.False(_socket.Receive(100));
        Assert.Equal(0, _call.Received);
    }

    /// <summary>Sends and receives; each datagram by itself, so that none is lost.</summary>
    private void Send(int count, int length)
    {
        var to = _socket.LocalEndPoint.ToIPEndPoint();
        for (int i = 0; i < count; i++)
        {
            int before = _receiver.Lengths.Count;
            _sender.SendTo(new byte[length], to);
            Assert.True(SpinWait.SpinUntil(() => { _socket.Receive(1); return _receiver.Lengths.Count > before; }, HostKit.Limit));
        }
    }

    private sealed class Call : ICoalescedReceive
    {
        public Queue<(SocketError Error, int Length, int SegmentSize)> Waiting { get; } = new();
        public int Created { get; set; }
        public bool Refuses { get; set; }
        public bool IsOn { get; private set; }
        public int Received { get; private set; }

        public bool TrySwitch(bool isOn)
        {
            IsOn = isOn && !Refuses;
            return !Refuses;
        }

        public SocketError Receive(Span<byte> buffer, Span<byte> from, out int length, out int segmentSize)
        {
            (length, segmentSize) = (0, 0);
            if (!Waiting.TryDequeue(out var next)) return SocketError.WouldBlock;
            Received++;
            Assert.True(buffer.Length >= ICoalescedReceive.MaxMessage);
            (length, segmentSize) = (next.Length, next.SegmentSize);
            return next.Error;
        }
    }

    private sealed class Receiver : IDatagramReceiver
    {
        public List<int> Lengths { get; } = [];

        public void OnReadable() { }

        public void OnDatagram(ReadOnlySpan<byte> datagram, in UdpEndPoint from) => Lengths.Add(datagram.Length);

        public void OnWritable() { }

        public void OnClosed(Exception? error) => Assert.Null(error);
    }
}
