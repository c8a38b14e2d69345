using PeopleSwarm.Dht.Messages;

namespace PeopleSwarm.Dht.Rpc;

public class ServingTests
{
    private readonly RpcNetwork _network = RpcNetwork.Grow(seed: 1, nodes: 4);

    private RpcNode Node => _network.Nodes[1];

    private RawPeer Stranger(string address = "7.0.0.1:1000") => new(_network.Network, address);

    [Fact]
    public void B2_the_id_goes_only_out_of_the_server_socket_of_a_persistent_node()
    {
        var ephemeral = _network.AddNode(EphemeralMode.Always);
        _network.Network.Expect(() => ephemeral.Machine.Status.IsBootstrapped, TimeSpan.FromSeconds(30));
        var peer = Stranger();
        Assert.Equal(Node.ExpectedId, ReadResponse(peer.Exchange(Node.Address, RawPeer.Request(Node.Address, RpcCommands.Ping))).Id);
        Assert.Null(ReadResponse(peer.Exchange(Node.Address.WithPort(RpcNetwork.ClientPort), RawPeer.Request(Node.Address, RpcCommands.Ping))).Id);
        Assert.Null(ReadResponse(peer.Exchange(ephemeral.Address, RawPeer.Request(ephemeral.Address, RpcCommands.Ping))).Id);
        peer.Received.Clear();
        Node.Machine.Request(_network.Network.Now, new(peer.Address, RpcCommands.Ping, IsInternal: true), (_, _) => { });
        Node.Machine.Request(_network.Network.Now, new(peer.Address, RpcCommands.Ping, IsInternal: true, Socket: new SocketId(1)), (_, _) => { });
        _network.Network.RunFor(TimeSpan.FromMilliseconds(500));
        Assert.Equal([RpcNetwork.ServerPort, RpcNetwork.ClientPort], peer.Received.Select(r => r.From.Port));
        Assert.True(RpcRequestMessage.TryRead(peer.Received[0].Datagram, out var fromServer));
        Assert.Equal(Node.ExpectedId, fromServer.Id);
        Assert.True(RpcRequestMessage.TryRead(peer.Received[1].Datagram, out var fromClient));
        Assert.Null(fromClient.Id);
    }

    [Fact]
    public void B3_a_forged_id_is_served_and_changes_nothing()
    {
        var peer = Stranger();
        int known = Node.Machine.Table.Count;
        var answers = peer.Exchange(Node.Address, RawPeer.Request(Node.Address, RpcCommands.Ping, id: new NodeId(new byte[32])));
        Assert.Single(answers);
        Assert.Equal(known, Node.Machine.Table.Count);
    }

    [Fact]
    public void B5_a_bad_token_is_answered_at_once_with_error_2_and_a_token_that_works()
    {
        var handler = new RecordingHandler(_ => new RpcReply(), Node.Machine);
        Node.Machine.Handler = handler;
        var peer = Stranger();
        var refused = ReadResponse(peer.Exchange(Node.Address, RawPeer.Request(Node.Address, 99, isInternal: false, token: new byte[32], target: Node.ExpectedId)));
        Assert.Equal(RpcErrors.InvalidToken, refused.Error);
        Assert.NotEmpty(refused.CloserNodes);
        Assert.Empty(handler.Requests);
        var taken = ReadResponse(peer.Exchange(Node.Address, RawPeer.Request(Node.Address, 99, isInternal: false, token: refused.Token)));
        Assert.Equal(0, taken.Error);
        Assert.True(Assert.Single(handler.Requests).HasValidToken);
    }

    [Fact]
    public void B7_B14_every_command_number_of_both_spaces_is_answered_or_ignored_as_specified()
    {
        var peer = Stranger();
        for (int command = 0; command < 256; command++)
        {
            var overlay = ReadResponse(peer.Exchange(Node.Address, RawPeer.Request(Node.Address, command, isInternal: false, target: Node.ExpectedId)));
            Assert.Equal(RpcErrors.UnknownCommand, overlay.Error);
            Assert.Null(overlay.Token);
            Assert.NotEmpty(overlay.CloserNodes);
            var answers = peer.Exchange(Node.Address, RawPeer.Request(Node.Address, command, isInternal: true));
            if (command is RpcCommands.PingNat or RpcCommands.FindNode or RpcCommands.DownHint or RpcCommands.DelayedPing) Assert.Empty(answers);
            else Assert.Equal(command == RpcCommands.Ping ? 0 : RpcErrors.UnknownCommand, ReadResponse(answers).Error);
        }
    }

