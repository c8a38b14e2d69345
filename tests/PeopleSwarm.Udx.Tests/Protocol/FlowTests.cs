using PeopleSwarm.Testing;

namespace PeopleSwarm.Udx.Protocol;

public class FlowTests
{
    private static readonly LinkOptions s_wan = new() { Latency = TimeSpan.FromMilliseconds(10) };

    [Fact]
    public void A_reader_that_stops_stops_the_writer_and_goes_on_where_it_was()
    {
        var options = new UdxOptions { ReceiveWindow = 256 * 1024 };
        var pair = new StreamPair(1, options, s_wan);
        pair.Bob.IsReading = false;
        byte[] bytes = StreamPair.Pattern(2_000_000);
        pair.Alice.Write(pair.Net.Now, bytes, end: true);
        pair.Net.RunFor(TimeSpan.FromMinutes(5));
        Assert.Null(pair.Alice.Closed); // a full window is no dead peer
        Assert.InRange(pair.Bob.MaxUnread, 200 * 1024, 256 * 1024 + 2048);
        int rounds = 0;
        while (pair.Bob.ReceivedLength < bytes.Length && rounds++ < 100)
        {
            pair.Bob.ReadAll(pair.Net.Now);
            pair.Net.RunFor(TimeSpan.FromMilliseconds(60)); // the window is announced, not waited for
        }
        Assert.InRange(rounds, 7, 10);
        pair.Bob.EndWriting(pair.Net.Now);
        pair.Net.Expect(() => pair.BothClosed, TimeSpan.FromSeconds(1));
        Assert.Equal(bytes, pair.Bob.Received);
        Assert.InRange(pair.Bob.MaxUnread, 0, 256 * 1024 + 2048);
    }

    [Fact]
    public void A_closed_window_takes_the_probe_of_an_older_peer_but_no_flood()
    {
        var peer = new RawPeer(new() { ReceiveWindow = 64 * 1024 });
        peer.Stream.IsReading = false;
        byte[] full = new byte[1152];
        uint seq = 0;
        while (peer.Stream.UnreadBytes < 64 * 1024)
        {
            peer.Receive(PacketTypes.Data, seq++, 0, full);
            peer.Poll();
        }
        peer.Receive(PacketTypes.Data, seq++, 0, full);
        var header = RawPeer.Header(Assert.Single(peer.Poll()));
        Assert.Equal((0u, seq), (header.ReceiveWindow, header.Ack));
        for (int i = 0; i < 1000; i++) peer.Receive(PacketTypes.Data, seq++, 0, full);
        Assert.InRange(peer.Stream.UnreadBytes, 64 * 1024, 128 * 1024);
        Assert.True(peer.Endpoint.Counters.DroppedWindow > 900);
    }

    [Fact]
    public void Packets_ahead_of_a_gap_stay_within_the_window()
    {
        var peer = new RawPeer(new() { ReceiveWindow = 64 * 1024, MaxReorderBytes = 64 * 1024 });
        byte[] full = new byte[1152];
        for (uint seq = 1; seq < 1000; seq++) peer.Receive(PacketTypes.Data, seq, 0, full);
        peer.Receive(PacketTypes.Data, 0x7FFFFFFF, 0, full);
        peer.Receive(PacketTypes.Data, 100_000, 0, full);
        var ranges = Convert.FromHexString(Assert.Single(peer.Poll()));
        Assert.Equal(new SackRange(1, 33), SackRange.Read(ranges.AsSpan(UdxHeader.Size))); // 32 blocks of 2 KiB
        peer.Receive(PacketTypes.Data, 0, 0, full);
        Assert.Equal(33 * 1152, peer.Stream.ReceivedLength);
        Assert.Equal(33u, RawPeer.Header(Assert.Single(peer.Poll())).Ack);
    }

    [Fact]
    public void The_packet_that_closes_a_gap_is_taken_however_much_waits_behind_it()
    {
        var peer = new RawPeer(new() { ReceiveWindow = 64 * 1024, MaxReorderBytes = 1024 * 1024 });
        byte[] full = new byte[1152];
        uint seq = 1;
        while (peer.Endpoint.Counters.DroppedWindow == 0) peer.Receive(PacketTypes.Data, seq++, 0, full);
        peer.Receive(PacketTypes.Data, 0, 0, full);
        peer.Poll();
        Assert.Equal((seq - 1) * full.Length, peer.Stream.UnreadBytes + peer.Stream.ReceivedLength); // all but the one dropped
    }

    [Fact]
    public void A_reopened_window_is_announced()
    {
        var peer = new RawPeer(new() { ReceiveWindow = 64 * 1024 });
        peer.Stream.IsReading = false;
        peer.Receive(PacketTypes.Data, 0, 0, new byte[1152]);
        peer.Poll();
        peer.Stream.ReadAll(peer.Now);
        Assert.Empty(peer.Poll()); // too little to be worth a packet
        for (uint seq = 1; seq < 30; seq++) peer.Receive(PacketTypes.Data, seq, 0, new byte[1152]);
        peer.Poll();
        peer.Stream.ReadAll(peer.Now);
        Assert.Equal(64u * 1024, RawPeer.Header(Assert.Single(peer.Poll())).ReceiveWindow);
    }

    [Fact]
    public void A_batch_in_order_is_acknowledged_once_and_a_gap_with_its_blocks()
    {
        var peer = new RawPeer();
        for (uint seq = 0; seq < 30; seq++) peer.Receive(PacketTypes.Data, seq, 0, "x"u8);
        Assert.Equal("ff0100006300000000004000000000001e000000", Assert.Single(peer.Poll()));
        peer.Receive(PacketTypes.Data, 32, 0, "x"u8);
        peer.Receive(PacketTypes.Data, 34, 0, "x"u8);
        Assert.Equal("ff0104006300000000004000000000001e00000020000000210000002200000023000000", Assert.Single(peer.Poll()));
    }

