using BenchmarkDotNet.Attributes;
using Microsoft.Extensions.DependencyInjection;
using PeopleSwarm.Dht;
using PeopleSwarm.Dht.Connect;
using PeopleSwarm.Dht.Kademlia;
using PeopleSwarm.Dht.Messages;
using PeopleSwarm.Dht.Rpc;

namespace PeopleSwarm.Benchmarks.Dht;

/// <summary>What a persistent node does for others: a request in, the answer out, without a network.</summary>
[MemoryDiagnoser]
public class NodeBenchmarks
{
    private const int Nodes = 2000, Records = 20;
    private static readonly UdpEndPoint s_own = UdpEndPoint.Parse("5.0.0.1:49737"), s_asker = UdpEndPoint.Parse("5.0.0.2:40000");

    private readonly SystemRandomSource _random = new();
    private readonly byte[] _buffer = new byte[2048], _issued = new byte[32];
    private readonly KnownNode[] _closest = new KnownNode[KBucket.Size];
    private readonly NodeId _topic = new(new byte[32]);
    private Timestamp _now = new(1_000_000);
    private ServiceProvider _services = null!;
    private RpcMachine _machine = null!;
    private TokenIssuer _tokens = null!;
    private byte[] _findNode = null!, _lookup = null!;

    [GlobalSetup]
    public void Setup()
    {
        _services = new ServiceCollection().AddNoise().BuildServiceProvider();
        var crypto = _services.GetRequiredService<ICryptoSuite>();
        RpcSettings settings = new() { Ephemeral = EphemeralMode.Never, Firewalled = false, KnownEndPoint = s_own, UnprovedBytesPerSecond = 0 };
        _machine = new(_now, settings, new(new SocketId(1), s_own.Port, new SocketId(2)), crypto, _random);
        PeerNamespaces namespaces = new(crypto);
        PeerDht peers = new(new PeerContext
        {
            Engine = _machine,
            Crypto = crypto,
            Handshakes = _services.GetRequiredService<IHandshakeFactory>(),
            Random = _random,
            Options = new(),
            CreateStream = _ => throw new InvalidOperationException("Nobody connects here."),
            LocalAddresses = () => [],
            Now = () => _now,
            UnixMilliseconds = () => 0,
            Namespaces = namespaces,
        });
        _machine.Handler = peers;
        _machine.Start(_now);
        for (int turns = 0; _machine.Id is null && turns < 1000; turns++) TakeTurn();
        FillTable();
        _tokens = new(crypto, _random);
        _tokens.Issue(_now, s_asker, _issued);
        Announce(crypto, namespaces);
        if (peers.Storage.RecordCount != Records) throw new InvalidOperationException($"{peers.Storage.RecordCount} records were taken instead of {Records}.");
        _findNode = Request(RpcCommands.FindNode, isInternal: true);
        _lookup = Request(PeerCommand.Lookup, isInternal: false);
    }

    [GlobalCleanup]
    public void Cleanup() => _services.Dispose();

    [Benchmark]
    public int FindNode() => Serve(_findNode);

    [Benchmark]
    public int Lookup() => Serve(_lookup);

    [Benchmark]
    public int Closest() => _machine.Table.Closest(_topic, _closest);

    [Benchmark]
    public byte IssueToken()
    {
        _tokens.Issue(_now, s_asker, _buffer.AsSpan(0, 32));
        return _buffer[0];
    }

    [Benchmark]
    public bool VerifyToken() => _tokens.Verify(_now, s_asker, _issued);

    private int Serve(byte[] request)
    {
        _machine.Receive(_now, request, new(s_asker, new SocketId(1)));
        return _machine.PollTransmit(_now, _buffer, out var transmit) ? transmit.Length : throw new InvalidOperationException("There was no answer.");
    }

    private void TakeTurn()
    {
        while (_machine.PollTransmit(_now, _buffer, out _)) { }
        if (_machine.NextTimeout is not { } due) return;
        if (due > _now) _now = due;
        _machine.HandleTimeout(_now);
    }

    private void FillTable()
    {
        byte[] id = new byte[NodeId.Size];
        for (int i = 0; i < Nodes; i++)
        {
            _random.Fill(id);
            _machine.Table.TryAdd(new KnownNode(new(id), new((uint)(0x0600_0000 + i), 1000)));
        }
    }

    private void Announce(ICryptoSuite crypto, PeerNamespaces namespaces)
    {
        AnnounceSigner signer = new(crypto, namespaces);
        var own = _machine.Id ?? throw new InvalidOperationException("The node has no id.");
        Serve(Request(PeerCommand.Lookup, isInternal: false));
        RpcResponseMessage.TryRead(_buffer, out var response);
        byte[] token = response.Token.ToArray();
        for (byte seed = 1; seed <= Records; seed++)
        {
            var keyPair = crypto.CreateKeyPair(Enumerable.Repeat(seed, 32).ToArray());
            byte[] value = signer.SignAnnounce(keyPair, _topic, own, token, new(keyPair.PublicKey, [s_asker]));
            Serve(Request(PeerCommand.Announce, isInternal: false, token, value));
        }
    }

    private byte[] Request(int command, bool isInternal, byte[]? token = null, byte[]? value = null)
    {
        RpcRequestMessage message = new()
        {
            Tid = 7,
            To = s_own,
            Token = token,
            IsInternal = isInternal,
            Command = command,
            Target = _topic,
            HasValue = value is not null,
            Value = value,
        };
        byte[] bytes = new byte[message.Size];
        message.Write(bytes);
        return bytes;
    }
}
