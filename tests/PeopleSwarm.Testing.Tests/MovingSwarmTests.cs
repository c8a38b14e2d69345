using Microsoft.Extensions.DependencyInjection;

namespace PeopleSwarm.Testing;

/// <summary>Swarms on computers that change networks: who was connected is connected again before anybody notices.</summary>
[Collection<AloneOnThePool>]
public sealed class MovingSwarmTests : IAsyncDisposable
{
    private static readonly Topic s_topic = new([.. Enumerable.Repeat((byte)9, 32)]);
    private static readonly TimeSpan s_limit = TimeSpan.FromHours(1);
    private readonly List<ServiceProvider> _computers = [];
    private SimulatedNetwork _net = null!;

    [Theory]
    [InlineData(1, "open", "open")]
    [InlineData(2, "open", "nat")]
    [InlineData(3, "nat", "nat")]
    [InlineData(4, "nat", "open")]
    public void A_computer_that_moves_is_connected_again_within_a_second(int seed, string from, string to)
    {
        Build(seed);
        foreach (bool moverIsDialler in (bool[])[true, false]) MoveOnce(moverIsDialler, from, to, "open");
    }

    [Theory, InlineData(6), InlineData(7)]
    public void So_it_is_with_a_peer_behind_a_nat(int seed)
    {
        Build(seed);
        foreach (bool moverIsDialler in (bool[])[true, false]) MoveOnce(moverIsDialler, "open", "nat", "nat");
    }

    [Fact]
    public void Coming_back_to_the_same_place_breaks_nothing_that_still_works()
    {
        Build(5);
        var (mover, host) = AddSwarm("open", "20.0.0.1");
        var (other, _) = AddSwarm("open", "30.0.0.1");
        _net.Run(async () =>
        {
            var first = await MeetAsync(mover, other);
            host.Disconnect();
            await Task.Delay(TimeSpan.FromSeconds(2), _net.TimeProvider);
            host.Reconnect();
            await Task.Delay(TimeSpan.FromSeconds(20), _net.TimeProvider);
            Assert.Single(mover.Connections);
            Assert.Same(first, mover.Connections.Single());
        }, s_limit);
    }

    public async ValueTask DisposeAsync()
    {
        _net.Run(async () =>
        {
            foreach (var computer in Enumerable.Reverse(_computers)) await computer.DisposeAsync();
        }, s_limit);
        await Task.CompletedTask;
    }

    private void MoveOnce(bool moverIsDialler, string from, string to, string otherKind)
    {
        int place = moverIsDialler ? 20 : 60;
        var (mover, host) = AddSwarm(from, $"{place}.0.0.1");
        var (other, _) = AddSwarm(otherKind, $"{place + 10}.0.0.1");
        var took = _net.Run(async () =>
        {
            await (moverIsDialler ? MeetAsync(mover, other) : MeetAsync(other, mover));
            await Task.Delay(TimeSpan.FromMinutes(1), _net.TimeProvider);
            var old = Assert.Single(mover.Connections);
            var moved = _net.Now;
            if (to == "open") host.MoveTo(UdpEndPoint.Parse($"{place + 2}.0.0.1:0"));
            else host.MoveTo(_net.AddNat($"{place + 2}.0.0.1"), UdpEndPoint.Parse("10.1.1.1:0"));
            await NextAsync(mover, old);
            return _net.Now - moved;
        }, s_limit);
        Assert.True(took < TimeSpan.FromSeconds(1), $"{took.TotalMilliseconds} ms, {(moverIsDialler ? "dialler" : "dialled")}, {from} to {to}, seed {_net.Seed}");
        _net.Run(async () =>
        {
            await mover.LeaveAsync(s_topic);
            await other.LeaveAsync(s_topic);
        }, s_limit);
    }

    /// <summary>The second swarm joins when the first is announced, and dials it.</summary>
    private static async Task<ISwarmConnection> MeetAsync(IPeerSwarm dialler, IPeerSwarm dialled)
    {
        dialled.Join(s_topic);
        await dialled.FlushAsync();
        dialler.Join(s_topic);
        var connection = await NextAsync(dialler, null);
        Assert.True(connection.IsInitiator);
        return connection;
    }

    private static async Task<ISwarmConnection> NextAsync(IPeerSwarm swarm, ISwarmConnection? old)
    {
        await foreach (var connection in swarm.AcceptAllAsync())
            if (connection != old) return connection;
        throw new InvalidOperationException("The swarm ended.");
    }

    private static async Task DrainAsync(ISwarmConnection connection)
    {
        try
        {
            await connection.AsStream().CopyToAsync(Stream.Null);
        }
        catch (IOException)
        {
        }
    }

    private void Build(int seed)
    {
        _net = new(seed) { Latency = TimeSpan.FromMilliseconds(30), Jitter = TimeSpan.FromMilliseconds(10) };
        _net.Names["bootstrap.test"] = UdpEndPoint.Parse("5.0.0.1:49737");
        AddDht("5.0.0.1", o => (o.Host, o.IsBootstrapper) = ("5.0.0.1", true));
        for (int i = 2; i <= 8; i++) AddDht($"5.{i}.0.1", o => o.Ephemeral = EphemeralMode.Never);
        _net.Run(async () =>
        {
            foreach (var computer in _computers) await computer.GetRequiredService<IDhtNode>().WhenBootstrappedAsync();
        }, s_limit);
    }

    private void AddDht(string address, Action<DhtOptions> configure) => _computers.Add(
        new ServiceCollection().AddSimulatedInternet(_net, _net.AddHost(address)).AddDht(o =>
        {
            o.Bootstrap = ["bootstrap.test:49737"];
            configure(o);
        }).BuildServiceProvider());

    private (IPeerSwarm Swarm, SimulatedHost Host) AddSwarm(string kind, string address, bool isRead = true)
    {
        var host = kind == "open" ? _net.AddHost(address) : _net.AddNat(address).AddHost("192.168.0.2");
        var services = new ServiceCollection().AddSimulatedInternet(_net, host).AddSwarm();
        services.Configure<DhtOptions>(o => o.Bootstrap = ["bootstrap.test:49737"]);
        var provider = services.BuildServiceProvider();
        _computers.Add(provider);
        var swarm = provider.GetRequiredService<IPeerSwarm>();
        if (isRead) swarm.Connected += (_, e) => _ = DrainAsync(e.Connection);
        _net.Run(() => swarm.Dht.WhenBootstrappedAsync(), s_limit);
        return (swarm, host);
    }
}
