using PeopleSwarm.Testing;

namespace PeopleSwarm.Udx.Protocol;

public class StreamLifeTests
{
    private static readonly LinkOptions s_wan = new() { Latency = TimeSpan.FromMilliseconds(20) };

    [Fact]
    public void Each_direction_ends_for_itself()
    {
        var pair = new StreamPair(1, link: s_wan);
        pair.Alice.Write(pair.Net.Now, "x"u8, end: true);
        pair.Net.RunFor(TimeSpan.FromSeconds(1));
        Assert.Equal((StreamState.LocalEnded, StreamState.RemoteEnded), (pair.Alice.Machine.State, pair.Bob.Machine.State));
        pair.Bob.Write(pair.Net.Now, "late data"u8);
        pair.Net.RunFor(TimeSpan.FromSeconds(1));
        Assert.Equal("late data"u8, pair.Alice.Received);
        pair.Bob.EndWriting(pair.Net.Now);
        pair.Net.Expect(() => pair.BothClosed, TimeSpan.FromMilliseconds(100));
        Assert.Equal((StreamState.Closed, StreamState.Closed), (pair.Alice.Machine.State, pair.Bob.Machine.State));
        Assert.Equal((0, 0), (pair.Alice.Endpoint.StreamCount, pair.Bob.Endpoint.StreamCount));
    }

    [Fact]
    public void The_peer_is_heard_by_its_first_packet_whatever_it_is()
    {
        var pair = new StreamPair(1, link: s_wan);
        pair.Net.RunFor(TimeSpan.FromSeconds(1));
        Assert.Equal((0, 0), (pair.Alice.TimesHeard, pair.Bob.TimesHeard));
        pair.Alice.Write(pair.Net.Now, "x"u8);
        pair.Net.RunFor(TimeSpan.FromMilliseconds(25));
        Assert.Equal((0, 1), (pair.Alice.TimesHeard, pair.Bob.TimesHeard)); // by data
        pair.Net.RunFor(TimeSpan.FromMilliseconds(20));
        Assert.Equal((1, 1), (pair.Alice.TimesHeard, pair.Bob.TimesHeard)); // by an acknowledgement
        pair.Bob.Write(pair.Net.Now, "y"u8);
        pair.Net.RunFor(TimeSpan.FromSeconds(1));
        Assert.Equal((1, 1), (pair.Alice.TimesHeard, pair.Bob.TimesHeard));
    }

    [Fact]
    public void The_end_is_acknowledged_when_the_peer_has_it_and_all_before_it_whether_or_not_it_ends_itself()
    {
        var pair = new StreamPair(1, link: s_wan);
        pair.Alice.Write(pair.Net.Now, StreamPair.Pattern(10_000));
        pair.Net.RunFor(TimeSpan.FromMilliseconds(30));
        pair.Alice.EndWriting(pair.Net.Now);
        pair.Net.RunFor(TimeSpan.FromMilliseconds(22)); // the acknowledgement of the bytes is back, the end has just arrived
        Assert.Equal((true, 10_000, false), (pair.Bob.PeerEnded, pair.Alice.Acknowledged, pair.Alice.IsEndAcknowledged));
        pair.Net.RunFor(TimeSpan.FromMilliseconds(22));
        Assert.Equal((true, false), (pair.Alice.IsEndAcknowledged, pair.BothClosed));
    }

    [Fact]
    public void A_packet_before_the_stream_is_connected_does_not_count_as_heard()
    {
        var peer = new RawPeer(connect: false);
        peer.Receive(PacketTypes.Data, 0, 0, "x"u8);
        Assert.Equal("x"u8, peer.Stream.Received);
        Assert.Equal(0, peer.Stream.TimesHeard);
        peer.Connect();
        peer.Receive(PacketTypes.Data, 1, 0, "y"u8);
        Assert.Equal(1, peer.Stream.TimesHeard);
    }

