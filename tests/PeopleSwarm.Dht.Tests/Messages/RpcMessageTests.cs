using System.Text.Json;
using CsCheck;
using PeopleSwarm.Dht.Rpc;

namespace PeopleSwarm.Dht.Messages;

public class RpcMessageTests
{
    private static readonly Gen<UdpEndPoint> s_address = Gen.Select(Gen.UInt, Gen.UShort, (ip, port) => new UdpEndPoint(ip, port));
    private static readonly Gen<NodeId?> s_id = Gen.Byte.Array[32].Select(bytes => bytes[0] < 128 ? new NodeId(bytes) : (NodeId?)null);

    [Fact]
    public void Every_request_vector_encodes_and_decodes()
    {
        int checkedVectors = 0;
        foreach (var vector in RpcVectors.Vectors("requests"))
        {
            var datagram = vector.Bytes("hex");
            bool sendsId = vector.GetProperty("node_persistent").GetBoolean() && vector.Text("socket") == "server";
            var (token, value, target) = (vector.OptionalBytes("token"), vector.OptionalBytes("value"), vector.OptionalId("target"));
            var message = new RpcRequestMessage
            {
                Tid = (ushort)vector.Int("tid"),
                To = vector.GetProperty("to").Address(),
                Id = sendsId ? vector.OptionalId("local_id") : null,
                Token = token,
                IsInternal = vector.GetProperty("internal").GetBoolean(),
                Command = vector.Int("command"),
                Target = target,
                HasValue = value is not null,
                Value = value,
            };
            Assert.Equal(Convert.ToHexStringLower(datagram), Encode(message));
            Assert.True(RpcRequestMessage.TryRead(datagram, out var read));
            Assert.Equal(message.Tid, read.Tid);
            Assert.Equal(message.Command, read.Command);
            Assert.Equal(target, read.Target);
            Assert.Equal(value is not null, read.HasValue);
            Assert.Equal(Convert.ToHexStringLower(datagram), Encode(read));
            checkedVectors++;
        }
        Assert.Equal(13, checkedVectors);
    }

    [Fact]
    public void Every_captured_datagram_decodes_as_the_reference_does_and_encodes_again_to_the_same_bytes()
    {
        int checkedDatagrams = 0;
        foreach (var flow in RpcVectors.Section("captured").EnumerateObject().Where(f => f.Value.ValueKind == JsonValueKind.Object))
        {
            foreach (var captured in flow.Value.GetProperty("datagrams").EnumerateArray())
            {
                var (datagram, decoded) = (captured.Bytes("hex"), captured.GetProperty("decoded"));
                if (decoded.Text("kind") == "request") CheckRequest(datagram, decoded);
                else CheckResponse(datagram, decoded);
                checkedDatagrams++;
            }
        }
        Assert.True(checkedDatagrams > 90, $"only {checkedDatagrams}");
    }

    private static void CheckRequest(byte[] datagram, JsonElement decoded)
    {
        Assert.True(RpcRequestMessage.TryRead(datagram, out var message));
        Assert.False(RpcResponseMessage.TryRead(datagram, out _));
        Assert.Equal(decoded.Int("tid"), message.Tid);
        Assert.Equal(decoded.GetProperty("to").Address(), message.To);
        Assert.Equal(decoded.OptionalId("id"), message.Id);
        Assert.Equal(decoded.GetProperty("internal").GetBoolean(), message.IsInternal);
        Assert.Equal(decoded.Int("command"), message.Command);
        Assert.Equal(decoded.OptionalId("target"), message.Target);
        Assert.Equal(decoded.OptionalBytes("token") ?? [], message.Token.ToArray());
        Assert.Equal(decoded.OptionalBytes("value"), message.HasValue ? message.Value.ToArray() : null);
        Assert.Equal(Convert.ToHexStringLower(datagram), Encode(message));
    }

    private static void CheckResponse(byte[] datagram, JsonElement decoded)
    {
        Assert.True(RpcResponseMessage.TryRead(datagram, out var message));
        Assert.False(RpcRequestMessage.TryRead(datagram, out _));
        Assert.Equal(decoded.Int("tid"), message.Tid);
        Assert.Equal(decoded.GetProperty("to").Address(), message.To);
        Assert.Equal(decoded.OptionalId("id"), message.Id);
        Assert.Equal(decoded.OptionalBytes("token") ?? [], message.Token.ToArray());
        Assert.Equal(decoded.TryGetProperty("error", out var error) ? error.GetInt32() : 0, message.Error);
        Assert.Equal(decoded.OptionalBytes("value"), message.HasValue ? message.Value.ToArray() : null);
        var buffer = new byte[RpcProtocol.MaxDatagramSize];
        int length = message.Write(buffer, message.CloserNodes.ToArray());
        Assert.Equal(Convert.ToHexStringLower(datagram), Convert.ToHexStringLower(buffer.AsSpan(0, length)));
        Assert.Equal(length, RpcResponseMessage.SizeOf(message.Id is not null, !message.Token.IsEmpty, message.CloserNodes.Count, message.Error,
            message.HasValue ? message.Value.Length : null));
    }

