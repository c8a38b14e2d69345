using System.Text;
using PeopleSwarm.Dht.Messages;
using PeopleSwarm.Dht.Rpc;
using PeopleSwarm.Dht.TestKit;

namespace PeopleSwarm.Dht.Storage;

public class ValueStorageTests
{
    private static readonly NodeId s_id = PeerKit.IdOf(PeerKit.At("5.0.0.1:1"));
    private static readonly UdpEndPoint s_peer = PeerKit.At("5.0.0.7:7000"), s_other = PeerKit.At("5.0.0.8:8000");
    private PeerKit _kit = Kit();

    [Fact]
    public void Captured_puts_are_stored_and_answered_as_the_reference_answers_them()
    {
        int puts = 0, gets = 0;
        foreach (string name in (string[])["mutable_put", "mutable_put_seq_reused", "mutable_put_seq_too_low", "mutable_get_seq_above", "immutable_put", "immutable_get"])
        {
            var values = new Dictionary<string, System.Text.Json.JsonElement>();
            foreach (var datagram in PeerVectors.Captured(name).GetProperty("datagrams").EnumerateArray())
            {
                var decoded = datagram.GetProperty("decoded");
                if (decoded.Text("kind") == "request") values[$"{datagram.Text("from")}{datagram.Text("to")}{decoded.Int("tid")}"] = decoded;
                else if (values.TryGetValue($"{datagram.Text("to")}{datagram.Text("from")}{decoded.Int("tid")}", out var request)) Compare(request, decoded);
            }
        }
        Assert.True(puts >= 15 && gets >= 20, $"{puts} puts, {gets} gets");

        void Compare(System.Text.Json.JsonElement request, System.Text.Json.JsonElement response)
        {
            int command = request.Int("command");
            if (command is < PeerCommand.MutablePut or > PeerCommand.ImmutableGet) return;
            bool isPut = command is PeerCommand.MutablePut or PeerCommand.ImmutablePut;
            if (isPut) puts++;
            else gets++;
            if (!isPut && response.TryGetProperty("value", out var stored)) // what the capture's node had before
            {
                var bytes = Convert.FromHexString(stored.GetString()!);
                var key = PeerKit.Key(1).PublicKey.ToArray();
                Handle(command - 1, new(request.Bytes("target")), command == PeerCommand.MutableGet ? [.. key, .. bytes] : bytes);
            }
            var reply = Handle(command, new(request.Bytes("target")), request.TryGetProperty("value", out var value) ? Convert.FromHexString(value.GetString()!) : null);
            Assert.NotNull(reply);
            Assert.Equal(response.Int("error"), reply.Value.Error);
            Assert.Equal(response.TryGetProperty("token", out _), reply.Value.WithToken);
            Assert.True(reply.Value.WithCloserNodes);
            Assert.Equal(response.TryGetProperty("value", out var expected) ? expected.GetString() : null,
                reply.Value.Value is { } given ? Convert.ToHexStringLower(given.Span) : null);
        }
    }

    [Theory, InlineData(0), InlineData(1), InlineData(1000), InlineData(1900)]
    public void An_immutable_value_comes_back_also_an_empty_one(int size)
    {
        var value = new byte[size];
        var target = ImmutableTarget.Of(PeerKit.Crypto, value);
        Assert.Null(Handle(PeerCommand.ImmutableGet, target)!.Value.Value);
        Assert.Equal(new RpcReply(), Handle(PeerCommand.ImmutablePut, target, value)!.Value);
        var reply = Handle(PeerCommand.ImmutableGet, target)!.Value;
        Assert.True(reply is { Value: not null, WithToken: true, WithCloserNodes: true });
        Assert.Equal(value, reply.Value!.Value.ToArray());
    }

    [Fact]
    public void G9_the_four_cases_of_a_sequence_number()
    {
        Assert.Equal(0, Put("five", 5));
        Assert.Equal(0, Put("five", 5)); // again: keeps it alive
        Assert.Equal(RecordErrors.SeqReused, Put("other", 5));
        Assert.Equal(RecordErrors.SeqTooLow, Put("four", 4));
        Assert.Equal("five", Get(5));
        Assert.Null(Get(6));
        Assert.Equal(0, Put("six", 6));
        Assert.Equal("six", Get(0));
        Assert.Equal(0, Put("", 7)); // A3
        Assert.Equal("", Get(0));
    }

