using PeopleSwarm.Testing;

namespace PeopleSwarm.Udx.Protocol;

public class PathTests
{
    private static readonly DatagramSource s_stranger = new(new(0x05050505, 4000), RawPeer.Socket);

    [Fact]
    public void A_relay_rewrites_the_id_alone()
    {
        var endpoint = new UdxEndpoint(new(), new SeededRandom(1));
        UdpEndPoint a = UdpEndPoint.Loopback(1), b = UdpEndPoint.Loopback(2);
        var left = new TestStream(endpoint, 11);
        var right = new TestStream(endpoint, 22);
        Timestamp now = new(1);
        left.Machine.Connect(now, new(1), 101, a);
        right.Machine.Connect(now, new(2), 202, b);
        left.Machine.RelayTo(now, right.Machine);
        right.Machine.RelayTo(now, left.Machine);
        byte[] buffer = new byte[65_507];
        foreach (var step in Vectors.Relay.Items("steps"))
        {
            bool fromA = step.Text("from") == "A";
            endpoint.Receive(now, Convert.FromHexString(step.GetProperty("sent").Text("hex")),
                fromA ? new(a, new SocketId(1)) : new(b, new SocketId(2)));
            foreach (var expected in step.Items(fromA ? "deliveredToB" : "deliveredToA"))
            {
                Assert.True(endpoint.PollTransmit(now, buffer, out var transmit), step.Text("step"));
                Assert.Equal(expected.Text("hex"), Convert.ToHexStringLower(buffer.AsSpan(0, transmit.Length)));
                Assert.Equal(fromA ? (b, new SocketId(2)) : (a, new SocketId(1)), (transmit.To, transmit.Socket));
            }
            Assert.False(endpoint.PollTransmit(now, buffer, out _));
        }
        Assert.Equal(StreamCloseReason.RemoteAbort, left.Closed!.Value.Reason);
        Assert.Equal(StreamCloseReason.RemoteAbort, right.Closed!.Value.Reason);
        Assert.Equal(0, endpoint.StreamCount);
        Assert.Null(endpoint.NextTimeout);
    }

    [Fact]
    public void A_relay_carries_a_whole_transfer_over_lossy_links()
    {
        var net = new SimulatedNetwork(5) { Latency = TimeSpan.FromMilliseconds(15), LossRate = 0.02 };
        UdpEndPoint a = new(0x05000001, 1), r = new(0x05000002, 2), b = new(0x05000003, 3);
        var alice = new TestStream(net.Add(a, new UdxEndpoint(new(), net.Random.Fork(1))), 1);
        var bob = new TestStream(net.Add(b, new UdxEndpoint(new(), net.Random.Fork(2))), 2);
        var relay = net.Add(r, new UdxEndpoint(new(), net.Random.Fork(3)));
        var left = new TestStream(relay, 11);
        var right = new TestStream(relay, 22);
        left.Machine.Connect(net.Now, default, 1, a);
        right.Machine.Connect(net.Now, default, 2, b);
        left.Machine.RelayTo(net.Now, right.Machine);
        right.Machine.RelayTo(net.Now, left.Machine);
        alice.Machine.Connect(net.Now, default, 11, r);
        bob.Machine.Connect(net.Now, default, 22, r);
        byte[] bytes = StreamPair.Pattern(500_000);
        alice.Write(net.Now, bytes, end: true);
        bob.EndWriting(net.Now);
        net.Expect(() => alice.Closed is not null && bob.Closed is not null, TimeSpan.FromSeconds(60));
        Assert.Equal(bytes, bob.Received);
        Assert.Equal(StreamCloseReason.Completed, alice.Closed!.Value.Reason);
        Assert.Equal(0, relay.Counters.AcksOut);
    }

