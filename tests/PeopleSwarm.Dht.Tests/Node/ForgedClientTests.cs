using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using PeopleSwarm.Dht.Messages;
using PeopleSwarm.Dht.TestKit;

namespace PeopleSwarm.Dht.Node;

/// <summary>Clients whose first message is in order, so that they are dialled at once, and who then say nothing: their address may be anybody's.</summary>
public class ForgedClientTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Streams_to_clients_that_were_never_heard_are_as_few_as_handshakes()
    {
        const int limit = 16, clients = 100;
        await using var nodes = await LoopbackNodes.StartAsync(2, Cancel);
        await using var listener = await nodes.Nodes[1].ListenAsync(PeerKit.Key(2), new() { MaxHandshakes = limit }, Cancel);
        using var victim = new Victim(nodes.Nodes[1]);
        for (int i = 0; i < clients; i++) await victim.ShakeHandsAsync((byte)i);
        await victim.ReceiveAsync(TimeSpan.FromSeconds(3), until: () => victim.Ended >= clients - limit);
        Assert.Equal(clients - limit, victim.Ended);
    }

    [Fact]
    public async Task The_answer_and_the_stream_to_a_client_that_was_never_heard_are_at_most_three_times_its_message()
    {
        await using var nodes = await LoopbackNodes.StartAsync(5, Cancel);
        await using var listener = await nodes.Nodes[1].ListenAsync(PeerKit.Key(2), cancellationToken: Cancel);
        using var victim = new Victim(nodes.Nodes[1]);
        long asked = await victim.ShakeHandsAsync(1);
        await victim.ReceiveAsync(TimeSpan.FromSeconds(12), until: () => victim.Ended == 1);
        Assert.Equal(1, victim.Ended);
        Assert.True(victim.Bytes <= 3 * asked, $"{victim.Bytes} bytes came for {asked}.");
    }

    /// <summary>A socket in whose name handshakes are sent, and what comes to it.</summary>
    private sealed class Victim(DhtNode server) : IDisposable
    {
        private const int TypesOffset = 2, StreamIdOffset = 4, Destroy = 0x10; // spec udx, 3
        private static readonly PublicKey s_serverKey = PeerKit.Key(2).PublicKey;
        private readonly UdpClient _socket = new(new IPEndPoint(IPAddress.Loopback, 0));
        private readonly HashSet<uint> _ended = [];

        public int Ended => _ended.Count;

        public long Bytes { get; private set; }

        /// <summary>Sends the first message of a client; returns its size.</summary>
        public async Task<long> ShakeHandsAsync(byte client)
        {
            var handshake = new TestClient(PeerKit.Key(client), s_serverKey, new() { Udx = new(1000u + client), SecretStreamVersion = 1 });
            var message = new RpcRequestMessage
            {
                Tid = client,
                To = server.Status.LocalEndPoint,
                Command = PeerCommand.PeerHandshake,
                Target = PeerKit.Target(PeerKit.Key(2)),
                HasValue = true,
                Value = handshake.Value(RoutingMode.FromClient),
            };
            var datagram = new byte[message.Size];
            message.Write(datagram);
            return await _socket.SendAsync(datagram, new IPEndPoint(IPAddress.Loopback, server.Status.LocalEndPoint.Port), Cancel);
        }

        public async Task ReceiveAsync(TimeSpan limit, Func<bool> until)
        {
            using var over = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
            over.CancelAfter(limit);
            try
            {
                while (!until()) Take((await _socket.ReceiveAsync(over.Token)).Buffer);
            }
            catch (OperationCanceledException) when (!Cancel.IsCancellationRequested)
            {
                return; // what came until then counts
            }
        }

        public void Dispose() => _socket.Dispose();

        private void Take(byte[] datagram)
        {
            Bytes += datagram.Length;
            if (datagram[0] == 0xFF && (datagram[TypesOffset] & Destroy) != 0) _ended.Add(BinaryPrimitives.ReadUInt32LittleEndian(datagram.AsSpan(StreamIdOffset)));
        }
    }
}