    [Fact]
    public void B9_the_answer_leaves_the_socket_that_was_asked()
    {
        var peer = Stranger();
        foreach (ushort port in (ushort[])[RpcNetwork.ServerPort, RpcNetwork.ClientPort])
        {
            peer.Exchange(Node.Address.WithPort(port), RawPeer.Request(Node.Address, RpcCommands.Ping));
            Assert.Equal(Node.Address.WithPort(port), peer.Received[^1].From);
        }
    }

    [Fact]
    public void B10_a_nat_ping_is_answered_to_the_port_it_names()
    {
        var asker = Stranger("7.0.0.2:1000");
        var other = Stranger("7.0.0.2:2000");
        Assert.Empty(asker.Exchange(Node.Address, RawPeer.Request(Node.Address, RpcCommands.PingNat, value: [0xd0, 0x07], tid: 99)));
        var (datagram, from, _) = Assert.Single(other.Received);
        Assert.Equal(Node.Address, from);
        Assert.True(RpcResponseMessage.TryRead(datagram, out var message));
        Assert.Equal((99, other.Address), (message.Tid, message.To));
        Assert.Empty(asker.Exchange(Node.Address, RawPeer.Request(Node.Address, RpcCommands.PingNat, value: [0, 0])));
        Assert.Empty(asker.Exchange(Node.Address, RawPeer.Request(Node.Address, RpcCommands.PingNat, value: [1])));
    }

    [Fact]
    public void B11_a_forwarded_request_keeps_its_transaction_id_and_is_a_request()
    {
        var handler = new RecordingHandler(_ => null, Node.Machine);
        Node.Machine.Handler = handler;
        var asker = Stranger("7.0.0.2:1000");
        var next = Stranger("7.0.0.3:1000");
        asker.Exchange(Node.Address, RawPeer.Request(Node.Address, 0, isInternal: false, target: Node.ExpectedId, value: [1], tid: 4711));
        Node.Machine.Forward(_network.Network.Now, handler.Requests[0], next.Address, new byte[] { 2, 3 });
        _network.Network.RunFor(TimeSpan.FromSeconds(1));
        var (datagram, from, _) = Assert.Single(next.Received);
        Assert.Equal(Node.Address, from);
        Assert.True(RpcRequestMessage.TryRead(datagram, out var message));
        Assert.Equal((4711, 0, false), (message.Tid, message.Command, message.IsInternal));
        Assert.Equal((next.Address, Node.ExpectedId, Node.ExpectedId), (message.To, message.Id!.Value, message.Target!.Value));
        Assert.True(message.Token.IsEmpty);
        Assert.Equal([2, 3], message.Value.ToArray());
    }

    [Fact]
    public void A_delayed_ping_is_answered_after_its_delay_and_too_long_ones_are_not()
    {
        var peer = Stranger();
        var sent = _network.Network.Now;
        peer.Send(Node.Address, RawPeer.Request(Node.Address, RpcCommands.DelayedPing, value: BitConverter.GetBytes(3000u)));
        peer.Send(Node.Address, RawPeer.Request(Node.Address, RpcCommands.DelayedPing, value: BitConverter.GetBytes(10_001u), tid: 8));
        _network.Network.RunFor(TimeSpan.FromSeconds(20));
        var (datagram, _, at) = Assert.Single(peer.Received, r => !RawPeer.IsRequest(r.Datagram));
        Assert.Equal(7, RawPeer.TidOf(datagram));
        Assert.InRange((at - sent).TotalSeconds, 3, 3.2);
    }

    [Fact]
    public void S8_delayed_pings_have_a_bound()
    {
        var node = _network.AddNode(EphemeralMode.Always, s => s with { MaxDelayedPings = 10 });
        var peer = Stranger();
        for (ushort i = 0; i < 100; i++)
            peer.Send(node.Address, RawPeer.Request(node.Address, RpcCommands.DelayedPing, value: BitConverter.GetBytes(2000u), tid: i));
        _network.Network.RunFor(TimeSpan.FromSeconds(5));
        Assert.Equal(10, peer.Received.Count);
    }

