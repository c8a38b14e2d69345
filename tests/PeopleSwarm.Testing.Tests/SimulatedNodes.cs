using Microsoft.Extensions.DependencyInjection;

namespace PeopleSwarm.Testing;

/// <summary>Nodes of a DHT whose bootstrap node is 5.0.0.1.</summary>
internal static class SimulatedNodes
{
    /// <summary>Makes a node with a container of its own, which joins the others.</summary>
    public static IDhtNode AddNode(this List<ServiceProvider> computers, SimulatedNetwork network, SimulatedHost host, Action<DhtOptions> configure)
    {
        var services = new ServiceCollection().AddSimulatedInternet(network, host).AddDht(o =>
        {
            o.Bootstrap = ["5.0.0.1:49737"];
            configure(o);
        }).BuildServiceProvider();
        computers.Add(services);
        return services.GetRequiredService<IDhtNode>();
    }
}
