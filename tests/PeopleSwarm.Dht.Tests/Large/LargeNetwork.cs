using Microsoft.Extensions.DependencyInjection;
using PeopleSwarm.Dht.Announcing;
using PeopleSwarm.Dht.Connect;
using PeopleSwarm.Dht.Messages;
using PeopleSwarm.Dht.Rpc;
using PeopleSwarm.Testing;

namespace PeopleSwarm.Dht.Large;

/// <summary>
/// A DHT of very many nodes on the simulated internet: real machines, each on a host in a network of its own. Some announce themselves
/// on topics and renew that as swarms do; others look them up.
/// </summary>
internal sealed class LargeNetwork
{
    private const ushort ServerPort = 49737, ClientPort = 50000;
    private const int Bootstrappers = 3;
    private static readonly ServiceProvider s_noise = new ServiceCollection().AddNoise().BuildServiceProvider();
    private static readonly RememberingCrypto s_crypto = new(s_noise.GetRequiredService<ICryptoSuite>());
    private static readonly IHandshakeFactory s_handshakes = s_noise.GetRequiredService<IHandshakeFactory>();
    private static readonly PeerNamespaces s_namespaces = new(s_crypto);
    private static readonly PeerDhtOptions s_options = new();
    private static readonly TimeSpan s_renewal = TimeSpan.FromMinutes(10);

    private readonly List<LargeNode> _nodes = [];
    private readonly List<Announcement> _announcements = [];
    private readonly SeededRandom _random;
    private int _added, _keys;
    private bool _isCut;

    public LargeNetwork(long seed)
    {
        Network = new(seed) { Latency = TimeSpan.FromMilliseconds(25) };
        Network.Trace.Capacity = 0;
        _random = Network.Random.Fork(1);
    }

    /// <summary>There and back.</summary>
    public static TimeSpan RoundTrip => TimeSpan.FromMilliseconds(50);

    public SimulatedNetwork Network { get; }

    public IReadOnlyList<LargeNode> Nodes => _nodes;

    /// <summary>Look-ups that are over.</summary>
    public List<LookUp> LookUps { get; } = [];

    /// <summary>Adds nodes until there are so many, 20 a second.</summary>
    public void Grow(int count)
    {
        while (_nodes.Count < count)
        {
            AddNode();
            Network.RunFor(TimeSpan.FromMilliseconds(50));
        }
    }

    /// <summary>A node goes without a word, and a new one comes.</summary>
    public void ReplaceOne()
    {
        int index = Bootstrappers + _random.Next(_nodes.Count - Bootstrappers);
        var leaving = _nodes[index];
        _nodes[index] = _nodes[^1];
        _nodes.RemoveAt(_nodes.Count - 1);
        leaving.Leave();
        var lost = _announcements.FindAll(a => a.Node == leaving);
        _announcements.RemoveAll(a => a.Node == leaving);
        AddNode();
        foreach (var _ in lost) Announce();
    }

    /// <summary>Any node announces a key of its own on a topic of its own, and renews that from now on.</summary>
    public void Announce()
    {
        var seed = new byte[32];
        _random.Fill(seed);
        BitConverter.TryWriteBytes(seed, ++_keys);
        var announcement = new Announcement(Any(), s_crypto.CreateKeyPair(seed), new(seed));
        _announcements.Add(announcement);
        Renew(announcement);
    }

    /// <summary>Any node looks any live announcement up; nothing if there is none yet that it could find.</summary>
    public void LookUpOne()
    {
        var node = Any();
        var live = _announcements.FindAll(a => a.IsLive && (!_isCut || a.Node.IsLeft == node.IsLeft));
        if (live.Count == 0) return;
        var lookUp = new LookUp(live[_random.Next(live.Count)], Network.Now, LookUps.Add);
        node.Machine.StartQuery(Network.Now, new(lookUp.Announcement.Topic, PeerCommand.Lookup), lookUp);
    }

    /// <summary>Lets time pass with look-ups, renewals and replacements spread over it.</summary>
    public void Live(TimeSpan duration, double lookUpsPerSecond, int replacements = 0)
    {
        int steps = (int)duration.TotalSeconds, replaced = 0;
        double due = 0;
        for (int i = 1; i <= steps; i++)
        {
            for (; replaced < (long)replacements * i / steps; replaced++) ReplaceOne();
            foreach (var announcement in _announcements)
                if (Network.Now - announcement.RenewedAt >= s_renewal) Renew(announcement);
            for (due += lookUpsPerSecond; due >= 1; due--) LookUpOne();
            Network.RunFor(TimeSpan.FromSeconds(1));
        }
    }

