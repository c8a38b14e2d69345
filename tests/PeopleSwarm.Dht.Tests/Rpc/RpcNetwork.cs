using PeopleSwarm.Testing;

namespace PeopleSwarm.Dht.Rpc;

/// <summary>RPC nodes on a simulated internet, one to a host.</summary>
internal sealed class RpcNetwork
{
    public const ushort ServerPort = 49737, ClientPort = 50000;

    private readonly List<RpcNode> _nodes = [];

    public RpcNetwork(long seed)
    {
        Network = new(seed) { Latency = TimeSpan.FromMilliseconds(20), Jitter = TimeSpan.FromMilliseconds(10) };
    }

    public SimulatedNetwork Network { get; }

    /// <summary>Whether each host has a /16 for itself.</summary>
    public bool IsSpread { get; init; }

    public IReadOnlyList<RpcNode> Nodes => _nodes;

    /// <summary>A node that is persistent at once.</summary>
    public RpcNode AddBootstrapper()
    {
        var address = NextAddress();
        return Add(address, new() { Ephemeral = EphemeralMode.Never, Firewalled = false, KnownEndPoint = address });
    }

    /// <summary>A node that begins at the first one.</summary>
    public RpcNode AddNode(EphemeralMode ephemeral = EphemeralMode.Never, Func<RpcSettings, RpcSettings>? configure = null, bool start = true)
    {
        var settings = new RpcSettings { Ephemeral = ephemeral, Bootstrap = _nodes.Count == 0 ? [] : [BootstrapEntry.At(_nodes[0].Address)] };
        return Add(NextAddress(), configure?.Invoke(settings) ?? settings, start);
    }

    public RpcNode Add(UdpEndPoint address, RpcSettings settings, bool start = true)
    {
        var sockets = new RpcSockets(new(0), address.Port, new(1));
        var machine = new RpcMachine(Network.Now, settings, sockets, TestCrypto.Suite, Network.Random.Fork(1000 + _nodes.Count));
        var loop = Network.AddLoop([address, address.WithPort(ClientPort)], machine);
        var node = new RpcNode(Network, machine, loop, address);
        _nodes.Add(node);
        if (start) machine.Start(Network.Now);
        return node;
    }

    /// <summary>A network of persistent nodes, the bootstrapper among them, that know each other.</summary>
    public static RpcNetwork Grow(long seed, int nodes, bool isSpread = false)
    {
        var network = new RpcNetwork(seed) { IsSpread = isSpread };
        network.AddBootstrapper();
        for (int i = 1; i < nodes; i++)
        {
            network.AddNode();
            network.Network.RunFor(TimeSpan.FromMilliseconds(100));
        }
        network.Network.Expect(() => network.Nodes.All(n => n.Machine.Status is { IsBootstrapped: true, IsEphemeral: false }), TimeSpan.FromSeconds(60));
        return network;
    }

    private UdpEndPoint NextAddress()
    {
        int n = _nodes.Count + 1;
        if (IsSpread) return new((uint)(5 << 24 | n << 16 | 1), ServerPort);
        return new((uint)(5 << 24 | n / 40 << 16 | n % 40 << 8 | 1), ServerPort); // each in a network of its own
    }
}

/// <summary>A node of the simulated internet.</summary>
internal sealed record RpcNode(SimulatedNetwork Network, RpcMachine Machine, SimulatedLoop Loop, UdpEndPoint Address)
{
    public NodeId ExpectedId => new Kademlia.NodeIds(TestCrypto.Suite).Of(Address);

    /// <summary>Sends a request and runs the network until it is over.</summary>
    public RpcOutcome Request(in RpcCallRequest request, TimeSpan? limit = null)
    {
        var outcomes = new List<RpcOutcome>();
        Machine.Request(Network.Now, request, (_, outcome) => outcomes.Add(outcome));
        Network.Expect(() => outcomes.Count > 0, limit ?? TimeSpan.FromSeconds(10));
        Network.RunFor(TimeSpan.FromSeconds(1));
        return Assert.Single(outcomes);
    }

    /// <summary>Runs a query to its end.</summary>
    public (RpcQueryOutcome Outcome, IReadOnlyList<RpcResponse> Replies) Query(RpcQueryRequest request, TimeSpan? limit = null)
    {
        var observer = new RecordingObserver();
        Machine.StartQuery(Network.Now, request, observer);
        Assert.Null(observer.Outcome);
        Network.Expect(() => observer.Outcome is not null, limit ?? TimeSpan.FromSeconds(30));
        Network.RunFor(TimeSpan.FromSeconds(1));
        return (observer.Outcome!, observer.Replies);
    }

    public override string ToString() => Address.ToString();
}

/// <summary>Keeps what a query tells.</summary>
internal sealed class RecordingObserver : IRpcQueryObserver
{
    public List<RpcResponse> Replies { get; } = [];

    public RpcQueryOutcome? Outcome { get; private set; }

    public Action<RpcResponse>? Replied { get; set; }

    public void OnReply(Timestamp now, RpcResponse reply)
    {
        Assert.Null(Outcome);
        Replies.Add(reply);
        Replied?.Invoke(reply);
    }

    public void OnFinished(Timestamp now, RpcQueryOutcome outcome)
    {
        Assert.Null(Outcome);
        Outcome = outcome;
    }
}

/// <summary>Serves overlay commands by a function; keeps what was asked.</summary>
internal sealed class RecordingHandler(Func<RpcIncoming, RpcReply?> serve, RpcMachine machine) : IRpcHandler
{
    public List<RpcIncoming> Requests { get; } = [];

    public int IdentityChanges { get; private set; }

    public bool TryHandle(Timestamp now, in RpcIncoming request)
    {
        Requests.Add(request with { Value = request.Value is { } value ? new ReadOnlyMemory<byte>(value.ToArray()) : default(ReadOnlyMemory<byte>?) });
        if (serve(request) is not { } reply) return false;
        machine.Reply(now, request, reply);
        return true;
    }

    public void OnIdentityChanged(Timestamp now) => IdentityChanges++;
}
