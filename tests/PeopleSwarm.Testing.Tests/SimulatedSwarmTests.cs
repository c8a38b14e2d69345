using System.Text;
using Microsoft.Extensions.DependencyInjection;

namespace PeopleSwarm.Testing;

/// <summary>Applications written on <see cref="IPeerSwarm"/>, unchanged, on a simulated internet.</summary>
[Collection<AloneOnThePool>]
public sealed class SimulatedSwarmTests : IAsyncLifetime
{
    private static readonly Topic s_topic = new([.. Enumerable.Repeat((byte)7, 32)]);
    private readonly SimulatedNetwork _net = new(42) { Latency = TimeSpan.FromMilliseconds(30), Jitter = TimeSpan.FromMilliseconds(10) };
    private readonly List<ServiceProvider> _computers = [];

    public ValueTask InitializeAsync()
    {
        _net.Names["bootstrap.test"] = UdpEndPoint.Parse("5.0.0.1:49737");
        AddDht("5.0.0.1", o => (o.Host, o.IsBootstrapper) = ("5.0.0.1", true));
        for (int i = 2; i <= 4; i++) AddDht($"5.{i}.0.1", o => o.Ephemeral = EphemeralMode.Never);
        return ValueTask.CompletedTask;
    }

    public ValueTask DisposeAsync()
    {
        _net.Run(async () =>
        {
            foreach (var computer in Enumerable.Reverse(_computers)) await computer.DisposeAsync();
        }, TimeSpan.FromMinutes(5));
        return ValueTask.CompletedTask;
    }

    [Fact]
    public void Two_swarms_meet_on_a_topic_and_talk()
    {
        var (alice, bob) = (AddSwarm(_net.AddHost("6.0.0.1")), AddSwarm(_net.AddHost("7.0.0.1")));
        string heard = _net.Run(async () =>
        {
            await StartAsync();
            alice.Join(s_topic, new JoinOptions { Client = false });
            await alice.FlushAsync();
            bob.Join(s_topic, new JoinOptions { Server = false });
            var talking = TalkAsync(alice, "hello");
            await foreach (var connection in bob.AcceptAllAsync())
            {
                var message = await connection.Channel.ReadMessageAsync();
                await talking;
                return Encoding.UTF8.GetString(message!.Value.Span);
            }
            return "nobody came";
        }, TimeSpan.FromMinutes(3));
        Assert.Equal("hello", heard);
    }

    private async Task StartAsync()
    {
        foreach (var computer in _computers)
            await computer.GetRequiredService<IDhtNode>().WhenBootstrappedAsync();
    }

    private static async Task TalkAsync(IPeerSwarm swarm, string text)
    {
        await foreach (var connection in swarm.AcceptAllAsync())
        {
            await connection.Channel.WriteMessageAsync(Encoding.UTF8.GetBytes(text));
            return;
        }
    }

    private void AddDht(string address, Action<DhtOptions> configure) => _computers.Add(
        new ServiceCollection().AddSimulatedInternet(_net, _net.AddHost(address)).AddDht(o =>
        {
            o.Bootstrap = ["bootstrap.test:49737"];
            configure(o);
        }).BuildServiceProvider());

    private IPeerSwarm AddSwarm(SimulatedHost host)
    {
        var services = new ServiceCollection().AddSimulatedInternet(_net, host).AddSwarm();
        services.Configure<DhtOptions>(o => o.Bootstrap = ["bootstrap.test:49737"]);
        var provider = services.BuildServiceProvider();
        _computers.Add(provider);
        return provider.GetRequiredService<IPeerSwarm>();
    }
}
