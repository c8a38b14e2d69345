using PeopleSwarm.Dht;
using PeopleSwarm.Dht.Messages;
using PeopleSwarm.Dht.Rpc;
using PeopleSwarm.Testing;

namespace PeopleSwarm.Fuzz;

/// <summary>A node that stores, forwards and listens, under requests that are well formed outside and anything inside.</summary>
public class DhtNodeFuzzTests
{
    private const int Requests = 500, Strangers = 8, MaxDatagram = 2048;

    private static readonly IReadOnlyList<byte[]> s_values = Corpus.Where(b =>
        PeerHandshakeMessage.TryRead(b, out _) || PeerHolepunchMessage.TryRead(b, out _) || AnnounceMessage.TryRead(b, out _) || MutablePutMessage.TryRead(b, out _));

    [Fact]
    public void A_listening_node_takes_any_request() => FuzzRun.Seeds(4, seed => new Attack(seed).Run(), Requests);

    private sealed class Attack
    {
        private static readonly AnnounceSigner s_signer = new(NoiseKit.Crypto, new PeerNamespaces(NoiseKit.Crypto));
        private static readonly PeerNamespaces s_namespaces = new(NoiseKit.Crypto);

        private readonly SimulatedNetwork _net;
        private readonly SeededRandom _random;
        private readonly DhtLab.Node _node;
        private readonly KeyPair _server = NoiseKit.Key(2), _client = NoiseKit.Key(1);
        private readonly NodeId _target;
        private readonly PeerServer _listener;
        private readonly Dictionary<UdpEndPoint, byte[]> _tokens = [];
        private int _answers;

        public Attack(long seed)
        {
            _net = new SimulatedNetwork(seed) { Tap = OnSent };
            _random = _net.Random.Fork(5);
            _node = DhtLab.AddNode(_net, 0);
            _target = PeerTarget.Of(NoiseKit.Crypto, _server.PublicKey);
            _listener = _node.Dht.Listen(_net.Now, _server, new(), null, _ => { })!;
            _net.RunFor(TimeSpan.FromSeconds(1));
        }

        public void Run()
        {
            for (int i = 0; i < Requests; i++)
            {
                _net.Inject(Stranger(), _node.Address, Next());
                _net.RunFor(_random.Next(TimeSpan.FromMilliseconds(40)));
            }
            _net.RunFor(TimeSpan.FromSeconds(30));
            Assert.InRange(_listener.Acceptor.SessionCount, 0, 0); // nobody proved anything, so nothing is left
            _answers = 0;
            _net.Inject(new(0x09090909, 9), _node.Address, Request(new() { Tid = 1, To = _node.Address, IsInternal = true, Command = RpcCommands.Ping }));
            _net.RunFor(TimeSpan.FromSeconds(1));
            Assert.True(_answers > 0, "the node answers no ping any more");
        }

        private UdpEndPoint Stranger() => new(0x07000001u + ((uint)_random.Next(Strangers) << 8), 4000);

        private byte[] Next()
        {
            var from = Stranger();
            byte[] id = new byte[NodeId.Size], value = Value(from), token = _tokens.GetValueOrDefault(from) ?? id;
            _random.Fill(id);
            byte[] request = Request(new()
            {
                Tid = (ushort)_random.Next(65_536),
                To = _random.Next(4) == 0 ? new(_random.NextUInt32(), (ushort)_random.Next(65_536)) : _node.Address,
                Id = _random.Next(4) == 0 ? new NodeId(id) : null,
                Token = _random.Next(3) == 0 ? default : token,
                IsInternal = _random.Next(6) == 0,
                Command = _random.Next(8) == 0 ? _random.Next(1000) : _random.Next(12),
                Target = _random.Next(8) == 0 ? null : _random.Next(2) == 0 ? _target : new NodeId(id),
                HasValue = _random.Next(10) != 0,
                Value = value,
            });
            return _random.Next(10) == 0 ? Mutator.Next(_random, [request]) : request;
        }

        private byte[] Value(UdpEndPoint from)
        {
            byte[] value = _random.Next(3) switch
            {
                0 => Mutator.Next(_random, s_values),
                1 => Handshake(),
                _ => Announcement(from),
            };
            if (_random.Next(3) == 0) value = Mutator.Next(_random, [value]);
            return value.Length > 1200 ? value[..1200] : value;
        }

        /// <summary>The first message of somebody who knows the listener's key and says anything under it.</summary>
        private byte[] Handshake()
        {
            using var handshake = NoiseKit.Handshakes.Create(HandshakePattern.IK, HandshakeRole.Initiator, _client, _server.PublicKey, s_namespaces.PeerHandshake);
            byte[] plain = new NoisePayload { Udx = new(4711), SecretStreamVersion = 1, Addresses4 = [Stranger()] }.Encode();
            if (_random.Next(2) == 0) plain = Mutator.Next(_random, [plain]);
            if (plain.Length > 800) plain = plain[..800];
            byte[] noise = new byte[plain.Length + handshake.NextMessageOverhead];
            handshake.WriteMessage(plain, noise);
            return new PeerHandshakeMessage((RoutingMode)_random.Next(6), noise, _random.Next(2) == 0 ? Stranger() : null, _random.Next(3) == 0 ? Stranger() : null).Encode();
        }

        private byte[] Announcement(UdpEndPoint from)
        {
            if (_node.Machine.Id is not { } id || !_tokens.TryGetValue(from, out byte[]? token)) return [];
            return _random.Next(4) == 0
                ? s_signer.SignUnannounce(_client, _target, id, token)
                : s_signer.SignAnnounce(_client, _target, id, token, new(_client.PublicKey, [.. Enumerable.Repeat(from, _random.Next(6))]), _random.Next(1000));
        }

        private void OnSent(UdpEndPoint from, UdpEndPoint to, ReadOnlySpan<byte> datagram)
        {
            Assert.NotEqual(0, to.Port);
            Assert.InRange(datagram.Length, 1, MaxDatagram);
            if (!RpcResponseMessage.TryRead(datagram, out var response)) return;
            _answers++;
            if (!response.Token.IsEmpty) _tokens[to] = response.Token.ToArray();
        }

        private static byte[] Request(in RpcRequestMessage message)
        {
            byte[] bytes = new byte[message.Size];
            message.Write(bytes);
            return bytes;
        }
    }
}
