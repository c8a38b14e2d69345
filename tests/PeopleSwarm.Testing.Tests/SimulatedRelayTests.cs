using System.IO.Pipelines;
using System.Security.Cryptography;
using Microsoft.Extensions.DependencyInjection;

namespace PeopleSwarm.Testing;

/// <summary>Peers behind NATs that go through a relay: whole nodes on a simulated internet.</summary>
[Collection<AloneOnThePool>]
public sealed class SimulatedRelayTests : IDisposable
{
    private const int Length = 300_000;
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(10);
    private readonly List<ServiceProvider> _computers = [];
    private SimulatedNetwork _net = null!;

    private static KeyPair Key(byte seed) => KeyPair.FromSeed(Enumerable.Repeat(seed, 32).ToArray());

    public void Dispose() => _net.Run(async () =>
    {
        foreach (var computer in Enumerable.Reverse(_computers)) await computer.DisposeAsync();
    }, s_limit);

    [Theory]
    [InlineData(1, true), InlineData(2, true), InlineData(3, true)]
    [InlineData(1, false), InlineData(2, false), InlineData(3, false)]
    public void Two_symmetric_NATs_are_connected_through_a_relay(int seed, bool isClientsChoice)
    {
        Build(seed);
        var (client, server, relay) = (AddBehind("7.0.0.1", NatOptions.Symmetric), AddBehind("6.0.0.1", NatOptions.Symmetric), AddOpen("5.9.0.1"));
        Run(async () =>
        {
            await using var serving = await relay.RelayAsync(Key(9), new() { Announce = false });
            await using var meeting = await MeetAsync(client, server, isClientsChoice ? Key(9).PublicKey : null, isClientsChoice ? null : Key(9).PublicKey);
            Assert.Equal((PeerPath.Relayed, PeerPath.Relayed), meeting.Paths);
            await meeting.ExchangeAsync();
            Assert.Equal((PeerPath.Relayed, PeerPath.Relayed), meeting.Paths);
            Assert.Equal((1, 0), (serving.Statistics.Pairs, serving.Statistics.Waiting));
            Assert.True(serving.Statistics.Bytes > 2 * Length, serving.Statistics.ToString());
            await meeting.DisposeAsync();
            await Task.Delay(TimeSpan.FromSeconds(40), _net.TimeProvider);
            Assert.Equal((0, 0, 0), (serving.Statistics.Pairs, serving.Statistics.Waiting, serving.Statistics.Sessions));
        });
    }

    [Theory]
    [InlineData(1, "port-restricted", "port-restricted"), InlineData(2, "port-restricted", "port-restricted")]
    [InlineData(3, "port-restricted", "symmetric"), InlineData(4, "symmetric", "port-restricted")]
    [InlineData(5, "address-restricted", "port-restricted")]
    public void A_relayed_stream_moves_to_the_punched_path_while_data_flows(int seed, string clientNat, string serverNat)
    {
        Build(seed);
        _net.LossRate = 0.01;
        var (client, server, relay) = (AddBehind("7.0.0.1", Nat(clientNat)), AddBehind("6.0.0.1", Nat(serverNat)), AddOpen("5.9.0.1"));
        Run(async () =>
        {
            await using var serving = await relay.RelayAsync(Key(9), new() { Announce = false });
            await using var meeting = await MeetAsync(client, server, Key(9).PublicKey, null);
            for (int round = 0; round < 200 && meeting.Paths is not (PeerPath.Punched, PeerPath.Punched); round++) await meeting.ExchangeAsync();
            Assert.Equal((PeerPath.Punched, PeerPath.Punched), meeting.Paths);
            await meeting.ExchangeAsync();
            if (meeting.WasRelayed) Assert.Equal([PeerPath.Punched], meeting.ClientChanges);
            await Task.Delay(TimeSpan.FromSeconds(40), _net.TimeProvider);
            Assert.Equal((0, 0), (serving.Statistics.Pairs, serving.Statistics.Sessions)); // nobody needs the relay any more
            await meeting.ExchangeAsync();
        });
    }

    [Fact]
    public void A_relay_that_is_not_there_costs_a_punched_connection_nothing()
    {
        Build(1);
        var (client, server) = (AddBehind("7.0.0.1", NatOptions.PortRestricted), AddBehind("6.0.0.1", NatOptions.PortRestricted));
        Run(async () =>
        {
            await using var meeting = await MeetAsync(client, server, Key(9).PublicKey, null);
            Assert.Equal((PeerPath.Punched, PeerPath.Punched), meeting.Paths);
            await meeting.ExchangeAsync();
        });
    }

    [Fact]
    public void A_relay_that_is_not_there_leaves_two_symmetric_NATs_with_a_reason()
    {
        Build(1);
        var (client, server) = (AddBehind("7.0.0.1", NatOptions.Symmetric), AddBehind("6.0.0.1", NatOptions.Symmetric));
        Run(async () =>
        {
            // Nobody offers itself as a relay, and the one that is named does not exist.
            var error = await Assert.ThrowsAsync<PeerConnectException>(() => MeetAsync(client, server, Key(9).PublicKey, null));
            Assert.Equal(PeerConnectError.RelayAborted, error.Error);
            Assert.Contains(error.Attempts, line => line.StartsWith("relay", StringComparison.Ordinal));
        });
    }

