using PeopleSwarm.Testing;
using PeopleSwarm.Udx.Protocol;

namespace PeopleSwarm.Fuzz;

/// <summary>
/// Everything a seed can think of: streams that write, pause, half-close, migrate and abort on bad links that change, hosts that
/// sleep, are cut off and lose an interface, a clock that jumps, and a stranger who replays what was sent and throws rubbish.
/// </summary>
internal sealed class UdxScenario
{
    private const int MessageSize = 32, LostSocket = 2; // of the interface that may go
    private static readonly TimeSpan s_longestPause = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan s_busy = TimeSpan.FromSeconds(4), s_limit = TimeSpan.FromMinutes(5);
    private static readonly UdpEndPoint s_alice = new(0x05000001, 1000), s_bob = new(0x05000002, 2000), s_stranger = new(0x06000001, 666);
    private static readonly UdpEndPoint[] s_aliceSockets = [s_alice, s_alice.WithPort(1001), new(0x05000003, 1002)];
    private readonly SimulatedNetwork _net;
    private readonly SeededRandom _random;
    private readonly UdxOptions _options;
    private readonly UdxEndpoint _alice, _bob;
    private readonly List<FuzzStream> _streams = [];
    private readonly HashSet<FuzzStream> _aborted = [];
    private readonly List<byte[]> _overheard = [];
    private readonly SimulatedHost _aliceHost, _bobHost;
    private readonly int _maxReorderBytes;
    private bool _hasLostInterface;

    public UdxScenario(long seed)
    {
        _net = new SimulatedNetwork(seed);
        _random = _net.Random.Fork(99);
        _net.Link = RandomLink();
        if (_random.Next(3) == 0) _net.TimerLateness = TimeSpan.FromMilliseconds(20);
        _options = new UdxOptions
        {
            ReceiveWindow = 64 * 1024 << _random.Next(4),
            MaxReorderBytes = 64 * 1024 << _random.Next(5),
            CongestionControl = _random.Next(2) == 0 ? CongestionControl.Bbr : CongestionControl.NewReno,
            // Tries enough that bad luck alone ends no stream, so that each one that gives up is a defect; and signs of life, without
            // which a peer whose last packets are lost is waited for in vain.
            KeepAlive = TimeSpan.FromSeconds(1 + _random.Next(5)),
            MaxRto = TimeSpan.FromSeconds(4),
            MaxTimeouts = 20,
            IdleTimeout = TimeSpan.FromMinutes(1),
            TimeWait = TimeSpan.FromMinutes(2),
        };
        _maxReorderBytes = Math.Max(_options.MaxReorderBytes, _options.ReceiveWindow);
        _alice = new UdxEndpoint(_options, _net.Random.Fork(1));
        _bob = new UdxEndpoint(_options, _net.Random.Fork(2));
        _aliceHost = _net.AddLoop(s_aliceSockets, _alice).Host;
        _bobHost = _net.AddLoop([s_bob], _bob).Host;
        _net.Tap = Overhear;
        for (uint id = 1; id <= 1 + _random.Next(3); id++) Open(id);
    }

    /// <summary>Whether a stream once had no room for another packet ahead of a gap.</summary>
    public bool HasFilledReorderBuffer { get; private set; }

    public static bool IsOurs(UdpEndPoint address) => address == s_bob || s_aliceSockets.Contains(address);

    public void Run()
    {
        for (int i = 5 + _random.Next(40); i > 0; i--) _net.After(_random.Next(s_busy), Act);
        _net.After(s_busy, FinishAll);
        if (!_net.RunUntil(() => _streams.TrueForAll(s => s.Closed is not null), s_limit))
            throw new InvalidOperationException($"Not every stream ended: {string.Join("; ", _streams)}{Environment.NewLine}{_net.Describe()}");
        foreach (var stream in _streams) CheckEnd(stream);
        Assert.Equal((0, 0), (_alice.StreamCount, _bob.StreamCount));
        _net.RunFor(_options.TimeWait + TimeSpan.FromSeconds(1));
        Assert.True(_alice.NextTimeout is null && _bob.NextTimeout is null, "an endpoint without streams still has deadlines");
    }

