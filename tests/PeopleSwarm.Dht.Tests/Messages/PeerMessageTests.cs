using System.Text.Json;
using CsCheck;

namespace PeopleSwarm.Dht.Messages;

public class PeerMessageTests
{
    private static readonly Gen<UdpEndPoint> s_address = Gen.Select(Gen.UInt, Gen.UShort, (ip, port) => new UdpEndPoint(ip, port));

    [Fact]
    public void Handshake_vectors_read_and_write_byte_for_byte()
    {
        foreach (var vector in PeerVectors.Vectors("message_handshake"))
        {
            var value = vector.GetProperty("value");
            Assert.True(PeerHandshakeMessage.TryRead(vector.Bytes("hex"), out var message));
            Assert.Equal(value.Int("mode"), (int)message.Mode);
            Assert.Equal(value.Text("noise"), Convert.ToHexStringLower(message.Noise));
            Assert.Equal(value.OptionalAddress("peerAddress"), message.PeerAddress);
            Assert.Equal(value.OptionalAddress("relayAddress"), message.RelayAddress);
            Assert.Equal(vector.Text("hex"), PeerVectors.Hex(message.Encode()));
        }
    }

    [Fact]
    public void Holepunch_vectors_read_and_write_byte_for_byte()
    {
        foreach (var vector in PeerVectors.Vectors("message_holepunch"))
        {
            var value = vector.GetProperty("value");
            Assert.True(PeerHolepunchMessage.TryRead(vector.Bytes("hex"), out var message));
            Assert.Equal(value.Int("mode"), (int)message.Mode);
            Assert.Equal(value.Int("id"), message.Id);
            Assert.Equal(value.Text("payload"), Convert.ToHexStringLower(message.Payload));
            Assert.Equal(value.OptionalAddress("peerAddress"), message.PeerAddress);
            Assert.Equal(vector.Text("hex"), PeerVectors.Hex(message.Encode()));
        }
    }

    [Fact]
    public void Noise_payload_vectors_read_and_write_byte_for_byte()
    {
        foreach (var vector in PeerVectors.Vectors("noise_payload"))
        {
            var expected = FromVector(vector.GetProperty("decoded"));
            Assert.True(NoisePayload.TryRead(vector.Bytes("hex"), out var payload));
            AssertEqual(expected, payload);
            Assert.Equal(vector.Text("hex"), PeerVectors.Hex(payload.Encode()));
            Assert.Equal(vector.Text("hex"), PeerVectors.Hex(expected.Encode()));
        }
    }

    [Fact]
    public void A_payload_of_another_version_reads_as_empty_with_that_version()
    {
        Assert.True(NoisePayload.TryRead(PeerVectors.Section("noise_payload").GetProperty("newer_version").Bytes("hex"), out var payload));
        AssertEqual(new() { Version = 2 }, payload);
    }

    [Fact]
    public void A5_relay_addresses_are_left_out_when_null_and_written_when_empty()
    {
        Assert.Equal("01000000", PeerVectors.Hex(new NoisePayload().Encode()));
        Assert.Equal("0140000000", PeerVectors.Hex(new NoisePayload { RelayAddresses = [] }.Encode()));
        Assert.True(NoisePayload.TryRead(Convert.FromHexString("0140000000"), out var payload));
        Assert.Empty(payload.RelayAddresses!);
    }

    [Fact]
    public void A5_every_combination_of_payload_fields_survives()
    {
        var address = new UdpEndPoint(0x01020304u, 5);
        for (int flags = 0; flags < 128; flags++)
        {
            bool Has(int bit) => (flags & 1 << bit) != 0;
            var payload = new NoisePayload
            {
                Error = PeerErrorCode.TryLater,
                Firewall = PeerFirewallState.Random,
                Holepunch = Has(0) ? new(0, [new(address, address.WithPort(6))]) : null,
                Addresses4 = Has(1) ? [address] : [],
                Addresses6 = Has(2) ? [UdpEndPoint.Parse("[2001:db8::1]:7")] : [],
                Udx = Has(3) ? new(uint.MaxValue, true, 300) : null,
                SecretStreamVersion = Has(4) ? 1 : null,
                RelayThrough = Has(5) ? new(new(Bytes(32, 1)), new(Bytes(32, 2))) : null,
                RelayAddresses = Has(6) ? [address, address] : null,
            };
            Assert.True(NoisePayload.TryRead(payload.Encode(), out var read));
            AssertEqual(payload, read);
        }
    }

