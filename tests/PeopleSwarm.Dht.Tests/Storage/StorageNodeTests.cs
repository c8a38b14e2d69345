using PeopleSwarm.Dht.Messages;
using PeopleSwarm.Dht.Rpc;
using PeopleSwarm.Dht.TestKit;

namespace PeopleSwarm.Dht.Storage;

public class StorageNodeTests
{
    private static readonly NodeId s_id = PeerKit.IdOf(PeerKit.At("5.0.0.1:1"));
    private static readonly NodeId s_topic = new(Enumerable.Repeat((byte)0xaa, 32).ToArray());
    private static readonly UdpEndPoint s_peer = PeerKit.At("5.0.0.7:7000");
    private readonly PeerKit _kit = new();
    private readonly AnnounceSigner _signer = new(PeerKit.Crypto, PeerKit.Namespaces);

    public StorageNodeTests() => _kit.Engine.Id = s_id;

    [Fact]
    public void G5_namespaces_are_those_of_the_vectors()
    {
        var expected = PeerVectors.Section("namespaces").GetProperty("hyperswarm_dht");
        Assert.Equal(expected.Text("ANNOUNCE_4"), PeerVectors.Hex(PeerKit.Namespaces.Announce));
        Assert.Equal(expected.Text("UNANNOUNCE_5"), PeerVectors.Hex(PeerKit.Namespaces.Unannounce));
        Assert.Equal(expected.Text("MUTABLE_PUT_6"), PeerVectors.Hex(PeerKit.Namespaces.MutablePut));
        Assert.Equal(expected.Text("PEER_HANDSHAKE_0"), PeerVectors.Hex(PeerKit.Namespaces.PeerHandshake));
        Assert.Equal(expected.Text("PEER_HOLEPUNCH_1"), PeerVectors.Hex(PeerKit.Namespaces.PeerHolepunch));
        Assert.Equal(expected.Text("PLUGIN_10"), PeerVectors.Hex(PeerKit.Namespaces.Plugin));
    }

    [Fact]
    public void G5_signatures_are_those_of_the_vectors()
    {
        foreach (var vector in PeerVectors.Vectors("announce"))
        {
            Assert.True(AnnounceMessage.TryRead(vector.Bytes("announce_value"), out var message));
            NodeId target = new(vector.Bytes("target")), node = new(vector.Bytes("node_id"));
            bool isUnannounce = vector.Text("name").Contains("unannounce", StringComparison.Ordinal);
            Assert.Equal(!isUnannounce, _signer.VerifyAnnounce(target, node, vector.Bytes("token"), message));
            Assert.Equal(isUnannounce, _signer.VerifyUnannounce(target, node, vector.Bytes("token"), message));
            if (message.Refresh.IsEmpty && !isUnannounce && message.Peer!.PublicKey == PeerKit.Key(1).PublicKey)
                Assert.Equal(vector.Text("announce_value"), PeerVectors.Hex(_signer.SignAnnounce(PeerKit.Key(1), target, node, vector.Bytes("token"), message.Peer, message.Bump)));
        }
    }

    [Fact]
    public void Captured_announcements_are_stored_by_the_node_they_were_signed_for()
    {
        int stored = 0;
        foreach (var datagram in PeerVectors.AllDatagrams())
        {
            var decoded = datagram.GetProperty("decoded");
            if (!decoded.TryGetProperty("command_name", out var name) || name.GetString() != "ANNOUNCE") continue;
            _kit.Engine.Id = PeerKit.IdOf(UdpEndPoint.Parse(decoded.Text("to")));
            _kit.Engine.Replies.Clear();
            var request = PeerKit.Incoming(s_peer, PeerCommand.Announce, new(decoded.Bytes("target")), decoded.Bytes("value"), token: true) with { Token = decoded.Bytes("token") };
            Assert.True(_kit.Handle(request));
            Assert.Single(_kit.Engine.Replies);
            stored++;
        }
        Assert.True(stored >= 8, $"only {stored}");
    }

    [Fact]
    public void G2_lookup_returns_the_record_and_not_the_announcement()
    {
        Announce(PeerKit.Key(1), s_topic, [PeerKit.At("5.0.0.9:9")]);
        var peers = Lookup(s_topic, out long bump);
        Assert.Equal(PeerKit.Key(1).PublicKey, Assert.Single(peers).PublicKey);
        Assert.Equal(PeerKit.At("5.0.0.9:9"), Assert.Single(peers[0].RelayAddresses));
        Assert.Equal(0, bump);
    }

