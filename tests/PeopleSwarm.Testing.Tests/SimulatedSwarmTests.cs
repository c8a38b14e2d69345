using System.Text;

namespace PeopleSwarm.Testing;

/// <summary>Applications written on <see cref="IPeerSwarm"/>, unchanged, on a simulated internet.</summary>
[Collection<AloneOnThePool>]
public sealed class SimulatedSwarmTests : IDisposable
{
    private static readonly Topic s_topic = new([.. Enumerable.Repeat((byte)7, 32)]);
    private readonly SimulatedNetwork _net = new(42) { Latency = TimeSpan.FromMilliseconds(30), Jitter = TimeSpan.FromMilliseconds(10) };
    private readonly SimulatedDht _dht;
    private Task _talking = Task.CompletedTask;

    public SimulatedSwarmTests() => _dht = new(_net, nodes: 3);

    public void Dispose()
    {
        _dht.Dispose();
        _net.Run(() => _talking, TimeSpan.FromMinutes(5));
    }

    [Fact]
    public void Two_swarms_meet_on_a_topic_and_talk()
    {
        var (alice, bob) = (_dht.AddSwarm(_net.AddHost("6.0.0.1")), _dht.AddSwarm(_net.AddHost("7.0.0.1")));
        Assert.Equal("hello", _net.Run(async () => await HearAsync(await MeetAsync(alice, bob)), TimeSpan.FromMinutes(3)));
    }

    [Theory, InlineData(NatBehavior.EndpointIndependent), InlineData(NatBehavior.AddressAndPortDependent)]
    public void A_swarm_behind_a_nat_reaches_one_in_the_open(NatBehavior mapping)
    {
        _net.LossRate = 0.05;
        var nat = _net.AddNat("91.0.0.1", new NatOptions { Mapping = mapping });
        var (server, client) = (_dht.AddSwarm(_net.AddHost("6.0.0.1")), _dht.AddSwarm(nat.AddHost("192.168.0.2")));
        Assert.Equal("hello", _net.Run(async () => await HearAsync(await MeetAsync(server, client)), TimeSpan.FromMinutes(3)));
    }

    [Fact]
    public void A_cut_of_ten_minutes_ends_the_connection_and_the_swarm_dials_again()
    {
        var clientHost = _net.AddHost("7.0.0.1");
        var (server, client) = (_dht.AddSwarm(_net.AddHost("6.0.0.1")), _dht.AddSwarm(clientHost));
        string heard = _net.Run(async () =>
        {
            var first = await MeetAsync(server, client);
            _net.Partition([clientHost]);
            Assert.Equal(StreamCloseReason.TimedOut, (await first.Closed).Reason);
            await Task.Delay(TimeSpan.FromMinutes(10), _net.TimeProvider);
            Assert.Empty(client.Connections);
            _net.Heal();
            return await HearAsync(await NextAsync(client));
        }, TimeSpan.FromHours(1));
        Assert.Equal("hello", heard);
    }

    [Fact]
    public void A_host_that_moves_behind_a_nat_connects_again()
    {
        var host = _net.AddHost("7.0.0.1");
        var (server, client) = (_dht.AddSwarm(_net.AddHost("6.0.0.1")), _dht.AddSwarm(host));
        string heard = _net.Run(async () =>
        {
            var first = await MeetAsync(server, client);
            host.MoveTo(_net.AddNat("91.0.0.1"), UdpEndPoint.Parse("192.168.0.2:0"));
            await first.Closed.WaitAsync(TimeSpan.FromMinutes(5), _net.TimeProvider);
            return await HearFromAnyAsync(client);
        }, TimeSpan.FromHours(1));
        Assert.Equal("hello", heard);
    }

    private async Task<ISwarmConnection> MeetAsync(IPeerSwarm server, IPeerSwarm client)
    {
        await _dht.WhenBootstrappedAsync();
        server.Join(s_topic, new JoinOptions { Client = false });
        await server.FlushAsync();
        _talking = GreetAllAsync(server);
        client.Join(s_topic, new JoinOptions { Server = false });
        return await NextAsync(client);
    }

    private static async Task<ISwarmConnection> NextAsync(IPeerSwarm swarm)
    {
        await foreach (var connection in swarm.AcceptAllAsync()) return connection;
        throw new InvalidOperationException("The swarm ended.");
    }

    private static async Task GreetAllAsync(IPeerSwarm swarm)
    {
        await foreach (var connection in swarm.AcceptAllAsync())
            try
            {
                await connection.Channel.WriteMessageAsync("hello"u8.ToArray());
            }
            catch (IOException)
            {
                continue; // gone before it was greeted
            }
    }

    // While a peer has not noticed that our old connection is gone it refuses a second one.
    private static async Task<string> HearFromAnyAsync(IPeerSwarm swarm)
    {
        await foreach (var connection in swarm.AcceptAllAsync())
            try
            {
                return await HearAsync(connection);
            }
            catch (IOException)
            {
                continue;
            }
        return "nothing";
    }

    private static async Task<string> HearAsync(ISwarmConnection connection) =>
        Encoding.UTF8.GetString((await connection.Channel.ReadMessageAsync())!.Value.Span);
}
