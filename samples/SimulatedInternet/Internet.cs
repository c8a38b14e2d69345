using Microsoft.Extensions.DependencyInjection;
using PeopleSwarm;
using PeopleSwarm.Testing;

namespace SimulatedInternet;

/// <summary>A DHT of four nodes, and the apps that join it. Only <c>AddSimulatedInternet</c> differs from a real app.</summary>
internal sealed class Internet : IAsyncDisposable
{
    private const string Bootstrap = "bootstrap.example:49737";
    private readonly SimulatedNetwork _network;
    private readonly List<ServiceProvider> _computers = [];

    public Internet(SimulatedNetwork network)
    {
        _network = network;
        network.Names["bootstrap.example"] = UdpEndPoint.Parse("5.0.0.1:49737");
        AddNode("5.0.0.1", o => (o.Host, o.IsBootstrapper) = ("5.0.0.1", true));
        for (int i = 1; i <= 3; i++) AddNode($"5.{i}.0.1", o => o.Ephemeral = EphemeralMode.Never);
    }

    public IPeerSwarm AddApp(SimulatedHost host)
    {
        var services = new ServiceCollection().AddSimulatedInternet(_network, host).AddSwarm();
        services.Configure<DhtOptions>(o => o.Bootstrap = [Bootstrap]);
        return Add(services).GetRequiredService<IPeerSwarm>();
    }

    public async Task StartAsync()
    {
        foreach (var computer in _computers) await computer.GetRequiredService<IDhtNode>().WhenBootstrappedAsync();
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var computer in Enumerable.Reverse(_computers)) await computer.DisposeAsync();
    }

    private void AddNode(string address, Action<DhtOptions> configure) =>
        Add(new ServiceCollection().AddSimulatedInternet(_network, _network.AddHost(address)).AddDht(o =>
        {
            o.Bootstrap = [Bootstrap];
            configure(o);
        }));

    private ServiceProvider Add(IServiceCollection services)
    {
        var computer = services.BuildServiceProvider();
        _computers.Add(computer);
        return computer;
    }
}