    [Fact]
    public void An_abort_reaches_the_peer_and_loses_what_is_under_way()
    {
        var pair = new StreamPair(1, link: s_wan);
        pair.Bob.Write(pair.Net.Now, StreamPair.Pattern(1_000_000));
        pair.Net.RunFor(TimeSpan.FromMilliseconds(70));
        var cause = new InvalidOperationException();
        pair.Alice.Machine.Abort(pair.Net.Now, StreamCloseReason.LocalAbort, cause);
        Assert.Equal(new StreamClose(StreamCloseReason.LocalAbort, cause), pair.Alice.Closed);
        pair.Net.Expect(() => pair.BothClosed, TimeSpan.FromMilliseconds(30));
        Assert.Equal(StreamCloseReason.RemoteAbort, pair.Bob.Closed!.Value.Reason);
        pair.Alice.Machine.Abort(pair.Net.Now, StreamCloseReason.LocalAbort, null); // a second one is nothing
        pair.CheckInvariants();
    }

    [Fact]
    public void A_lost_destroy_is_told_again_when_the_peer_goes_on()
    {
        var pair = new StreamPair(1, link: s_wan);
        pair.Bob.Write(pair.Net.Now, StreamPair.Pattern(3000));
        pair.Net.RunFor(TimeSpan.FromSeconds(1));
        pair.Net.LossRate = 1;
        pair.Alice.Machine.Abort(pair.Net.Now, StreamCloseReason.LocalAbort, null);
        pair.Net.RunFor(TimeSpan.FromSeconds(1));
        pair.Net.LossRate = 0;
        Assert.Null(pair.Bob.Closed);
        pair.Bob.Write(pair.Net.Now, "hello?"u8);
        pair.Net.Expect(() => pair.BothClosed, TimeSpan.FromMilliseconds(50));
        Assert.Equal(StreamCloseReason.RemoteAbort, pair.Bob.Closed!.Value.Reason);
    }

    [Fact]
    public void A_lost_last_acknowledgement_is_repeated_from_the_time_wait()
    {
        var peer = new RawPeer();
        peer.Stream.Write(peer.Now, "a"u8, end: true);
        peer.Poll();
        peer.Receive(PacketTypes.End, 0, 1);
        Assert.Equal("ff01000063000000000040000100000001000000", Assert.Single(peer.Poll()));
        Assert.Equal(StreamCloseReason.Completed, peer.Stream.Closed!.Value.Reason);
        Assert.True(peer.Receive(PacketTypes.End, 0, 1));
        Assert.Equal("ff01000063000000000040000100000001000000", Assert.Single(peer.Poll()));
        Assert.True(peer.Receive(PacketTypes.None, 1, 1)); // a plain ack gets no answer
        Assert.True(peer.Receive(PacketTypes.Destroy, 1, 1));
        Assert.Empty(peer.Poll());
        for (int i = 0; i < 100; i++) peer.Receive(PacketTypes.End, 0, 1);
        Assert.InRange(peer.Poll().Count, 1, 40); // bounded
        peer.Advance(TimeSpan.FromSeconds(31));
        Assert.False(peer.Receive(PacketTypes.End, 0, 1));
        Assert.Null(peer.Endpoint.NextTimeout);
    }

    [Fact]
    public void The_time_wait_answers_a_peer_that_moved_and_strangers_do_not_use_its_answers_up()
    {
        var peer = new RawPeer();
        peer.Stream.Write(peer.Now, "a"u8, end: true);
        peer.Poll();
        peer.Receive(PacketTypes.End, 0, 1);
        peer.Poll();
        UdpEndPoint moved = new(0x05000009, 9), stranger = new(0x06000001, 6);
        byte[] end = new byte[UdxHeader.Size], buffer = new byte[2048];
        new UdxHeader(PacketTypes.End, 0, peer.Stream.Machine.LocalId, 0, 0, 1).Write(end);

        Assert.True(peer.Endpoint.Receive(peer.Now, end, new(moved, new SocketId(3))));
        Assert.True(peer.Endpoint.PollTransmit(peer.Now, buffer, out var answer));
        Assert.Equal((moved, new SocketId(3), UdxHeader.Size), (answer.To, answer.Socket, answer.Length));

        for (int i = 0; i < 1000; i++) peer.Endpoint.Receive(peer.Now, end, new(stranger, default));
        int toStranger = 0;
        while (peer.Endpoint.PollTransmit(peer.Now, buffer, out _)) toStranger++;
        Assert.InRange(toStranger, 1, 40);
        peer.Receive(PacketTypes.End, 0, 1);
        Assert.Single(peer.Poll());
    }