    [Fact]
    public void G3_a_self_announcement_becomes_a_route_and_not_a_record()
    {
        var target = PeerKit.Target(PeerKit.Key(2));
        Announce(PeerKit.Key(2), target);
        Assert.Equal(0, _kit.Dht.Storage.RecordCount);
        Assert.True(_kit.Dht.Storage.Routes.TryGet(_kit.Now, target, out var route));
        Assert.Equal(s_peer, route.Relay);
        Assert.Equal(PeerKit.Key(2).PublicKey, FindPeer(target)!.PublicKey);
        Assert.Equal(PeerKit.Key(2).PublicKey, Assert.Single(Lookup(target, out _)).PublicKey);
    }

    [Fact]
    public void G4_relays_are_cut_to_three_after_the_signature_was_checked()
    {
        var relays = Enumerable.Range(1, 5).Select(i => new UdpEndPoint(0x05000001u, (ushort)i)).ToArray();
        Announce(PeerKit.Key(1), s_topic, relays);
        Assert.Equal(relays[..3], Assert.Single(Lookup(s_topic, out _)).RelayAddresses);
    }

    [Fact]
    public void G6_what_is_incomplete_or_forged_meets_silence()
    {
        var value = _signer.SignAnnounce(PeerKit.Key(1), s_topic, s_id, PeerKit.Token, new(PeerKit.Key(1).PublicKey, []));
        var good = PeerKit.Incoming(s_peer, PeerCommand.Announce, s_topic, value, token: true);
        RpcIncoming[] bad =
        [
            good with { Target = null },
            good with { HasValidToken = false },
            good with { Value = null },
            good with { Value = new byte[] { 1, 2, 3 } },
            good with { Token = new byte[32] },
            good with { Target = s_id },
            good with { Value = value.AsSpan(0, value.Length - 1).ToArray() },
            good with { Command = PeerCommand.Unannounce }, // the other namespace
            PeerKit.Incoming(s_peer, PeerCommand.FindPeer, null),
            PeerKit.Incoming(s_peer, PeerCommand.Lookup, null),
        ];
        Assert.All(bad, request => Assert.True(_kit.Handle(request)));
        Assert.Empty(_kit.Engine.Replies);
        Assert.True(_kit.Handle(good));
        var reply = Assert.Single(_kit.Engine.Replies).Reply;
        Assert.Equal(new RpcReply(WithToken: false, WithCloserNodes: false), reply);
    }

    [Fact]
    public void B7_an_ephemeral_node_refuses_storage_commands_and_serves_handshakes()
    {
        _kit.Engine.Id = null;
        for (int command = 2; command < 256; command++) Assert.False(_kit.Handle(PeerKit.Incoming(s_peer, command, s_topic, [1, 2, 3], token: true)));
        Assert.True(_kit.Handle(PeerKit.Incoming(s_peer, PeerCommand.PeerHandshake, s_topic, [1, 2, 3])));
        Assert.True(_kit.Handle(PeerKit.Incoming(s_peer, PeerCommand.PeerHolepunch, s_topic, [1, 2, 3])));
    }

    [Fact]
    public void G11_command_ten_and_above_with_junk_harm_nothing()
    {
        for (int command = 0; command < 256; command++) _kit.Handle(PeerKit.Incoming(s_peer, command, s_topic, [0xff, 0xff, 0xff], token: true));
        Announce(PeerKit.Key(1), s_topic);
        Assert.Single(Lookup(s_topic, out _));
    }

    [Fact]
    public void G7_a_bump_is_taken_up_to_a_minute_ahead()
    {
        long now = _kit.UnixMilliseconds;
        Announce(PeerKit.Key(1), s_topic, bump: now + 61_000);
        Lookup(s_topic, out long bump);
        Assert.Equal(0, bump);
        Announce(PeerKit.Key(1), s_topic, bump: now + 59_000);
        Lookup(s_topic, out bump);
        Assert.Equal(now + 59_000, bump);
        Announce(PeerKit.Key(3), s_topic, bump: now);
        Lookup(s_topic, out bump);
        Assert.Equal(now + 59_000, bump);
    }