    [Fact]
    public void What_the_old_path_lost_goes_out_on_the_new_one_under_the_new_id()
    {
        var peer = new RawPeer();
        peer.Stream.Write(peer.Now, StreamPair.Pattern(2000));
        Assert.Equal(2, peer.Poll().Count);
        DatagramSource path = new(UdpEndPoint.Loopback(2000), new(4));
        peer.Machine.ChangeRemote(peer.Now, path.Socket, 303, path.From);
        peer.Stream.Write(peer.Now, "after"u8);
        string fresh = Assert.Single(peer.Poll());
        // From the capture but for the number of the stream: a new packet, new id, next number.
        Assert.Equal("ff0101002f0100000000400002000000000000006166746572", fresh);
        Assert.Equal(path, peer.Sent[^1].To);
        peer.Receive(PacketTypes.Data, 0, 0, "x"u8); // still from the old path
        Assert.Equal("ff0100002f010000000040000300000001000000", Assert.Single(peer.Poll()));
        int before = peer.Sent.Count;
        peer.Advance(TimeSpan.FromSeconds(1.5));
        var again = peer.Sent.Skip(before).ToArray();
        Assert.NotEmpty(again);
        Assert.All(again, sent => Assert.Equal(path, sent.To));
        Assert.All(again, sent => Assert.Equal(303u, RawPeer.Header(Convert.ToHexString(sent.Datagram)).StreamId));
        Assert.Equal(0u, RawPeer.Header(Convert.ToHexString(again[0].Datagram)).Seq);
    }

    [Fact]
    public void A_move_repeats_the_last_packet_at_once_because_the_old_path_may_have_lost_it()
    {
        var peer = new RawPeer();
        peer.Stream.Write(peer.Now, "lost"u8);
        Assert.Single(peer.Poll());
        DatagramSource path = new(UdpEndPoint.Loopback(2000), new(4));
        peer.Machine.ChangeRemote(peer.Now, path.Socket, 303, path.From);
        Assert.Equal(0u, RawPeer.Header(Assert.Single(peer.Poll())).Seq);
        Assert.Equal(path, peer.Sent[^1].To);
    }

    [Theory]
    [InlineData("127.0.0.1:9", 8, true)]
    [InlineData("127.0.0.2:9", 8, false)] // another host
    [InlineData("127.0.0.1:9", 9, false)] // acknowledges what was never relayed to it
    [InlineData("127.0.0.1:9", -70_000, false)] // nor this
    public void A_relay_follows_its_client_to_another_port_once_the_old_one_is_silent(string from, int ack, bool follows)
    {
        var endpoint = new UdxEndpoint(new(), new SeededRandom(1));
        UdpEndPoint a = UdpEndPoint.Loopback(1), b = UdpEndPoint.Loopback(2), moved = UdpEndPoint.Parse(from);
        TestStream left = new(endpoint, 11), right = new(endpoint, 22);
        left.Machine.RelayTo(default, right.Machine);
        right.Machine.RelayTo(default, left.Machine);
        left.Machine.Connect(default, default, 1, a);
        right.Machine.Connect(default, default, 2, b);
        Send(at: 0.1, a, id: 11, seq: 3, ack: 0);
        Send(at: 0.1, b, id: 22, seq: 7, ack: 3);
        Send(at: 0.5, moved, id: 11, seq: 4, (uint)ack);
        Assert.Equal(a, left.Machine.Remote.From); // it may be a packet that went astray
        Send(at: 1.5, moved, id: 11, seq: 5, (uint)ack);
        Assert.Equal(follows ? moved : a, left.Machine.Remote.From);

        void Send(double at, UdpEndPoint source, uint id, uint seq, uint ack)
        {
            byte[] packet = new byte[UdxHeader.Size];
            new UdxHeader(PacketTypes.Heartbeat, 0, id, 1000, seq, ack).Write(packet);
            endpoint.Receive(new((long)(at * 1_000_000)), packet, new(source, default));
        }
    }

    [Fact]
    public void The_peer_is_followed_to_another_port_of_its_host_once_the_old_one_is_silent()
    {
        var peer = new RawPeer();
        DatagramSource moved = new(UdpEndPoint.Loopback(2000), RawPeer.Socket);
        peer.Receive(PacketTypes.Data, 0, 0, "a"u8);
        peer.Advance(TimeSpan.FromSeconds(0.5));
        peer.Receive(PacketTypes.Data, 1, 0, "b"u8, from: moved);
        peer.Advance(TimeSpan.FromSeconds(0.2));
        Assert.Equal(RawPeer.Remote, peer.Machine.Remote.From); // it may be a packet that went astray
        peer.Advance(TimeSpan.FromSeconds(0.5));
        peer.Receive(PacketTypes.Data, 2, 0, "c"u8, from: moved);
        peer.Poll();
        Assert.Equal(moved, peer.Machine.Remote);
        Assert.Equal(moved, peer.Sent[^1].To);
        Assert.Equal("abc"u8.ToArray(), peer.Stream.Received);
    }