    [Fact]
    public void New_ids_are_spread_over_32_bits_and_no_closed_stream_had_them_lately()
    {
        var endpoint = new UdxEndpoint(new(), new SeededRandom(1));
        uint[] ids = [.. Enumerable.Range(0, 1000).Select(_ => endpoint.NextLocalId())];
        Assert.Equal(1000, ids.Distinct().Count());
        Assert.InRange(ids.Count(id => id >> 31 == 1), 400, 600);
        Assert.True(ids.Select(id => id >> 24).Distinct().Count() > 200);

        var repeating = new UdxEndpoint(new(), new SeededRandom(1)); // would draw the same ids again
        var closed = new TestStream(repeating, ids[0]);
        closed.Machine.Connect(new(1), default, 1, RawPeer.Remote);
        closed.Machine.Abort(new(1), StreamCloseReason.LocalAbort, null);
        Assert.Equal(ids[1], repeating.NextLocalId());
    }

    [Fact]
    public void Closed_ids_are_remembered_within_bounds()
    {
        var options = new UdxOptions { MaxTimeWaitStreams = 10 };
        var endpoint = new UdxEndpoint(options, new SeededRandom(1));
        for (uint id = 1; id <= 100; id++)
        {
            var stream = new TestStream(endpoint, id);
            stream.Machine.Connect(new(1), default, 1, RawPeer.Remote);
            stream.Machine.Abort(new(1), StreamCloseReason.LocalAbort, null);
        }
        byte[] packet = new byte[UdxHeader.Size];
        int known = 0;
        for (uint id = 1; id <= 100; id++)
        {
            new UdxHeader(PacketTypes.Data, 0, id, 0, 0, 0).Write(packet);
            if (endpoint.Receive(new(2), packet, new(RawPeer.Remote, default))) known++;
        }
        Assert.Equal(10, known);
    }

    [Fact]
    public void A_peer_that_ended_and_vanished_lets_our_end_complete()
    {
        var peer = new RawPeer();
        peer.Stream.Write(peer.Now, "all of it"u8);
        peer.Poll();
        peer.Receive(PacketTypes.End, 0, 1);
        peer.Stream.EndWriting(peer.Now);
        peer.Advance(TimeSpan.FromSeconds(29));
        Assert.Equal(StreamCloseReason.Completed, peer.Stream.Closed!.Value.Reason);
    }

    [Fact]
    public void Unacknowledged_bytes_are_no_normal_end()
    {
        var peer = new RawPeer();
        peer.Receive(PacketTypes.End, 0, 0);
        peer.Stream.Write(peer.Now, "lost"u8, end: true);
        peer.Advance(TimeSpan.FromMinutes(3));
        Assert.Equal(StreamCloseReason.TimedOut, peer.Stream.Closed!.Value.Reason);
        Assert.Equal(0, peer.Stream.Acknowledged);
    }

    [Fact]
    public void A_dead_peer_is_found_by_unanswered_data()
    {
        var pair = new StreamPair(1, link: s_wan);
        pair.Alice.Write(pair.Net.Now, StreamPair.Pattern(100_000));
        pair.Net.RunFor(TimeSpan.FromSeconds(1));
        pair.Net.LossRate = 1;
        pair.Alice.Write(pair.Net.Now, "anybody?"u8);
        var start = pair.Net.Now;
        pair.Net.Expect(() => pair.Alice.Closed is not null, TimeSpan.FromSeconds(31));
        Assert.Equal(StreamCloseReason.TimedOut, pair.Alice.Closed!.Value.Reason);
        Assert.InRange((pair.Net.Now - start).TotalSeconds, 10, 31);
    }

