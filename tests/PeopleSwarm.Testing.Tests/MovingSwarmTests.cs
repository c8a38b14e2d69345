namespace PeopleSwarm.Testing;

/// <summary>Swarms on computers that change networks: who was connected is connected again before anybody notices.</summary>
[Collection<AloneOnThePool>]
public sealed class MovingSwarmTests : IDisposable
{
    private static readonly Topic s_topic = new([.. Enumerable.Repeat((byte)9, 32)]);
    private static readonly TimeSpan s_limit = TimeSpan.FromHours(1);
    private SimulatedDht _dht = null!;

    private SimulatedNetwork Net => _dht.Net;

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
        Net.Run(async () =>
        {
            var first = await MeetAsync(mover, other);
            host.Disconnect();
            await Task.Delay(TimeSpan.FromSeconds(2), Net.TimeProvider);
            host.Reconnect();
            await Task.Delay(TimeSpan.FromSeconds(20), Net.TimeProvider);
            Assert.Single(mover.Connections);
            Assert.Same(first, mover.Connections.Single());
        }, s_limit);
    }

    public void Dispose() => _dht.Dispose();

    private void MoveOnce(bool moverIsDialler, string from, string to, string otherKind)
    {
        int place = moverIsDialler ? 20 : 60;
        var (mover, host) = AddSwarm(from, $"{place}.0.0.1");
        var (other, _) = AddSwarm(otherKind, $"{place + 10}.0.0.1");
        var took = Net.Run(async () =>
        {
            await (moverIsDialler ? MeetAsync(mover, other) : MeetAsync(other, mover));
            await Task.Delay(TimeSpan.FromMinutes(1), Net.TimeProvider);
            var old = Assert.Single(mover.Connections);
            var moved = Net.Now;
            if (to == "open") host.MoveTo(UdpEndPoint.Parse($"{place + 2}.0.0.1:0"));
            else host.MoveTo(Net.AddNat($"{place + 2}.0.0.1"), UdpEndPoint.Parse("10.1.1.1:0"));
            await NextAsync(mover, old);
            return Net.Now - moved;
        }, s_limit);
        Assert.True(took < TimeSpan.FromSeconds(1), $"{took.TotalMilliseconds} ms, {(moverIsDialler ? "dialler" : "dialled")}, {from} to {to}, seed {Net.Seed}");
        Net.Run(async () =>
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
        _dht = new(new(seed) { Latency = TimeSpan.FromMilliseconds(30), Jitter = TimeSpan.FromMilliseconds(10) }, nodes: 7);
        Net.Run(_dht.WhenBootstrappedAsync, s_limit);
    }

    private (IPeerSwarm Swarm, SimulatedHost Host) AddSwarm(string kind, string address)
    {
        var host = kind == "open" ? Net.AddHost(address) : Net.AddNat(address).AddHost("192.168.0.2");
        var swarm = _dht.AddSwarm(host);
        swarm.Connected += (_, e) => _ = DrainAsync(e.Connection);
        Net.Run(() => swarm.Dht.WhenBootstrappedAsync(), s_limit);
        return (swarm, host);
    }
}