    [Theory]
    [InlineData("127.0.0.2:2000", 0)] // another host
    [InlineData("127.0.0.1:2000", 7)] // acknowledges what was never sent
    public void A_stranger_is_not_followed_however_silent_the_peer_is(string from, uint ack)
    {
        var peer = new RawPeer();
        peer.Receive(PacketTypes.Data, 0, 0, "a"u8);
        peer.Advance(TimeSpan.FromSeconds(4));
        peer.Receive(PacketTypes.Data, 1, ack, "b"u8, from: new(UdpEndPoint.Parse(from), RawPeer.Socket));
        Assert.Equal(RawPeer.Remote, peer.Machine.Remote.From);
    }

    [Theory, InlineData(1), InlineData(2), InlineData(3), InlineData(4)]
    public void A_transfer_survives_a_move_of_both_sides_at_different_moments(int seed)
    {
        var net = new SimulatedNetwork(seed) { Latency = TimeSpan.FromMilliseconds(20), LossRate = 0.01 };
        UdpEndPoint a1 = new(0x05000001, 1), a2 = new(0x05000001, 2), b1 = new(0x05000002, 1), b2 = new(0x05000002, 2);
        UdxEndpoint left = new(new(), net.Random.Fork(1)), right = new(new(), net.Random.Fork(2));
        net.AddLoop([a1, a2], left);
        net.AddLoop([b1, b2], right);
        TestStream alice = new(left, 1), bob = new(right, 2);
        alice.Machine.Connect(net.Now, new(0), 2, b1);
        bob.Machine.Connect(net.Now, new(0), 1, a1);
        byte[] there = StreamPair.Pattern(2_000_000), back = StreamPair.Pattern(1_000_000, 1);
        alice.Write(net.Now, there, end: true);
        bob.Write(net.Now, back, end: true);
        net.After(TimeSpan.FromMilliseconds(120), () => alice.Machine.ChangeRemote(net.Now, new(1), 2, b2));
        net.After(TimeSpan.FromMilliseconds(200), () => bob.Machine.ChangeRemote(net.Now, new(1), 1, a2));
        net.Expect(() => alice.Closed is not null && bob.Closed is not null, TimeSpan.FromSeconds(30));
        Assert.Equal(there, bob.Received);
        Assert.Equal(back, alice.Received);
        Assert.Contains(bob.AskedPaths, path => path.Socket == new SocketId(1)); // it saw the other side move first
    }

    [Fact]
    public void A_stream_stuck_on_a_dead_path_goes_on_at_once_on_another()
    {
        var net = new SimulatedNetwork(3) { Latency = TimeSpan.FromMilliseconds(10) };
        UdpEndPoint a = new(0x05000001, 1), b = new(0x05000002, 1), nowhere = new(0x05000003, 1);
        TestStream alice = new(net.Add(a, new UdxEndpoint(new(), net.Random.Fork(1))), 1);
        TestStream bob = new(net.Add(b, new UdxEndpoint(new(), net.Random.Fork(2))), 2);
        alice.Machine.Connect(net.Now, default, 2, nowhere);
        bob.Machine.Connect(net.Now, default, 1, a);
        alice.Write(net.Now, StreamPair.Pattern(5000));
        net.RunFor(TimeSpan.FromSeconds(5));
        Assert.Equal(0, bob.ReceivedLength);
        alice.Machine.ChangeRemote(net.Now, default, 2, b);
        net.Expect(() => bob.ReceivedLength == 5000, TimeSpan.FromMilliseconds(100));
    }