    [Fact]
    public void S10_an_address_that_never_proves_itself_gets_a_limited_number_of_bytes_and_one_with_a_token_all()
    {
        var node = _network.AddNode(configure: s => s with { UnprovedBytesPerSecond = 2000, MaxWindow = 1000 });
        _network.Network.Expect(() => node.Machine.Status is { IsBootstrapped: true, IsEphemeral: false }, TimeSpan.FromSeconds(30));
        node.Machine.Handler = new RecordingHandler(_ => new RpcReply(new byte[1000]), node.Machine);
        var peer = Stranger();
        Assert.Equal(3, Ask(token: null));
        var token = ReadResponse([peer.Received[0].Datagram]).Token!;
        _network.Network.RunFor(TimeSpan.FromSeconds(1));
        Assert.Equal(50, Ask(token));

        int Ask(byte[]? token)
        {
            peer.Received.Clear();
            for (ushort i = 0; i < 50; i++) peer.Send(node.Address, RawPeer.Request(node.Address, 50, isInternal: false, token: token, tid: i));
            _network.Network.RunFor(TimeSpan.FromMilliseconds(200));
            return peer.Received.Count;
        }
    }

    [Fact]
    public void S10_pings_are_always_answered()
    {
        var node = _network.AddNode(EphemeralMode.Always, s => s with { UnprovedBytesPerSecond = 1 });
        var peer = Stranger();
        for (ushort i = 0; i < 500; i++) peer.Send(node.Address, RawPeer.Request(node.Address, RpcCommands.Ping, tid: i));
        _network.Network.RunFor(TimeSpan.FromSeconds(1));
        Assert.Equal(500, peer.Received.Count);
    }

    [Fact]
    public void S10_addresses_beyond_those_counted_one_by_one_share_one_budget()
    {
        var node = _network.AddNode(configure: s => s with { UnprovedBytesPerSecond = 2000, MaxTrackedAddresses = 16, MaxWindow = 1000 });
        _network.Network.Expect(() => node.Machine.Status is { IsBootstrapped: true, IsEphemeral: false }, TimeSpan.FromSeconds(30));
        node.Machine.Handler = new RecordingHandler(_ => new RpcReply(new byte[1000]), node.Machine);
        var peers = Enumerable.Range(1, 60).Select(i => Stranger($"7.0.{i}.1:1000")).ToArray();
        foreach (var peer in peers) peer.Send(node.Address, RawPeer.Request(node.Address, 50, isInternal: false));
        _network.Network.RunFor(TimeSpan.FromMilliseconds(200));
        Assert.InRange(peers.Sum(p => p.Received.Count), 10, 16 + 2);
    }

    [Fact]
    public void What_waits_for_the_socket_is_bounded_and_the_rest_is_lost()
    {
        var address = UdpEndPoint.Parse("5.9.9.9:49737");
        var machine = new RpcMachine(new(1), new() { MaxQueuedDatagrams = 16 }, new(new(0), address.Port, new(1)), TestCrypto.Suite, new Testing.SeededRandom(1));
        var ping = RawPeer.Request(address, RpcCommands.Ping);
        for (int i = 0; i < 100; i++) machine.Receive(new(2), ping, new(UdpEndPoint.Parse("7.0.0.1:1000"), new(0)));
        byte[] buffer = new byte[2048];
        int sent = 0;
        while (machine.PollTransmit(new(2), buffer, out var transmit)) sent += transmit.SegmentSize == 0 ? 1 : transmit.Length / transmit.SegmentSize;
        Assert.Equal((16, 84), (sent, machine.Dropped));
    }

    private static (NodeId? Id, byte[]? Token, UdpEndPoint[] CloserNodes, int Error) ReadResponse(List<byte[]> answers)
    {
        Assert.True(RpcResponseMessage.TryRead(Assert.Single(answers), out var message));
        return (message.Id, message.Token.IsEmpty ? null : message.Token.ToArray(), message.CloserNodes.ToArray(), message.Error);
    }
}