    [Fact]
    public void Data_about_to_leave_carries_the_acknowledgement()
    {
        var peer = new RawPeer();
        peer.Receive(PacketTypes.Data, 0, 0, "ping"u8);
        peer.Stream.Write(peer.Now, "pong"u8);
        Assert.Equal("ff01010063000000000040000000000001000000706f6e67", Assert.Single(peer.Poll()));
    }

    [Fact]
    public void A_burst_is_handed_over_in_equal_segments()
    {
        var peer = new RawPeer();
        peer.Stream.Write(peer.Now, new byte[10_000]);
        byte[] buffer = new byte[65_507];
        Assert.True(peer.Endpoint.PollTransmit(peer.Now, buffer, out var transmit));
        Assert.Equal((1172, 8 * 1172 + 20 + 10_000 - 8 * 1152, RawPeer.Remote, RawPeer.Socket),
            (transmit.SegmentSize, transmit.Length, transmit.To, transmit.Socket));
        Assert.False(peer.Endpoint.PollTransmit(peer.Now, buffer, out _));
    }

    [Fact]
    public void Streams_take_turns()
    {
        var options = new UdxOptions { CongestionControl = CongestionControl.NewReno };
        var endpoint = new UdxEndpoint(options, new SeededRandom(1));
        List<TestStream> streams = [];
        for (uint id = 1; id <= 5; id++)
        {
            var stream = new TestStream(endpoint, id);
            stream.Machine.Connect(new(1), default, 100 + id, RawPeer.Remote);
            stream.Write(new(1), new byte[20_000]);
            streams.Add(stream);
        }
        byte[] buffer = new byte[4 * 1172];
        List<uint> order = [];
        while (endpoint.PollTransmit(new(1), buffer, out _)) order.Add(RawPeer.Header(Convert.ToHexString(buffer.AsSpan(0, 20))).StreamId - 100);
        Assert.Equal([1, 2, 3, 4, 5, 1, 2, 3, 4, 5, 1, 2, 3, 4, 5], order); // 4, 4 and 2 packets of the first window each
    }

    [Fact]
    public void Small_writes_of_one_turn_share_a_packet()
    {
        var capture = Vectors.Capture("combined-writes").Items("packets").First();
        var endpoint = new UdxEndpoint(new(), new SeededRandom(1));
        var stream = new TestStream(endpoint, 1);
        stream.Machine.Connect(new(1), default, 0x55667788, RawPeer.Remote);
        for (int i = 0; i < 5; i++) stream.Write(new(1), System.Text.Encoding.ASCII.GetBytes($"w{i}"));
        byte[] buffer = new byte[65_507];
        Assert.True(endpoint.PollTransmit(new(1), buffer, out var transmit));
        Assert.Equal(capture.Text("hex"), Convert.ToHexStringLower(buffer.AsSpan(0, transmit.Length)));
        Assert.False(endpoint.PollTransmit(new(1), buffer, out _));
    }

    [Theory, InlineData(0), InlineData(1), InlineData(2)]
    public void Numbers_wrap_in_the_middle_of_a_lossy_transfer(int seed)
    {
        var pair = new StreamPair(seed, link: s_wan with { LossRate = 0.05, ReorderRate = 0.05 });
        pair.Alice.Machine.StartAt(0xFFFFFFF0, 0x7FFFFFF0);
        pair.Bob.Machine.StartAt(0x7FFFFFF0, 0xFFFFFFF0);
        pair.Alice.Write(pair.Net.Now, StreamPair.Pattern(300_000), end: true);
        pair.Bob.Write(pair.Net.Now, StreamPair.Pattern(300_000, 1), end: true);
        pair.Net.Expect(() => pair.BothClosed, TimeSpan.FromSeconds(60));
        pair.AssertDelivered();
    }

    [Fact]
    public void The_packets_around_a_wrap_are_those_of_the_original()
    {
        var capture = Vectors.Capture("sequence-wrap");
        var endpoint = new UdxEndpoint(new(), new SeededRandom(1));
        var stream = new TestStream(endpoint, 1);
        stream.Machine.StartAt(0xFFFFFFFE, 0);
        stream.Machine.Connect(new(1), default, 0x55667788, RawPeer.Remote);
        byte[] buffer = new byte[65_507];
        foreach (var packet in capture.Items("packets").Where(p => p.Text("direction") == "A->B" && p.GetProperty("decoded").GetProperty("typeByte").GetInt32() == 1))
        {
            stream.Write(new(1), Convert.FromHexString(packet.GetProperty("decoded").Text("payload")));
            Assert.True(endpoint.PollTransmit(new(1), buffer, out var transmit));
            Assert.Equal(packet.Text("hex"), Convert.ToHexStringLower(buffer.AsSpan(0, transmit.Length)));
        }
    }

    [Fact]
    public void Idle_streams_cost_no_turn()
    {
        var endpoint = new UdxEndpoint(new(), new SeededRandom(1));
        for (uint id = 1; id <= 5000; id++) new TestStream(endpoint, id).Machine.Connect(new(1), default, id, RawPeer.Remote);
        byte[] buffer = new byte[65_507];
        Assert.False(endpoint.PollTransmit(new(1), buffer, out _));
        Assert.Equal(new Timestamp(10_000_001), endpoint.NextTimeout);
        endpoint.HandleTimeout(new(10_000_001));
        int heartbeats = 0;
        while (endpoint.PollTransmit(new(10_000_001), buffer, out _)) heartbeats++;
        Assert.Equal(5000, heartbeats);
    }
}
