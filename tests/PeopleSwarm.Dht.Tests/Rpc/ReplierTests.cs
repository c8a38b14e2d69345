using PeopleSwarm.Dht.Kademlia;
using PeopleSwarm.Dht.Messages;
using PeopleSwarm.Testing;

namespace PeopleSwarm.Dht.Rpc;

public class ReplierTests
{
    private static readonly SocketId s_server = new(0), s_client = new(1);

    [Fact]
    public void B8_replies_are_shaped_as_in_the_vectors()
    {
        var section = RpcVectors.Section("responses");
        var table = section.GetProperty("table").EnumerateArray().Select(n => new KnownNode(NodeId.Parse(n.Text("id")), n.Address())).ToArray();
        int checkedVectors = 0;
        foreach (var vector in section.GetProperty("vectors").EnumerateArray())
        {
            var identity = new LocalIdentity(new(s_server, 40001, s_client), new(NodeId.Parse(vector.Text("local_id"))), firewalled: false)
            {
                IsEphemeral = !vector.GetProperty("node_persistent").GetBoolean(),
            };
            foreach (var node in table) identity.Table.TryAdd(node);
            var target = vector.OptionalId("request_target");
            var from = vector.GetProperty("request_from").Address();
            var socket = vector.Text("socket") == "server" ? s_server : s_client;
            var request = new RpcIncoming(socket, (ushort)vector.Int("tid"), from, default, null, false, default, 0, target, null, true, 43);
            var expected = vector.Bytes("hex");
            Assert.True(RpcResponseMessage.TryRead(expected, out var wanted));
            bool isOverlayReply = vector.Text("api") == "reply";
            bool hasOption(string name) => vector.GetProperty("api_options") is { ValueKind: System.Text.Json.JsonValueKind.Object } o && o.TryGetProperty(name, out var v) && v.GetBoolean();
            bool isRefused(string name) => vector.GetProperty("api_options") is { ValueKind: System.Text.Json.JsonValueKind.Object } o && o.TryGetProperty(name, out var v) && !v.GetBoolean();
            var value = vector.OptionalBytes("value");
            var reply = new RpcReply(value is null ? default(ReadOnlyMemory<byte>?) : new ReadOnlyMemory<byte>(value), vector.Int("error"),
                WithToken: isOverlayReply ? !isRefused("token") : hasOption("token"), WithCloserNodes: !isRefused("closerNodes") && wanted.CloserNodes.Count > 0);
            var actual = Reply(identity, request, reply, vector.Bytes("token_secret1"));
            Assert.True(RpcResponseMessage.TryRead(actual, out var made));
            if (target is { } key && wanted.CloserNodes.Count > 0) // D4: ours are the true closest, in order
            {
                var closest = table.OrderBy(n => n.Id, Comparer<NodeId>.Create((a, b) => a.CompareDistance(b, key))).Take(20).Select(n => n.EndPoint).ToArray();
                Assert.Equal(closest, made.CloserNodes.ToArray());
                Assert.Equal(wanted.CloserNodes.Count, closest.Length);
                var buffer = new byte[RpcProtocol.MaxDatagramSize];
                actual = buffer[..made.Write(buffer, wanted.CloserNodes.ToArray())];
            }
            Assert.Equal(Convert.ToHexStringLower(expected), Convert.ToHexStringLower(actual));
            checkedVectors++;
        }
        Assert.Equal(12, checkedVectors);
    }

    [Fact]
    public void B15_a_reply_never_exceeds_2048_bytes_closer_nodes_give_way_first()
    {
        var identity = new LocalIdentity(new(s_server, 40001, s_client), new(default), firewalled: false);
        var ids = new NodeIds(TestCrypto.Suite);
        for (ushort port = 1; port < 100; port++) identity.Table.TryAdd(new(ids.Of(UdpEndPoint.Loopback(port)), UdpEndPoint.Loopback(port)));
        var request = new RpcIncoming(s_server, 1, UdpEndPoint.Loopback(9), default, null, false, default, 3, ids.Of(UdpEndPoint.Loopback(9)), null, false, 2000);
        for (int length = 1800; length <= 2100; length++)
        {
            var datagram = Reply(identity, request, new(new byte[length]), new byte[32]);
            if (length > 2048 - 10 - 32 - 3)
            {
                Assert.Empty(datagram);
                continue;
            }
            Assert.True(RpcResponseMessage.TryRead(datagram, out var message));
            Assert.Equal(length, message.Value.Length);
            Assert.Equal(Math.Clamp((2048 - 10 - 32 - 3 - length - 1) / 6, 0, 20), message.CloserNodes.Count);
        }
    }

    private static byte[] Reply(LocalIdentity identity, in RpcIncoming request, in RpcReply reply, byte[] newerSecret)
    {
        var outbox = new Outbox(1);
        var tokens = new TokenIssuer(TestCrypto.Suite, new SeededRandom(1), default, new byte[32], newerSecret);
        new Replier(identity, tokens, new(0, 1), outbox, new()).Reply(default, request, reply);
        var buffer = new byte[RpcProtocol.MaxDatagramSize];
        return outbox.TryTake(buffer, out var transmit) ? buffer[..transmit.Length] : [];
    }
}