    private LinkOptions RandomLink() => new()
    {
        Latency = TimeSpan.FromMilliseconds(_random.Next(120)),
        Jitter = TimeSpan.FromMilliseconds(_random.Next(30)),
        LossRate = _random.Next(3) == 0 ? 0 : _random.NextDouble() * 0.12,
        BurstLoss = _random.Next(4) == 0 ? new BurstLoss(0.02, 0.6) : null,
        ReorderRate = _random.Next(2) == 0 ? 0 : _random.NextDouble() * 0.2,
        ReorderDelay = TimeSpan.FromMilliseconds(1 + _random.Next(80)),
        DuplicateRate = _random.Next(2) == 0 ? 0 : _random.NextDouble() * 0.2,
        BytesPerSecond = _random.Next(3) == 0 ? 100_000 + _random.Next(1_000_000) : null,
        QueueBytes = 16_000 + _random.Next(100_000),
        Mtu = 1250 + _random.Next(300),
    };

    private void Open(uint id)
    {
        var alice = new FuzzStream(_alice, id, (int)id);
        var bob = new FuzzStream(_bob, id + 100, (int)id + 100);
        (alice.Peer, bob.Peer) = (bob, alice);
        alice.Machine.Connect(_net.Now, new SocketId(0), id + 100, s_bob);
        bob.Machine.Connect(_net.Now, new SocketId(0), id, s_alice);
        _streams.AddRange([alice, bob]);
    }

    private void Act()
    {
        var stream = _streams[_random.Next(_streams.Count)];
        switch (_random.Next(18))
        {
            case 0:
                stream.EndWriting(_net.Now);
                break;
            case 1 when _random.Next(4) == 0 && stream.Closed is null:
                _aborted.Add(stream);
                stream.Machine.Abort(_net.Now, StreamCloseReason.LocalAbort, null);
                break;
            case 2:
                stream.SetReading(_net.Now, !stream.IsReading);
                break;
            case 3 or 4:
                Migrate(stream, _random.Next(s_aliceSockets.Length));
                break;
            case 5:
                byte[] message = new byte[1 + _random.Next(MessageSize)];
                message[0] = (byte)stream.Machine.LocalId;
                stream.Machine.TrySendMessage(_net.Now, message);
                break;
            case 6 or 7 or 8:
                Disturb();
                break;
            case 9:
                Interrupt();
                break;
            case 10 when _random.Next(3) == 0:
                stream.Write(_net.Now, 200_000 + _random.Next(400_000));
                break;
            case 10:
                _net.Link = RandomLink() with { Mtu = _net.Link.Mtu }; // a numbered packet keeps its size, so a path that narrows swallows it for good
                break;
            default:
                stream.Write(_net.Now, 1 + _random.Next(_random.Next(5) == 0 ? 60_000 : 3_000));
                break;
        }
    }

    private void Migrate(FuzzStream stream, int socket)
    {
        var alice = stream.Endpoint == _alice ? stream : stream.Peer;
        socket = StillThere(socket);
        if (alice.Closed is null) alice.Machine.ChangeRemote(_net.Now, new SocketId(socket), alice.Machine.RemoteId, s_bob);
        _net.After(_random.Next(TimeSpan.FromMilliseconds(300)), () =>
        {
            var bob = alice.Peer;
            if (bob.Closed is null) bob.Machine.ChangeRemote(_net.Now, new SocketId(0), bob.Machine.RemoteId, s_aliceSockets[StillThere(socket)]);
        });
    }

    private int StillThere(int socket) => _hasLostInterface && socket == LostSocket ? 0 : socket;

