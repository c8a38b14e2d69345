namespace PeopleSwarm.Testing.Relays;

/// <summary>A simulated internet with a small DHT, on which nodes behind NATs meet through relays: whole nodes, virtual time.</summary>
internal sealed class RelayInternet : IDisposable
{
    private static readonly TimeSpan s_limit = TimeSpan.FromHours(1);
    private readonly SimulatedDht _dht;

    public RelayInternet(int seed)
    {
        _dht = new(new(seed) { Latency = TimeSpan.FromMilliseconds(20), Jitter = TimeSpan.FromMilliseconds(5) }, nodes: 5);
    }

    public SimulatedNetwork Net => _dht.Net;

    public static KeyPair Key(byte seed) => KeyPair.FromSeed(Enumerable.Repeat(seed, 32).ToArray());

    public static NatOptions Nat(string name) => name switch
    {
        "port-restricted" => NatOptions.PortRestricted,
        "address-restricted" => NatOptions.AddressRestricted,
        _ => NatOptions.Symmetric,
    };

    public IDhtNode AddOpen(string address) => Add(Net.AddHost(address), o => o.Ephemeral = EphemeralMode.Never);

    public IDhtNode AddBehind(string nat, NatOptions options, Action<PeerDhtOptions>? configure = null) => AddBehind(Net.AddNat(nat, options), "192.168.0.2", configure).Node;

    public (IDhtNode Node, SimulatedHost Host) AddBehind(SimulatedNat nat, string address, Action<PeerDhtOptions>? configure = null)
    {
        var host = nat.AddHost(address);
        return (Add(host, o => o.Ephemeral = EphemeralMode.Always, configure), host);
    }

    public IDhtNode Add(SimulatedHost host, Action<DhtOptions> configure, Action<PeerDhtOptions>? configurePeers = null) =>
        _dht.AddNode(host, configure, configurePeers);

    /// <summary>Runs <paramref name="body"/> once all nodes are bootstrapped.</summary>
    public void Run(Func<Task> body) => Net.Run(async () =>
    {
        await _dht.WhenBootstrappedAsync();
        await body();
    }, s_limit);

    public Task Wait(double seconds) => Task.Delay(TimeSpan.FromSeconds(seconds), Net.TimeProvider);

    public async Task WaitUntilAsync(Func<bool> condition, double seconds)
    {
        var due = Net.Now + TimeSpan.FromSeconds(seconds);
        while (!condition())
        {
            Assert.True(Net.Now < due, $"It did not come within {seconds} s.");
            await Wait(0.01);
        }
    }

    /// <summary>Listens on key 2 and dials it as key 1; the relays are those named.</summary>
    public static async Task<Meeting> MeetAsync(IDhtNode client, IDhtNode server, PublicKey? clientRelay = null, PublicKey? serverRelay = null,
        TimeSpan? timeout = null)
    {
        var listener = await server.ListenAsync(Key(2), new() { ChooseRelay = serverRelay is null ? null : () => serverRelay });
        try
        {
            var accepting = listener.AcceptAsync().AsTask();
            var ours = await client.ConnectAsync(Key(2).PublicKey, new() { KeyPair = Key(1), RelayThrough = clientRelay, Timeout = timeout ?? TimeSpan.FromSeconds(30) });
            return new(listener, ours, await accepting);
        }
        catch (PeerConnectException)
        {
            await listener.DisposeAsync();
            throw;
        }
    }

    public void Dispose() => _dht.Dispose();
}