    [Fact]
    public void What_is_incomplete_or_forged_meets_silence()
    {
        var target = PeerKit.Target(PeerKit.Key(1));
        var value = PeerKit.SignMutable(PeerKit.Key(1), "value"u8, 1);
        var immutable = ImmutableTarget.Of(PeerKit.Crypto, "value"u8);
        var forged = value.ToArray();
        forged[^1] ^= 1;
        var changed = value.ToArray();
        changed[PublicKey.Size + 2] ^= 1; // the first byte of the value
        RpcIncoming put = PeerKit.Incoming(s_peer, PeerCommand.MutablePut, target, value, token: true), store = PeerKit.Incoming(s_peer, PeerCommand.ImmutablePut, immutable, "value"u8.ToArray(), token: true);
        RpcIncoming[] bad =
        [
            put with { Target = null },
            put with { HasValidToken = false },
            put with { Value = null },
            put with { Value = new byte[] { 1, 2, 3 } },
            put with { Value = forged },
            put with { Value = changed },
            put with { Target = PeerKit.Target(PeerKit.Key(2)) },
            put with { Value = PeerKit.SignMutable(PeerKit.Key(2), "value"u8, 1) },
            store with { Target = null },
            store with { HasValidToken = false },
            store with { Value = null },
            store with { Value = "other"u8.ToArray() },
            PeerKit.Incoming(s_peer, PeerCommand.ImmutableGet, null),
            PeerKit.Incoming(s_peer, PeerCommand.MutableGet, null, [0]),
            PeerKit.Incoming(s_peer, PeerCommand.MutableGet, target),
            PeerKit.Incoming(s_peer, PeerCommand.MutableGet, target, []),
        ];
        Assert.All(bad, request => Assert.True(_kit.Handle(request)));
        Assert.Empty(_kit.Engine.Replies);
        Assert.Equal(0, _kit.Dht.Storage.Values.Count);
        Assert.True(_kit.Handle(put) && _kit.Handle(store));
        Assert.Equal((2, 2), (_kit.Engine.Replies.Count, _kit.Dht.Storage.Values.Count));
    }

    [Fact]
    public void An_older_record_never_takes_the_place_of_one_that_had_to_go()
    {
        _kit = Kit(new() { MaxValueBytesPerSource = 8192 });
        Assert.Equal(0, Put("nine", 9));
        for (int i = 0; i < 40; i++) PutImmutable(i, s_peer); // of the same source: its oldest goes
        Assert.Null(Get(0));
        Assert.Equal(RecordErrors.SeqTooLow, Put("eight", 8));
        Assert.Null(Get(0));
        Assert.Equal(0, Put("nine", 9));
        Assert.Equal("nine", Get(0));
    }

    [Theory, InlineData(16, 0), InlineData(10_000, RecordErrors.SeqTooLow)]
    public void So_many_numbers_are_remembered_and_no_more(int maxRemembered, int error)
    {
        _kit = Kit(new() { MaxRememberedSeqs = maxRemembered, MaxValueBytes = 65_536 });
        Assert.Equal(0, Put("nine", 9));
        for (byte i = 2; i < 60; i++)
            Assert.Equal(0, Handle(PeerCommand.MutablePut, PeerKit.Target(PeerKit.Key(i)), PeerKit.SignMutable(PeerKit.Key(i), "x"u8, 1))!.Value.Error);
        for (int i = 0; i < 1000; i++) PutImmutable(i, new UdpEndPoint(0x05010000u + (uint)i, 1)); // until the value is gone
        Assert.Null(Get(0));
        Assert.Equal(error, Put("eight", 8));
    }

    [Theory, InlineData(39, true), InlineData(81, false)]
    public void A_value_that_nobody_reads_goes_at_four_thirds_of_its_age(int seconds, bool isThere)
    {
        _kit = Kit(new() { ValueAge = TimeSpan.FromMinutes(1) });
        Assert.Equal(0, Put("value", 1));
        _kit.Advance(seconds);
        Assert.Equal(isThere ? "value" : null, Get(0));
    }

    [Fact]
    public void A_flood_from_one_address_leaves_the_values_of_others()
    {
        _kit = Kit(new() { MaxValueBytesPerSource = 8192 });
        Assert.Equal(0, Put("mine", 1, from: s_other));
        for (int i = 0; i < 10_000; i++) PutImmutable(i, s_peer);
        Assert.Equal("mine", Get(0));
        Assert.InRange(_kit.Dht.Storage.Values.Bytes, 0, 2 * 8192 + 1024);
    }

    [Fact]
    public void All_values_together_stay_below_their_bound_and_the_oldest_go()
    {
        _kit = Kit(new() { MaxValueBytes = 65_536 });
        for (int i = 0; i < 2000; i++) PutImmutable(i, new UdpEndPoint(0x05010000u + (uint)i, 1));
        Assert.InRange(_kit.Dht.Storage.Values.Bytes, 60_000, 2 * 65_536 + 1024);
        Assert.NotNull(Handle(PeerCommand.ImmutableGet, ImmutableTarget.Of(PeerKit.Crypto, BitConverter.GetBytes(1999)))!.Value.Value);
        Assert.Null(Handle(PeerCommand.ImmutableGet, ImmutableTarget.Of(PeerKit.Crypto, BitConverter.GetBytes(0)))!.Value.Value);
    }