    /// <summary>What happens to laptops: never so long that a stream may give up.</summary>
    private void Interrupt()
    {
        var host = _random.Next(2) == 0 ? _aliceHost : _bobHost;
        var pause = _random.Next(s_longestPause);
        switch (_random.Next(4))
        {
            case 0:
                host.Sleep();
                _net.After(pause, host.WakeUp);
                break;
            case 1:
                host.Disconnect();
                _net.After(pause, host.Reconnect);
                break;
            case 2:
                _net.Jump(pause);
                break;
            case 3 when !_hasLostInterface:
                _hasLostInterface = true;
                _aliceHost.RemoveAddress(s_aliceSockets[LostSocket]);
                foreach (var stream in _streams)
                    if (stream.Endpoint == _alice) Migrate(stream, stream.Machine.Remote.Socket.Value); // whichever end was still on it
                break;
        }
    }

    // A probe repeated past a link that is too narrow for it would prove a packet size that the link does not carry.
    private void Overhear(UdpEndPoint from, UdpEndPoint to, ReadOnlySpan<byte> datagram)
    {
        CheckReorderBuffers();
        if (datagram.Length + LinkOptions.HeaderSize > _options.BaseMtu) return;
        if (_overheard.Count < 200) _overheard.Add(datagram.ToArray());
        else if (_random.Next(10) == 0) _overheard[_random.Next(200)] = datagram.ToArray();
    }

    private void CheckReorderBuffers()
    {
        foreach (var stream in _streams)
        {
            int bytes = stream.Machine.ReorderBytes;
            Assert.True(bytes <= _maxReorderBytes, $"{bytes} bytes ahead of a gap where {_maxReorderBytes} are allowed");
            HasFilledReorderBuffer |= bytes + BlockPool.BlockSize > _maxReorderBytes;
        }
    }

    // What a stranger off the path can do: repeat what was sent once, and send what fits nothing.
    private void Disturb()
    {
        for (int i = _random.Next(10); i > 0; i--)
        {
            byte[] packet = _overheard.Count > 0 && _random.Next(2) == 0 ? _overheard[_random.Next(_overheard.Count)] : Rubbish();
            _net.Inject(s_stranger, _random.Next(2) == 0 ? s_bob : s_aliceSockets[_random.Next(s_aliceSockets.Length)], packet);
        }
    }

    private byte[] Rubbish()
    {
        byte[] packet = new byte[_random.Next(200)];
        _random.Fill(packet);
        if (packet.Length < UdxHeader.Size) return packet;
        (packet[0], packet[1]) = (0xFF, 1);
        if (_random.Next(2) == 0)
        {
            // For a living stream: something it can only ignore.
            BitConverter.TryWriteBytes(packet.AsSpan(4), _streams[_random.Next(_streams.Count)].Machine.LocalId);
            packet[2] = (byte)(_random.Next(2) == 0 ? PacketTypes.Destroy : PacketTypes.Heartbeat);
            BitConverter.TryWriteBytes(packet.AsSpan(12), _random.NextUInt32() | 0x4000_0000);
            BitConverter.TryWriteBytes(packet.AsSpan(16), 0u);
        }
        return packet;
    }

    private void FinishAll()
    {
        foreach (var stream in _streams)
        {
            stream.SetReading(_net.Now, true);
            stream.EndWriting(_net.Now);
        }
    }

    private void CheckEnd(FuzzStream stream)
    {
        Assert.True(stream.MaxUnread <= _options.ReceiveWindow + 66 * 1024, $"{stream.MaxUnread} unread bytes in a window of {_options.ReceiveWindow}");
        if (_aborted.Contains(stream) || _aborted.Contains(stream.Peer)) return;
        if (stream.Closed!.Value.Reason != StreamCloseReason.Completed || !stream.GotEverything)
            throw new InvalidOperationException($"{stream}{Environment.NewLine}{_net.Describe()}");
    }
}