    [Fact]
    public void A_dead_peer_is_found_by_unanswered_heartbeats()
    {
        var pair = new StreamPair(1, link: s_wan);
        pair.Alice.Write(pair.Net.Now, "x"u8);
        pair.Net.RunFor(TimeSpan.FromMinutes(5));
        Assert.False(pair.BothClosed || pair.Alice.Closed is not null || pair.Bob.Closed is not null);
        pair.Net.LossRate = 1;
        pair.Net.Expect(() => pair.BothClosed, TimeSpan.FromSeconds(60));
        Assert.Equal(StreamCloseReason.TimedOut, pair.Alice.Closed!.Value.Reason);
        Assert.Equal(StreamCloseReason.TimedOut, pair.Bob.Closed!.Value.Reason);
    }

    [Fact]
    public void A_peer_that_knows_no_heartbeats_is_asked_by_a_packet_it_has_already()
    {
        var peer = new RawPeer();
        for (int i = 0; i < 6000; i++)
        {
            foreach (string hex in peer.Advance(TimeSpan.FromMilliseconds(100)))
            {
                var header = RawPeer.Header(hex);
                if (header.Types == PacketTypes.Heartbeat) continue; // versions before February 2026 take it for an ack
                Assert.Equal((PacketTypes.Data, uint.MaxValue), (header.Types, header.Seq)); // behind what they expect: answered, not delivered
                peer.Receive(PacketTypes.None, 0, 0);
            }
        }
        Assert.Null(peer.Stream.Closed); // ten minutes
    }

    [Fact]
    public void Without_keep_alive_a_quiet_stream_sends_nothing_and_has_no_deadline()
    {
        var peer = new RawPeer(new() { KeepAlive = TimeSpan.Zero });
        peer.Stream.Write(peer.Now, "x"u8);
        peer.Poll();
        peer.Receive(PacketTypes.None, 0, 1);
        Assert.Empty(peer.Advance(TimeSpan.FromHours(1)));
        Assert.Null(peer.Endpoint.NextTimeout);
        Assert.Null(peer.Stream.Closed);
    }

    [Fact]
    public void Messages_go_around_the_stream()
    {
        var pair = new StreamPair(1, link: s_wan);
        Assert.True(pair.Alice.Machine.TrySendMessage(pair.Net.Now, "hello"u8));
        Assert.True(pair.Alice.Machine.TrySendMessage(pair.Net.Now, default));
        Assert.True(pair.Alice.Machine.TrySendMessage(pair.Net.Now, new byte[1152]));
        Assert.False(pair.Alice.Machine.TrySendMessage(pair.Net.Now, new byte[1153]));
        pair.Net.RunFor(TimeSpan.FromSeconds(1));
        Assert.Equal(["message 68656c6c6f", "message ", "message " + new string('0', 2304)], pair.Bob.Events);
        Assert.Equal(0, pair.Bob.Endpoint.Counters.AcksOut);
    }

    [Fact]
    public void The_queue_of_messages_is_bounded()
    {
        var peer = new RawPeer(new() { MaxQueuedDatagrams = 16 });
        for (int i = 0; i < 16; i++) Assert.True(peer.Machine.TrySendMessage(peer.Now, "x"u8));
        Assert.False(peer.Machine.TrySendMessage(peer.Now, "x"u8));
        Assert.Equal(16, peer.Poll().Count);
        Assert.True(peer.Machine.TrySendMessage(peer.Now, "x"u8));
    }

    [Fact]
    public void There_are_as_many_streams_as_the_options_allow()
    {
        var endpoint = new UdxEndpoint(new() { MaxStreams = 2 }, new SeededRandom(1));
        _ = new TestStream(endpoint, endpoint.NextLocalId());
        _ = new TestStream(endpoint, endpoint.NextLocalId());
        Assert.Throws<InvalidOperationException>(() => new TestStream(endpoint, endpoint.NextLocalId()));
        Assert.Equal(2, endpoint.StreamCount);
    }
}