    [Fact]
    public void Peer_record_vectors_read_and_write_byte_for_byte()
    {
        foreach (var vector in PeerVectors.Vectors("peer_record"))
        {
            var expected = vector.GetProperty("value").Record();
            Assert.True(PeerRecordCodec.TryRead(vector.Bytes("hex"), out var record));
            AssertEqual(expected, record);
            Assert.Equal(vector.Text("hex"), PeerVectors.Hex(PeerRecordCodec.Encode(record)));
        }
    }

    [Fact]
    public void G1_lookup_replies_are_records_without_lengths_and_a_bump()
    {
        foreach (var vector in PeerVectors.Vectors("lookup_reply"))
        {
            var value = vector.GetProperty("value");
            var expected = value.GetProperty("peers").EnumerateArray().Select(p => p.Record()).ToArray();
            Assert.True(LookupReplyCodec.TryRead(vector.Bytes("hex"), out var peers, out long bump));
            Assert.Equal(value.GetProperty("bump").GetInt64(), bump);
            Assert.Equal(expected.Length, peers.Length);
            for (int i = 0; i < peers.Length; i++) AssertEqual(expected[i], peers[i]);
            Assert.Equal(vector.Text("hex"), PeerVectors.Hex(LookupReplyCodec.Encode(peers.Select(PeerRecordCodec.Encode).ToArray(), bump)));
        }
    }

    [Fact]
    public void G1_a_lookup_reply_without_a_bump_has_none()
    {
        var withBump = LookupReplyCodec.Encode([PeerRecordCodec.Encode(new(new(Bytes(32, 9)), []))], 0);
        Assert.True(LookupReplyCodec.TryRead(withBump.AsSpan(..^1), out var peers, out long bump));
        Assert.Equal((1, 0), (peers.Length, bump));
    }

    [Fact]
    public void Announce_vectors_read_and_write_byte_for_byte()
    {
        foreach (var vector in PeerVectors.Vectors("announce"))
        {
            Assert.True(AnnounceMessage.TryRead(vector.Bytes("announce_value"), out var message));
            Assert.Equal(vector.Text("publicKey"), message.Peer!.PublicKey.ToString());
            Assert.Equal(vector.Text("signature"), Convert.ToHexStringLower(message.Signature));
            Assert.Equal(vector.Text("announce_value"), PeerVectors.Hex(message.Encode()));
        }
        Assert.True(AnnounceMessage.TryRead(PeerVectors.Section("announce").GetProperty("refresh_only").Bytes("hex"), out var refresh));
        Assert.Null(refresh.Peer);
        Assert.Equal(32, refresh.Refresh.Length);
        Assert.Equal(PeerVectors.Section("announce").GetProperty("refresh_only").Text("hex"), PeerVectors.Hex(refresh.Encode()));
    }