    [Fact]
    public void A_stranger_that_nobody_accepts_changes_nothing()
    {
        var peer = new RawPeer();
        peer.Stream.Accept = _ => false;
        peer.Receive(PacketTypes.Data, 0, 0, "abc"u8, from: s_stranger);
        Assert.Empty(peer.Stream.Events);
        Assert.Equal([s_stranger], peer.Stream.AskedPaths);
        Assert.Empty(peer.Poll());
        peer.Receive(PacketTypes.Destroy, 0, 0, from: s_stranger);
        Assert.Null(peer.Stream.Closed);
        peer.Receive(PacketTypes.None, 0, 0, window: 0, from: s_stranger);
        peer.Stream.Write(peer.Now, "still open"u8);
        Assert.Single(peer.Poll());
        Assert.Equal(PacketTypes.Data, RawPeer.Header(Convert.ToHexString(peer.Sent[^1].Datagram)).Types);
        peer.Receive(PacketTypes.None, 0, 1, from: s_stranger); // forged: the byte is not acknowledged by that
        Assert.Equal(0, peer.Stream.Machine.BytesAcknowledged);
        Assert.Equal(4, peer.Endpoint.Counters.DroppedPath);
        peer.Receive(PacketTypes.Destroy, 0, 0);
        Assert.Equal(StreamCloseReason.RemoteAbort, peer.Stream.Closed!.Value.Reason);
    }

    [Fact]
    public void An_accepted_path_is_believed_like_the_remote()
    {
        var peer = new RawPeer();
        peer.Receive(PacketTypes.Destroy, 0, 0, from: s_stranger);
        Assert.Equal(StreamCloseReason.RemoteAbort, peer.Stream.Closed!.Value.Reason);
    }

    [Fact]
    public void The_path_before_is_known_for_a_while()
    {
        var peer = new RawPeer();
        peer.Stream.Accept = _ => false;
        peer.Machine.ChangeRemote(peer.Now, new(4), 5, UdpEndPoint.Loopback(2000));
        peer.Receive(PacketTypes.Data, 0, 0, "a"u8);
        Assert.Equal(["data 61"], peer.Stream.Events);
        Assert.Empty(peer.Stream.AskedPaths);
        peer.Advance(TimeSpan.FromSeconds(29));
        Assert.True(peer.Receive(PacketTypes.Data, 1, 0, "b"u8));
        peer.Advance(TimeSpan.FromSeconds(2));
        Assert.True(peer.Receive(PacketTypes.Data, 2, 0, "c"u8));
        Assert.Equal(["data 61", "data 62"], peer.Stream.Events);
        Assert.Equal(1, peer.Endpoint.Counters.DroppedPath);
    }

    [Fact]
    public void Another_socket_needs_consent_for_every_packet()
    {
        var peer = new RawPeer();
        DatagramSource other = new(RawPeer.Remote, new(9));
        peer.Stream.Accept = _ => false;
        Assert.True(peer.Receive(PacketTypes.Data, 0, 0, "a"u8, from: other));
        Assert.Empty(peer.Stream.Events);
        peer.Stream.Accept = _ => true;
        peer.Receive(PacketTypes.Data, 0, 0, "a"u8, from: other);
        peer.Receive(PacketTypes.Data, 1, 0, "b"u8, from: other);
        Assert.Equal(["data 61", "data 62"], peer.Stream.Events);
        Assert.Equal([other, other, other], peer.Stream.AskedPaths);
    }

    [Fact]
    public void A_server_connects_from_inside_the_question()
    {
        var peer = new RawPeer(connect: false);
        peer.Stream.Accept = source =>
        {
            peer.Machine.Connect(peer.Now, source.Socket, RawPeer.RemoteId, source.From);
            return true;
        };
        peer.Receive(PacketTypes.Data, 0, 0, "hi"u8);
        Assert.Equal(["data 6869"], peer.Stream.Events);
        Assert.Equal("ff01000063000000000040000000000001000000", Assert.Single(peer.Poll()));
    }