    [Fact]
    public void A_request_with_everything_stays_as_frozen_here()
    {
        var message = new RpcRequestMessage
        {
            Tid = 0x1234,
            To = UdpEndPoint.Parse("1.2.3.4:49737"),
            Id = new NodeId(Filled(0xaa)),
            Token = Filled(0xbb),
            IsInternal = false,
            Command = 7,
            Target = new NodeId(Filled(0xcc)),
            HasValue = true,
            Value = "\x01\x02"u8,
        };
        string expected = "031b3412" + "0102030449c2" + new string('a', 64) + new string('b', 64) + "07" + new string('c', 64) + "020102";
        Assert.Equal(expected, Encode(message));
    }

    [Fact]
    public void A_response_with_everything_stays_as_frozen_here()
    {
        var message = new RpcResponseMessage
        {
            Tid = 0x1234,
            To = UdpEndPoint.Parse("1.2.3.4:49737"),
            Id = new NodeId(Filled(0xaa)),
            Token = Filled(0xbb),
            Error = 17,
            HasValue = true,
        };
        var buffer = new byte[RpcProtocol.MaxDatagramSize];
        int length = message.Write(buffer, [UdpEndPoint.Parse("5.6.7.8:1")]);
        string expected = "131f3412" + "0102030449c2" + new string('a', 64) + new string('b', 64) + "01" + "050607080100" + "11" + "00";
        Assert.Equal(expected, Convert.ToHexStringLower(buffer.AsSpan(0, length)));
    }

    [Fact]
    public void Any_request_survives() =>
        Gen.Select(s_address, s_id, s_id, Gen.Int[0, int.MaxValue], Gen.Byte.Array[0, 300], Gen.Bool, Gen.UShort).Sample((to, id, target, command, value, flag, tid) =>
        {
            var message = new RpcRequestMessage
            {
                Tid = tid, To = to, Id = id, Target = target, Command = command, HasValue = flag, Value = flag ? value : default, IsInternal = !flag,
            };
            var datagram = Convert.FromHexString(Encode(message));
            return RpcRequestMessage.TryRead(datagram, out var read) && Encode(read) == Encode(message) && read.Id == id && read.To == to;
        });

    [Fact]
    public void A6_junk_behind_a_message_and_unknown_flags_are_ignored()
    {
        foreach (var vector in RpcVectors.Vectors("requests"))
        {
            byte[] datagram = [.. vector.Bytes("hex"), 1, 2, 3];
            datagram[1] |= 0x20;
            Assert.True(RpcRequestMessage.TryRead(datagram, out var message));
            Assert.Equal(vector.Text("hex"), Encode(message));
        }
    }

    [Fact]
    public void A1_every_message_cut_short_is_undecodable()
    {
        foreach (var vector in RpcVectors.Vectors("requests"))
        {
            var datagram = vector.Bytes("hex");
            for (int length = 0; length < datagram.Length; length++) Assert.False(RpcRequestMessage.TryRead(datagram.AsSpan(0, length), out _));
        }
        foreach (var vector in RpcVectors.Vectors("responses"))
        {
            var datagram = vector.Bytes("hex");
            for (int length = 0; length < datagram.Length; length++) Assert.False(RpcResponseMessage.TryRead(datagram.AsSpan(0, length), out _));
        }
    }

    [Fact]
    public void A1_random_bytes_never_throw() =>
        Gen.Select(Gen.Byte.Array[0, 120], Gen.Bool).Sample((bytes, isRequest) =>
        {
            if (bytes.Length > 0) bytes[0] = isRequest ? RpcRequestMessage.Header : RpcResponseMessage.Header;
            RpcRequestMessage.TryRead(bytes, out _);
            RpcResponseMessage.TryRead(bytes, out _);
        });

    private static byte[] Filled(byte value)
    {
        var bytes = new byte[32];
        Array.Fill(bytes, value);
        return bytes;
    }

    private static string Encode(in RpcRequestMessage message)
    {
        var buffer = new byte[message.Size];
        message.Write(buffer);
        return Convert.ToHexStringLower(buffer);
    }
}