    [Fact]
    public void U14_captured_values_are_written_again_byte_for_byte()
    {
        int count = 0;
        foreach (var datagram in PeerVectors.AllDatagrams())
        {
            var decoded = datagram.GetProperty("decoded");
            if (!decoded.TryGetProperty("value", out var hex) || !decoded.TryGetProperty("value_decoded", out var value)) continue;
            var bytes = Convert.FromHexString(hex.GetString()!);
            string? again = value.TryGetProperty("noise", out _) ? PeerHandshakeMessage.TryRead(bytes, out var handshake) ? PeerVectors.Hex(handshake.Encode()) : null
                : value.TryGetProperty("payload", out _) ? PeerHolepunchMessage.TryRead(bytes, out var holepunch) ? PeerVectors.Hex(holepunch.Encode()) : null
                : value.TryGetProperty("peer", out _) ? AnnounceMessage.TryRead(bytes, out var announce) ? PeerVectors.Hex(announce.Encode()) : null
                : value.TryGetProperty("relayAddresses", out _) ? PeerRecordCodec.TryRead(bytes, out var record) ? PeerVectors.Hex(PeerRecordCodec.Encode(record)) : null
                : value.TryGetProperty("peers", out _) && LookupReplyCodec.TryRead(bytes, out var peers, out long bump)
                    ? PeerVectors.Hex(LookupReplyCodec.Encode(peers.Select(PeerRecordCodec.Encode).ToArray(), bump))
                : hex.GetString();
            Assert.Equal(hex.GetString(), again);
            count++;
        }
        Assert.True(count > 100, $"only {count} values");
    }

    [Fact]
    public void A6_unknown_flags_and_trailing_bytes_are_ignored()
    {
        var handshake = new PeerHandshakeMessage(RoutingMode.FromRelay, Bytes(8, 1), new UdpEndPoint(1, 2)).Encode();
        var holepunch = new PeerHolepunchMessage(RoutingMode.FromRelay, 0, Bytes(8, 1), new UdpEndPoint(1, 2)).Encode();
        var announce = new AnnounceMessage { Peer = new(new(Bytes(32, 1)), []), Signature = Bytes(64, 2), Bump = 5 }.Encode();
        handshake[0] |= 0x40;
        holepunch[0] |= 0x40;
        announce[0] |= 0x40;
        Assert.True(PeerHandshakeMessage.TryRead((byte[])[.. handshake, 1, 2, 3], out var readHandshake));
        Assert.Equal(new UdpEndPoint(1, 2), readHandshake.PeerAddress);
        Assert.True(PeerHolepunchMessage.TryRead((byte[])[.. holepunch, 1, 2, 3], out var readHolepunch));
        Assert.Equal(new UdpEndPoint(1, 2), readHolepunch.PeerAddress);
        Assert.True(AnnounceMessage.TryRead((byte[])[.. announce, 1, 2, 3], out var readAnnounce));
        Assert.Equal(5, readAnnounce.Bump);
        Assert.True(NoisePayload.TryRead(Convert.FromHexString("01fd0002000009090909"), out _)); // a flag of the future
        Assert.True(PeerRecordCodec.TryRead((byte[])[.. Bytes(32, 1), 0, 7], out _));
    }

    [Fact]
    public void A6_counts_without_elements_are_undecodable()
    {
        Assert.False(PeerRecordCodec.TryRead((byte[])[.. Bytes(32, 1), 0xfe, 0, 0, 0x10, 0], out _));
        Assert.False(LookupReplyCodec.TryRead((byte[])[0xfe, 0, 0, 0x10, 0], out _, out _));
        Assert.False(NoisePayload.TryRead(Convert.FromHexString("0101000000fe00001000"), out _));
        Assert.False(NoisePayload.TryRead(Convert.FromHexString("01040000fe00001000"), out _));
    }

    [Fact]
    public void A1_no_bytes_make_a_reader_throw() =>
        Gen.Byte.Array[0, 200].Sample(bytes =>
        {
            PeerHandshakeMessage.TryRead(bytes, out _);
            PeerHolepunchMessage.TryRead(bytes, out _);
            NoisePayload.TryRead(bytes, out _);
            NoisePayload.TryRead((byte[])[1, .. bytes], out _);
            AnnounceMessage.TryRead(bytes, out _);
            PeerRecordCodec.TryRead(bytes, out _);
            LookupReplyCodec.TryRead(bytes, out _, out _);
        });