    [Fact]
    public void S23_announcing_again_replaces_the_relays()
    {
        Announce(PeerKit.Key(1), s_topic, [PeerKit.At("5.0.0.9:9")]);
        Announce(PeerKit.Key(1), s_topic, [PeerKit.At("5.0.0.8:8")]);
        Assert.Equal(PeerKit.At("5.0.0.8:8"), Assert.Single(Assert.Single(Lookup(s_topic, out _)).RelayAddresses));
        _kit.Advance(TimeSpan.FromMinutes(14)); // a generation later
        Announce(PeerKit.Key(1), s_topic, [PeerKit.At("5.0.0.7:7")]);
        Assert.Equal(PeerKit.At("5.0.0.7:7"), Assert.Single(Assert.Single(Lookup(s_topic, out _)).RelayAddresses));
    }

    [Fact]
    public void S25_asking_for_a_route_does_not_keep_it()
    {
        var target = PeerKit.Target(PeerKit.Key(2));
        Announce(PeerKit.Key(2), target);
        for (int minute = 0; minute < 27; minute++)
        {
            _kit.Advance(60);
            FindPeer(target);
        }
        Assert.Null(FindPeer(target));
    }

    [Fact]
    public void H7_an_announcement_of_our_own_listeners_key_changes_nothing()
    {
        var key = PeerKit.Key(2);
        _kit.Dht.Listen(_kit.Now, key, new(), null, _ => { });
        Announce(key, PeerKit.Target(key), [PeerKit.At("5.0.0.9:9")]);
        Assert.True(_kit.Dht.Storage.Routes.TryGet(_kit.Now, PeerKit.Target(key), out var route));
        Assert.Null(route.Relay);
        Assert.Empty(FindPeer(PeerKit.Target(key))!.RelayAddresses);
    }

    [Fact]
    public void S24_withdrawing_our_own_listeners_key_changes_nothing()
    {
        var key = PeerKit.Key(2);
        _kit.Dht.Listen(_kit.Now, key, new(), null, _ => { });
        Unannounce(key, PeerKit.Target(key));
        _kit.Dht.Storage.Remove(PeerKit.Target(key), key.PublicKey);
        Assert.NotNull(FindPeer(PeerKit.Target(key)));
    }

    [Fact]
    public void Withdrawing_removes_records_and_routes()
    {
        var target = PeerKit.Target(PeerKit.Key(2));
        Announce(PeerKit.Key(2), target);
        Announce(PeerKit.Key(2), s_topic);
        Unannounce(PeerKit.Key(2), target);
        Unannounce(PeerKit.Key(2), s_topic);
        Assert.Null(FindPeer(target));
        Assert.Empty(Lookup(s_topic, out _));
    }

    [Fact]
    public void G10_a_link_of_the_refresh_chain_keeps_the_record()
    {
        var blocks = PeerVectors.Section("announce").GetProperty("refresh_chain").GetProperty("blocks").EnumerateArray()
            .Select(b => Convert.FromHexString(b.GetString()!)).ToArray();
        var (topic, record) = (s_topic, new PeerRecord(PeerKit.Key(1).PublicKey, []));
        var signable = new byte[64];
        PeerKit.Namespaces.Announce.CopyTo(signable, 0);
        PeerKit.Crypto.Hash((byte[])[.. topic.ToArray(), .. s_id.ToArray(), .. PeerKit.Token, .. PeerRecordCodec.Encode(record), .. blocks[0]], signable.AsSpan(32));
        var signature = new byte[64];
        PeerKit.Crypto.Sign(PeerKit.Key(1), signable, signature);
        var value = new AnnounceMessage { Peer = record, Refresh = blocks[0], Signature = signature }.Encode();
        _kit.Handle(PeerKit.Incoming(s_peer, PeerCommand.Announce, topic, value, token: true));
        Assert.Single(Lookup(topic, out _));

        _kit.Advance(TimeSpan.FromMinutes(13));
        Assert.Null(SendRefresh(blocks[2])); // not the next link
        Assert.NotNull(SendRefresh(blocks[1]));
        _kit.Advance(TimeSpan.FromMinutes(13));
        Assert.NotNull(SendRefresh(blocks[2]));
        _kit.Advance(TimeSpan.FromMinutes(10));
        Assert.Single(Lookup(topic, out _));

        RpcReply? SendRefresh(byte[] refresh)
        {
            _kit.Engine.Replies.Clear();
            _kit.Handle(PeerKit.Incoming(s_peer, PeerCommand.Announce, topic, new AnnounceMessage { Refresh = refresh }.Encode(), token: true));
            return _kit.Engine.Replies.Count == 0 ? null : _kit.Engine.Replies[0].Reply;
        }
    }