    [Theory, InlineData(1), InlineData(2), InlineData(3)]
    public void Two_symmetric_NATs_find_a_relay_by_themselves(int seed)
    {
        Build(seed);
        var (client, server) = (AddBehind("7.0.0.1", NatOptions.Symmetric), AddBehind("6.0.0.1", NatOptions.Symmetric));
        IDhtNode[] relays = [AddOpen("5.9.0.1"), AddOpen("5.9.1.1")];
        Run(async () =>
        {
            await using var first = await relays[0].RelayAsync(Key(9));
            await using var second = await relays[1].RelayAsync(Key(10));
            await Task.Delay(TimeSpan.FromSeconds(5), _net.TimeProvider);
            await using var meeting = await MeetAsync(client, server, null, null);
            Assert.Equal((PeerPath.Relayed, PeerPath.Relayed), meeting.Paths);
            await meeting.ExchangeAsync();
            Assert.Equal(1, first.Statistics.Pairs + second.Statistics.Pairs);
        });
    }

    [Fact]
    public void A_relay_that_is_found_and_dead_gives_way_to_another()
    {
        Build(4);
        var (client, server) = (AddBehind("7.0.0.1", NatOptions.Symmetric), AddBehind("6.0.0.1", NatOptions.Symmetric));
        var (deadHost, living) = (_net.AddHost("5.9.0.1"), AddOpen("5.9.1.1"));
        var dead = Add(deadHost, o => o.Ephemeral = EphemeralMode.Never);
        Run(async () =>
        {
            var lost = await dead.RelayAsync(Key(9));
            await Task.Delay(TimeSpan.FromSeconds(5), _net.TimeProvider);
            _net.Partition([deadHost]);
            await using var serving = await living.RelayAsync(Key(10));
            await Task.Delay(TimeSpan.FromSeconds(5), _net.TimeProvider);
            for (int i = 0; i < 3; i++)
            {
                await using var meeting = await MeetAsync(client, server, null, null, TimeSpan.FromMinutes(2));
                Assert.Equal((PeerPath.Relayed, PeerPath.Relayed), meeting.Paths);
                await meeting.ExchangeAsync();
            }
            _net.Heal();
            await lost.DisposeAsync();
        });
    }

    private void Run(Func<Task> body) => _net.Run(async () =>
    {
        foreach (var computer in _computers) await computer.GetRequiredService<IDhtNode>().WhenBootstrappedAsync();
        await body();
    }, s_limit);

    private static NatOptions Nat(string name) => name switch
    {
        "port-restricted" => NatOptions.PortRestricted,
        "address-restricted" => NatOptions.AddressRestricted,
        _ => NatOptions.Symmetric,
    };

    private void Build(int seed)
    {
        _net = new(seed) { Latency = TimeSpan.FromMilliseconds(20), Jitter = TimeSpan.FromMilliseconds(5) };
        _net.Names["bootstrap.test"] = UdpEndPoint.Parse("5.0.0.1:49737");
        Add(_net.AddHost("5.0.0.1"), o => (o.Host, o.IsBootstrapper) = ("5.0.0.1", true));
        for (int i = 1; i <= 5; i++) AddOpen($"5.0.{i}.1");
    }

    private IDhtNode AddOpen(string address) => Add(_net.AddHost(address), o => o.Ephemeral = EphemeralMode.Never);

    private IDhtNode AddBehind(string nat, NatOptions options) => Add(_net.AddNat(nat, options).AddHost("192.168.0.2"), o => o.Ephemeral = EphemeralMode.Always);

    private IDhtNode Add(SimulatedHost host, Action<DhtOptions> configure)
    {
        var services = new ServiceCollection().AddSimulatedInternet(_net, host).AddDht(o =>
        {
            o.Bootstrap = ["bootstrap.test:49737"];
            configure(o);
        }).BuildServiceProvider();
        _computers.Add(services);
        return services.GetRequiredService<IDhtNode>();
    }

    private static async Task<Meeting> MeetAsync(IDhtNode client, IDhtNode server, PublicKey? clientRelay, PublicKey? serverRelay,
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

    /// <summary>A connection seen from both ends.</summary>
    private sealed class Meeting : IAsyncDisposable
    {
        private readonly IPeerListener _listener;
        private readonly IPeerConnection _client, _server;
        private int _round;

        public Meeting(IPeerListener listener, IPeerConnection client, IPeerConnection server)
        {
            (_listener, _client, _server) = (listener, client, server);
            client.PathChanged += (_, path) => ClientChanges.Add(path);
            WasRelayed = client.Path == PeerPath.Relayed;
        }

        public (PeerPath Client, PeerPath Server) Paths => (_client.Path, _server.Path);

        public List<PeerPath> ClientChanges { get; } = [];

        public bool WasRelayed { get; }

        /// <summary>Sends as much both ways at once and compares.</summary>
        public async Task ExchangeAsync()
        {
            int round = _round++;
            await Task.WhenAll(SendAsync(_client.Output, 2 * round), SendAsync(_server.Output, 2 * round + 1),
                ExpectAsync(_server.Input, 2 * round), ExpectAsync(_client.Input, 2 * round + 1));
        }

        public async ValueTask DisposeAsync()
        {
            await _client.DisposeAsync();
            await _server.DisposeAsync();
            await _listener.DisposeAsync();
        }

        private static byte[] Bytes(int seed)
        {
            var bytes = new byte[Length];
            new Random(seed).NextBytes(bytes);
            return bytes;
        }

        private static async Task SendAsync(PipeWriter output, int seed) => await output.WriteAsync(Bytes(seed));

        private static async Task ExpectAsync(PipeReader input, int seed)
        {
            var read = await input.ReadAtLeastAsync(Length);
            Assert.Equal(Convert.ToHexString(SHA256.HashData(Bytes(seed))), Hash(read.Buffer.Slice(0, Length)));
            input.AdvanceTo(read.Buffer.GetPosition(Length));
        }

        private static string Hash(System.Buffers.ReadOnlySequence<byte> bytes) => Convert.ToHexString(SHA256.HashData(System.Buffers.BuffersExtensions.ToArray(bytes)));
    }
}
