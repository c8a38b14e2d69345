using Microsoft.Extensions.DependencyInjection;

namespace PeopleSwarm.Testing;

/// <summary>A small DHT in the open part of a simulated internet, whose first node is known by name, and the computers that join it.</summary>
internal sealed class SimulatedDht : IDisposable
{
    private const string BootstrapName = "bootstrap.test", BootstrapAddress = "5.0.0.1", Bootstrap = $"{BootstrapName}:49737";
    private static readonly TimeSpan s_closing = TimeSpan.FromHours(1);
    private readonly List<ServiceProvider> _computers = [];

    /// <summary>Adds a bootstrap node and <paramref name="nodes"/> that store.</summary>
    public SimulatedDht(SimulatedNetwork net, int nodes)
    {
        Net = net;
        net.Names[BootstrapName] = UdpEndPoint.Parse($"{BootstrapAddress}:49737");
        AddNode(net.AddHost(BootstrapAddress), o => (o.Host, o.IsBootstrapper) = (BootstrapAddress, true));
        for (int i = 1; i <= nodes; i++) AddNode(net.AddHost($"5.{i}.0.1"), o => o.Ephemeral = EphemeralMode.Never);
    }

    public SimulatedNetwork Net { get; }

    /// <summary>Computers so far, with the DHT's own.</summary>
    public int Count => _computers.Count;

    public IDhtNode AddNode(SimulatedHost host, Action<DhtOptions>? configure = null, Action<PeerDhtOptions>? configurePeers = null)
    {
        var services = AddComputer(host).AddDht(configure);
        if (configurePeers is not null) services.Configure(configurePeers);
        return Start(services).GetRequiredService<IDhtNode>();
    }

    public IPeerSwarm AddSwarm(SimulatedHost host) => Start(AddComputer(host).AddSwarm()).GetRequiredService<IPeerSwarm>();

    public async Task WhenBootstrappedAsync()
    {
        foreach (var computer in _computers) await computer.GetRequiredService<IDhtNode>().WhenBootstrappedAsync();
    }

    public void Dispose() => Net.Run(async () =>
    {
        foreach (var computer in Enumerable.Reverse(_computers)) await computer.DisposeAsync();
    }, s_closing);

    private IServiceCollection AddComputer(SimulatedHost host)
    {
        var services = new ServiceCollection().AddSimulatedInternet(Net, host);
        return services.Configure<DhtOptions>(o => o.Bootstrap = [Bootstrap]);
    }

    private ServiceProvider Start(IServiceCollection services)
    {
        var computer = services.BuildServiceProvider();
        _computers.Add(computer);
        return computer;
    }
}