    [Fact]
    public void Putting_anothers_value_again_makes_it_nobody_elses_burden()
    {
        _kit = Kit(new() { MaxValueBytesPerSource = 8192 });
        PutImmutable(-1, s_other);
        Assert.Equal(0, Put("his", 1, from: s_other));
        PutImmutable(-1, s_peer); // now the flooder puts both again, to own and to lose them
        Assert.Equal(0, Put("his", 1, from: s_peer));
        for (int i = 0; i < 100; i++) PutImmutable(i, s_peer);
        Assert.NotNull(Handle(PeerCommand.ImmutableGet, ImmutableTarget.Of(PeerKit.Crypto, BitConverter.GetBytes(-1)))!.Value.Value);
        Assert.Equal("his", Get(0));
    }

    [Fact]
    public void G8_values_live_about_two_days_and_longer_where_they_are_read()
    {
        Put("value", 1);
        PutImmutable(1, s_peer);
        _kit.Advance(TimeSpan.FromHours(40));
        Assert.Equal("value", Get(0));
        _kit.Advance(TimeSpan.FromHours(40));
        Assert.Equal("value", Get(0));
        Assert.Null(Handle(PeerCommand.ImmutableGet, ImmutableTarget.Of(PeerKit.Crypto, BitConverter.GetBytes(1)))!.Value.Value);
        _kit.Advance(TimeSpan.FromHours(65));
        Assert.Equal(0, _kit.Dht.Storage.Values.Count);
        Assert.Equal(0, _kit.Dht.Storage.Values.Bytes);
    }

    [Fact]
    public void Signatures_of_values_and_announcements_share_their_limit()
    {
        _kit = Kit(new() { VerificationsPerSourcePerSecond = 5 });
        var put = PeerKit.Incoming(s_peer, PeerCommand.MutablePut, PeerKit.Target(PeerKit.Key(1)), PeerKit.SignMutable(PeerKit.Key(1), "value"u8, 1), token: true);
        var announce = PeerKit.Incoming(s_peer, PeerCommand.Announce, s_id,
            new AnnounceSigner(PeerKit.Crypto, PeerKit.Namespaces).SignAnnounce(PeerKit.Key(1), s_id, s_id, PeerKit.Token, new(PeerKit.Key(1).PublicKey, [])), token: true);
        for (int i = 0; i < 25; i++) Assert.True(_kit.Handle(put) && _kit.Handle(announce));
        Assert.Equal((10, 40L), (_kit.Engine.Replies.Count, _kit.Dht.Storage.OverLimit));
        _kit.Advance(1);
        for (int i = 0; i < 25; i++) _kit.Handle(put);
        Assert.Equal(15, _kit.Engine.Replies.Count);
    }

    private static PeerKit Kit(PeerDhtOptions? options = null)
    {
        var kit = new PeerKit(options: options);
        kit.Engine.Id = s_id;
        return kit;
    }

    private RpcReply? Handle(int command, NodeId target, byte[]? value = null, UdpEndPoint? from = null)
    {
        _kit.Engine.Replies.Clear();
        Assert.True(_kit.Handle(PeerKit.Incoming(from ?? s_peer, command, target, value, token: value is not null)));
        return _kit.Engine.Replies.Count == 0 ? null : Assert.Single(_kit.Engine.Replies).Reply;
    }

    private void PutImmutable(int number, UdpEndPoint from)
    {
        var value = BitConverter.GetBytes(number);
        Assert.Equal(0, Handle(PeerCommand.ImmutablePut, ImmutableTarget.Of(PeerKit.Crypto, value), value, from)!.Value.Error);
    }

    private int Put(string text, long seq, UdpEndPoint? from = null) =>
        Handle(PeerCommand.MutablePut, PeerKit.Target(PeerKit.Key(1)), PeerKit.SignMutable(PeerKit.Key(1), Encoding.ASCII.GetBytes(text), seq), from)!.Value.Error;

    private string? Get(long seq)
    {
        var bytes = new byte[CompactWriter.SizeOfUInt(seq)];
        new CompactWriter(bytes).WriteUInt(seq);
        if (Handle(PeerCommand.MutableGet, PeerKit.Target(PeerKit.Key(1)), bytes)!.Value.Value is not { } value) return null;
        Assert.True(MutableRecordMessage.TryRead(value.Span, out var record));
        return Encoding.ASCII.GetString(record.Value);
    }
}