    [Fact]
    public void A_lookup_gives_at_most_20_of_many_and_then_no_route()
    {
        var target = PeerKit.Target(PeerKit.Key(200));
        Announce(PeerKit.Key(200), target);
        for (byte i = 1; i <= 25; i++) Announce(PeerKit.Key(i), target);
        var peers = Lookup(target, out _);
        Assert.Equal(20, peers.Select(p => p.PublicKey).Distinct().Count());
        Assert.DoesNotContain(peers, p => p.PublicKey == PeerKit.Key(200).PublicKey);
    }

    [Fact]
    public void Signatures_of_one_source_are_checked_at_a_bounded_rate()
    {
        var kit = new PeerKit(options: new() { VerificationsPerSourcePerSecond = 5 });
        kit.Engine.Id = s_id;
        var value = _signer.SignAnnounce(PeerKit.Key(1), s_topic, s_id, PeerKit.Token, new(PeerKit.Key(1).PublicKey, []));
        for (int i = 0; i < 50; i++) kit.Handle(PeerKit.Incoming(s_peer, PeerCommand.Announce, s_topic, value, token: true));
        Assert.Equal(10, kit.Engine.Replies.Count);
        Assert.Equal(40, kit.Dht.Storage.OverLimit);
        kit.Handle(PeerKit.Incoming(PeerKit.At("5.0.0.8:1"), PeerCommand.Announce, s_topic, value, token: true));
        Assert.Equal(11, kit.Engine.Replies.Count);
    }

    [Fact]
    public void A_quiet_node_gives_its_memory_back()
    {
        Announce(PeerKit.Key(1), s_topic);
        Announce(PeerKit.Key(2), PeerKit.Target(PeerKit.Key(2)));
        _kit.Advance(TimeSpan.FromMinutes(40));
        Assert.Equal((0, 0), (_kit.Dht.Storage.RecordCount, _kit.Dht.Storage.Routes.Count));
    }

    private void Announce(KeyPair key, NodeId target, IReadOnlyList<UdpEndPoint>? relays = null, long bump = 0)
    {
        _kit.Engine.Replies.Clear();
        var value = _signer.SignAnnounce(key, target, s_id, PeerKit.Token, new(key.PublicKey, relays ?? []), bump);
        _kit.Handle(PeerKit.Incoming(s_peer, PeerCommand.Announce, target, value, token: true));
        Assert.Equal(0, Assert.Single(_kit.Engine.Replies).Reply.Error);
    }

    private void Unannounce(KeyPair key, NodeId target)
    {
        _kit.Engine.Replies.Clear();
        _kit.Handle(PeerKit.Incoming(s_peer, PeerCommand.Unannounce, target, _signer.SignUnannounce(key, target, s_id, PeerKit.Token), token: true));
        Assert.Single(_kit.Engine.Replies);
    }

    private PeerRecord? FindPeer(NodeId target)
    {
        var reply = Ask(PeerCommand.FindPeer, target);
        if (reply.Value is not { } value) return null;
        Assert.True(PeerRecordCodec.TryRead(value.Span, out var record));
        return record;
    }

    private PeerRecord[] Lookup(NodeId target, out long bump)
    {
        bump = 0;
        var reply = Ask(PeerCommand.Lookup, target);
        if (reply.Value is not { } value) return [];
        Assert.True(LookupReplyCodec.TryRead(value.Span, out var peers, out bump));
        return peers;
    }

    private RpcReply Ask(int command, NodeId target)
    {
        _kit.Engine.Replies.Clear();
        Assert.True(_kit.Handle(PeerKit.Incoming(s_peer, command, target)));
        var reply = Assert.Single(_kit.Engine.Replies).Reply;
        Assert.True(reply is { WithToken: true, WithCloserNodes: true });
        return reply;
    }
}