    [Fact]
    public void A_move_is_proved_by_the_first_data_or_message_that_did_not_come_the_old_way()
    {
        var peer = new RawPeer();
        DatagramSource path = new(UdpEndPoint.Loopback(2000), new(4));
        peer.Receive(PacketTypes.Data, 0, 0, "a"u8, from: path); // before the move: nothing to prove
        peer.Machine.ChangeRemote(peer.Now, path.Socket, RawPeer.RemoteId, path.From);
        peer.Receive(PacketTypes.Data, 1, 0, "b"u8); // still the old way
        peer.Receive(PacketTypes.None, 0, 0, from: path);
        Assert.Equal(["data 61", "data 62"], peer.Stream.Events);
        peer.Receive(PacketTypes.Message, 0, 0, from: path);
        peer.Receive(PacketTypes.Data, 2, 0, "c"u8, from: path);
        Assert.Equal(["data 61", "data 62", "proved 127.0.0.1:2000", "message ", "data 63"], peer.Stream.Events);
    }

    [Fact]
    public void A_probe_is_an_empty_message_on_another_path()
    {
        var peer = new RawPeer();
        DatagramSource path = new(UdpEndPoint.Loopback(2000), new(4));
        Assert.True(peer.Machine.TryProbe(path));
        var header = RawPeer.Header(Assert.Single(peer.Poll()));
        Assert.Equal((PacketTypes.Message, RawPeer.RemoteId), (header.Types, header.StreamId));
        Assert.Equal(path, peer.Sent[^1].To);
        Assert.Equal(RawPeer.Remote, peer.Machine.Remote.From);
    }

    [Fact]
    public void A_relay_keeps_the_first_packets_for_a_peer_it_has_not_heard_and_drops_what_its_filter_refuses()
    {
        var endpoint = new UdxEndpoint(new(), new SeededRandom(1));
        UdpEndPoint a = UdpEndPoint.Loopback(1), b = UdpEndPoint.Loopback(2);
        TestStream left = new(endpoint, 11), right = new(endpoint, 22);
        int left20 = 3;
        left.Machine.RelayTo(default, right.Machine, length => length != 20 || left20-- > 0);
        right.Machine.RelayTo(default, left.Machine);
        left.Machine.Connect(default, default, 1, a);
        byte[] packet = new byte[UdxHeader.Size], buffer = new byte[65_507];
        for (uint i = 0; i < 20; i++)
        {
            new UdxHeader(PacketTypes.Heartbeat, 0, 11, 1000, i, 0).Write(packet);
            endpoint.Receive(default, packet, new(a, default));
        }
        Assert.False(endpoint.PollTransmit(default, buffer, out _));
        right.Machine.Connect(default, default, 2, b);
        Assert.True(endpoint.PollTransmit(default, buffer, out var transmit)); // three equal ones in a row
        Assert.Equal((b, 3 * UdxHeader.Size), (transmit.To, transmit.Length));
        for (int i = 0; i < 3; i++)
        {
            Assert.True(UdxHeader.TryParse(buffer.AsSpan(i * UdxHeader.Size, UdxHeader.Size), out var header));
            Assert.Equal((2u, (uint)i), (header.StreamId, header.Seq));
        }
        Assert.False(endpoint.PollTransmit(default, buffer, out _));
        Assert.Equal(17, endpoint.Counters.DroppedRelay);
    }

    [Fact]
    public void Misuse_is_told_to_the_caller()
    {
        var peer = new RawPeer(connect: false);
        var machine = peer.Machine;
        Assert.Throws<ArgumentException>(() => machine.Connect(peer.Now, default, 1, UdpEndPoint.Loopback(0)));
        Assert.Throws<InvalidOperationException>(() => machine.ChangeRemote(peer.Now, default, 1, RawPeer.Remote));
        Assert.Throws<ArgumentException>(() => peer.Endpoint.CreateStream(RawPeer.LocalId, peer.Stream, peer.Stream, peer.Stream));
        peer.Connect();
        Assert.Throws<InvalidOperationException>(peer.Connect);
        machine.RelayTo(peer.Now, machine);
        Assert.Throws<InvalidOperationException>(() => machine.RelayTo(peer.Now, machine));
        machine.Abort(peer.Now, StreamCloseReason.LocalAbort, null);
        Assert.Throws<InvalidOperationException>(() => machine.ChangeRemote(peer.Now, default, 1, RawPeer.Remote));
        Assert.False(machine.TrySendMessage(peer.Now, "x"u8));
    }
}
