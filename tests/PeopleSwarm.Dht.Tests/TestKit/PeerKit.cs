using Microsoft.Extensions.DependencyInjection;
using PeopleSwarm.Dht.Connect;
using PeopleSwarm.Dht.HolePunch;
using PeopleSwarm.Dht.Messages;
using PeopleSwarm.Dht.Rpc;
using PeopleSwarm.Testing;

namespace PeopleSwarm.Dht.TestKit;

/// <summary>One node's peer layer on a fake engine, with fake streams and a clock the test moves.</summary>
internal sealed class PeerKit
{
    private static readonly ServiceProvider s_noise = new ServiceCollection().AddNoise().BuildServiceProvider();

    /// <param name="seed">Of all chance.</param>
    /// <param name="options">Default if null.</param>
    /// <param name="punches">Whether the node can punch; its sockets are <see cref="PunchSockets"/>.</param>
    /// <param name="relays">What asks relays; null for a node without.</param>
    public PeerKit(int seed = 1, PeerDhtOptions? options = null, bool punches = false, IRelayDialler? relays = null)
    {
        Options = options ?? new();
        Punching = new(PunchSockets, new SeededRandom(seed), Options.RandomPunchInterval);
        Context = new()
        {
            Engine = Engine,
            Crypto = Crypto,
            Handshakes = Handshakes,
            Random = new SeededRandom(seed),
            Options = Options,
            Namespaces = Namespaces,
            CreateStream = CreateStream,
            LocalAddresses = () => LocalAddresses,
            Now = () => Now,
            UnixMilliseconds = () => UnixMilliseconds,
            Punching = punches ? Punching : null,
            Routes = new ReusableRoutes(Options.MaxReusableSockets, Options.ReusableSocketLinger, () => Now),
            Relays = relays,
        };
        Dht = new(Context);
    }

    public static ICryptoSuite Crypto { get; } = s_noise.GetRequiredService<ICryptoSuite>();
    public static IHandshakeFactory Handshakes { get; } = s_noise.GetRequiredService<IHandshakeFactory>();
    public static PeerNamespaces Namespaces { get; } = new(Crypto);
    public static byte[] Token { get; } = Enumerable.Repeat((byte)0x77, 32).ToArray();

    public FakeEngine Engine { get; } = new();
    public PeerDhtOptions Options { get; }
    public FakePunchSockets PunchSockets { get; } = new(firstId: 100);
    public PunchMachine Punching { get; }
    public PeerContext Context { get; }
    public PeerDht Dht { get; }
    public Timestamp Now { get; set; } = new(1_000_000);
    public long UnixMilliseconds { get; set; } = 1_700_000_000_000;
    public IReadOnlyList<UdpEndPoint> LocalAddresses { get; set; } = [];
    public List<FakeStream> Streams { get; } = [];

    private readonly List<SentProbe> _probes = [];

    public static UdpEndPoint At(string text) => UdpEndPoint.Parse(text);

    /// <summary>The key pair of a seed of equal bytes.</summary>
    public static KeyPair Key(byte seed) => Crypto.CreateKeyPair(Enumerable.Repeat(seed, 32).ToArray());

    public static NodeId Target(KeyPair keyPair) => PeerTarget.Of(Crypto, keyPair.PublicKey);

    public static NodeId IdOf(UdpEndPoint address)
    {
        var bytes = new byte[AddressArray.ItemSize];
        AddressArray.Write(bytes, address);
        var id = new byte[32];
        Crypto.Hash(bytes, id);
        return new(id);
    }

    public static RpcResponse Response(UdpEndPoint from, byte[]? value = null, int error = 0, NodeId? id = null, UdpEndPoint? to = null,
        byte[]? token = null, SocketId? socket = null) =>
        new(1, socket ?? FakeEngine.Client, from, id ?? IdOf(from), to ?? At("5.9.9.9:999"), token ?? Token, [], error, value is null ? default(ReadOnlyMemory<byte>?) : value, TimeSpan.FromMilliseconds(10));

    /// <summary>The value of a MUTABLE_PUT.</summary>
    public static byte[] SignMutable(KeyPair keyPair, ReadOnlySpan<byte> value, long seq)
    {
        Span<byte> signable = stackalloc byte[MutableSigner.SignableSize], signature = stackalloc byte[MutableRecordMessage.SignatureSize];
        new MutableSigner(Crypto, Namespaces).WriteSignable(signable, seq, value);
        Crypto.Sign(keyPair, signable, signature);
        return new MutablePutMessage { PublicKey = keyPair.PublicKey, Record = new() { Seq = seq, Value = value, Signature = signature } }.Encode();
    }

    /// <summary>A request as the engine hands it over.</summary>
    public static RpcIncoming Incoming(UdpEndPoint from, int command, NodeId? target, byte[]? value = null, bool token = false, ushort tid = 7,
        UdpEndPoint? to = null, SocketId? socket = null) =>
        new(socket ?? FakeEngine.Client, tid, from, to ?? At("5.9.9.9:999"), null, token, token ? Token : default(ReadOnlyMemory<byte>), command, target, value is null ? default(ReadOnlyMemory<byte>?) : value, false);

    /// <summary>Lets time pass, with every deadline kept.</summary>
    public void Advance(TimeSpan time)
    {
        var end = Now + time;
        SendProbes();
        while (Timestamp.Earliest(Dht.NextTimeout, Punching.NextTimeout) is { } due && due <= end)
        {
            if (due > Now) Now = due;
            Dht.HandleTimeout(Now);
            Punching.HandleTimeout(Now);
            SendProbes();
        }
        Now = end;
    }

    /// <summary>Probes sent since the last call, with those that wait.</summary>
    public List<SentProbe> TakeProbes()
    {
        SendProbes();
        var taken = _probes.ToList();
        _probes.Clear();
        return taken;
    }

    private void SendProbes()
    {
        Span<byte> buffer = stackalloc byte[16];
        while (Punching.PollTransmit(Now, buffer, out var transmit)) _probes.Add(new(Now, transmit.To, transmit.Socket, transmit.Ttl));
    }

    public void Advance(double seconds) => Advance(TimeSpan.FromSeconds(seconds));

    public bool Handle(RpcIncoming request) => Dht.TryHandle(Now, request);

    private FakeStream CreateStream(ReliableStreamOptions options)
    {
        var stream = new FakeStream(options.LocalId ?? Context.Random.NextUInt32(), options);
        Streams.Add(stream);
        return stream;
    }
}

/// <summary>One byte that left through a punch socket.</summary>
internal sealed record SentProbe(Timestamp At, UdpEndPoint To, SocketId Socket, byte Ttl);