    [Fact]
    public void Every_shortening_of_a_message_is_undecodable_or_still_a_message()
    {
        foreach (var vector in PeerVectors.Vectors("noise_payload"))
        {
            var bytes = vector.Bytes("hex");
            for (int length = 0; length < bytes.Length; length++) Assert.False(NoisePayload.TryRead(bytes.AsSpan(0, length), out _));
        }
        foreach (var vector in PeerVectors.Vectors("message_handshake"))
        {
            var bytes = vector.Bytes("hex");
            for (int length = 0; length < bytes.Length; length++) Assert.False(PeerHandshakeMessage.TryRead(bytes.AsSpan(0, length), out _));
        }
    }

    [Fact]
    public void Any_handshake_message_survives() =>
        Gen.Select(Gen.Int[0, 4], Gen.Byte.Array[0, 1000], s_address.Nullable(), s_address.Nullable()).Sample((mode, noise, peer, relay) =>
        {
            var bytes = new PeerHandshakeMessage((RoutingMode)mode, noise, peer, relay).Encode();
            return PeerHandshakeMessage.TryRead(bytes, out var read) && read.Mode == (RoutingMode)mode && read.Noise.SequenceEqual(noise)
                && read.PeerAddress == peer && read.RelayAddress == relay;
        });

    private static byte[] Bytes(int length, byte value) => Enumerable.Repeat(value, length).ToArray();

    private static NoisePayload FromVector(JsonElement element) => new()
    {
        Version = element.Int("version"),
        Error = (PeerErrorCode)element.Int("error"),
        Firewall = (PeerFirewallState)element.Int("firewall"),
        Holepunch = element.GetProperty("holepunch") is { ValueKind: JsonValueKind.Object } holepunch
            ? new(holepunch.Int("id"), holepunch.GetProperty("relays").EnumerateArray()
                .Select(r => new RelayInfo(r.OptionalAddress("relayAddress")!.Value, r.OptionalAddress("peerAddress")!.Value)).ToArray())
            : null,
        Addresses4 = element.OptionalAddresses("addresses4") ?? [],
        Addresses6 = element.OptionalAddresses("addresses6") ?? [],
        Udx = element.GetProperty("udx") is { ValueKind: JsonValueKind.Object } udx
            ? new(udx.GetProperty("id").GetUInt32(), udx.GetProperty("reusableSocket").GetBoolean(), udx.Int("seq"))
            : null,
        SecretStreamVersion = element.GetProperty("secretStream").ValueKind == JsonValueKind.Object ? 1 : null,
        RelayThrough = element.GetProperty("relayThrough") is { ValueKind: JsonValueKind.Object } relay
            ? new(PublicKey.Parse(relay.Text("publicKey")), Topic.Parse(relay.Text("token")))
            : null,
        RelayAddresses = element.OptionalAddresses("relayAddresses"),
    };

    private static void AssertEqual(NoisePayload expected, NoisePayload actual)
    {
        Assert.Equal(expected.Version, actual.Version);
        Assert.Equal((expected.Error, expected.Firewall), (actual.Error, actual.Firewall));
        Assert.Equal(expected.Holepunch?.Id, actual.Holepunch?.Id);
        Assert.Equal(expected.Holepunch?.Relays, actual.Holepunch?.Relays);
        Assert.Equal(expected.Addresses4, actual.Addresses4);
        Assert.Equal(expected.Addresses6, actual.Addresses6);
        Assert.Equal(expected.Udx, actual.Udx);
        Assert.Equal(expected.SecretStreamVersion, actual.SecretStreamVersion);
        Assert.Equal(expected.RelayThrough, actual.RelayThrough);
        Assert.Equal(expected.RelayAddresses, actual.RelayAddresses);
    }

    private static void AssertEqual(PeerRecord expected, PeerRecord actual)
    {
        Assert.Equal(expected.PublicKey, actual.PublicKey);
        Assert.Equal(expected.RelayAddresses, actual.RelayAddresses);
    }
}