    /// <summary>Halves the network.</summary>
    public void Cut()
    {
        foreach (var node in _nodes) node.IsLeft = _random.Chance(0.5);
        Network.Partition(_nodes.Where(n => n.IsLeft).Select(n => n.Loop.Host), _nodes.Where(n => !n.IsLeft).Select(n => n.Loop.Host));
        _isCut = true;
    }

    public void Heal()
    {
        Network.Heal();
        _isCut = false;
    }

    private LargeNode Any() => _nodes[_random.Next(_nodes.Count)];

    private void Renew(Announcement announcement)
    {
        announcement.RenewedAt = Network.Now;
        var node = announcement.Node;
        var change = new TopicChange(announcement.KeyPair, new(announcement.KeyPair.PublicKey, [node.Address]), Bump: 0, Withdraw: false);
        new TopicQuery(node.Machine, node.Dht.Signer, change, announcement.Topic, announcement)
            .Start(Network.Now, new(announcement.Topic, PeerCommand.Lookup));
        node.Loop.Wake();
    }

    private void AddNode()
    {
        int number = ++_added;
        UdpEndPoint address = new((uint)((5 + (number >> 16) << 24) | (number & 0xffff) << 8 | 1), ServerPort); // a /24 each
        var random = Network.Random.Fork(1000 + number);
        var settings = new RpcSettings
        {
            Ephemeral = EphemeralMode.Never,
            Firewalled = false,
            KnownEndPoint = address,
            Bootstrap = [.. _nodes.Take(Bootstrappers).Select(n => BootstrapEntry.At(n.Address))],
        };
        var machine = new RpcMachine(Network.Now, settings, new(new(0), ServerPort, new(1)), s_crypto, random);
        var dht = new PeerDht(new PeerContext
        {
            Engine = machine,
            Crypto = s_crypto,
            Handshakes = s_handshakes,
            Random = random,
            Options = s_options,
            CreateStream = static _ => throw new NotSupportedException("Nobody is dialled here."),
            LocalAddresses = static () => [],
            Now = () => Network.Now,
            UnixMilliseconds = () => Network.Now.Microseconds / 1000,
            Namespaces = s_namespaces,
        });
        machine.Handler = dht;
        var loop = Network.AddLoop([address, address.WithPort(ClientPort)], machine, dht);
        _nodes.Add(new(address, machine, dht, loop));
        machine.Start(Network.Now);
        loop.Wake();
    }
}

/// <summary>A node of the large network.</summary>
internal sealed record LargeNode(UdpEndPoint Address, RpcMachine Machine, PeerDht Dht, SimulatedLoop Loop)
{
    /// <summary>The half it is in while the network is cut.</summary>
    public bool IsLeft { get; set; }

    public void Leave() => Loop.DisposeAsync().AsTask().GetAwaiter().GetResult(); // a simulated loop ends at once
}

/// <summary>A key on a topic; live once a node has taken it, for as long as its announcer lives.</summary>
internal sealed class Announcement(LargeNode node, KeyPair keyPair, NodeId topic) : IRpcQueryObserver
{
    public LargeNode Node => node;
    public KeyPair KeyPair => keyPair;
    public NodeId Topic => topic;
    public Timestamp RenewedAt { get; set; }
    public bool IsLive { get; private set; }

    public void OnReply(Timestamp now, RpcResponse reply)
    {
        // Who else is on the topic does not matter.
    }

    public void OnFinished(Timestamp now, RpcQueryOutcome outcome) => IsLive |= outcome.Committed > 0;
}

/// <summary>A search for an announcement.</summary>
internal sealed class LookUp(Announcement announcement, Timestamp started, Action<LookUp> over) : IRpcQueryObserver
{
    public Announcement Announcement => announcement;

    /// <summary>When the first answer listed the key, after the start; null for never.</summary>
    public TimeSpan? FoundAfter { get; private set; }

    /// <summary>Answers and requests without one.</summary>
    public int Requests { get; private set; }

    public Timestamp Started => started;

    public void OnReply(Timestamp now, RpcResponse reply)
    {
        if (FoundAfter is not null || reply.Value is not { } value || !LookupReplyCodec.TryRead(value.Span, out var peers, out _)) return;
        if (Array.Exists(peers, p => p.PublicKey == announcement.KeyPair.PublicKey)) FoundAfter = now - started;
    }

    public void OnFinished(Timestamp now, RpcQueryOutcome outcome)
    {
        Requests = outcome.Successes + outcome.Errors;
        over(this);
    }
}
