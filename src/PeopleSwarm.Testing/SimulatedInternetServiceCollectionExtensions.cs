using System.IO.Pipelines;
using PeopleSwarm;
using PeopleSwarm.Testing;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Puts an application on the simulated internet.</summary>
public static class SimulatedInternetServiceCollectionExtensions
{
    /// <summary>
    /// Registers what a simulated host has of its own: sockets (<see cref="IDatagramSocketFactory"/>), clock (<see cref="TimeProvider"/>),
    /// scheduler (<see cref="PipeScheduler"/>), chance (<see cref="IRandomSource"/>), interfaces (<see cref="ILocalNetwork"/>,
    /// <see cref="INetworkInterfaces"/>) and names (<see cref="INameResolver"/>). Everything else stays the real thing.
    /// </summary>
    /// <param name="services">The application's services, before or after its other registrations.</param>
    /// <param name="network">The network, which the test runs.</param>
    /// <param name="host">The computer the application is on.</param>
    public static IServiceCollection AddSimulatedInternet(this IServiceCollection services, SimulatedNetwork network, SimulatedHost host)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(network);
        ArgumentNullException.ThrowIfNull(host);
        network.ExpectApplications();
        services.AddSingleton<IDatagramSocketFactory>(new SimulatedDatagramSocketFactory(host));
        services.AddSingleton<TimeProvider>(network.TimeProvider);
        services.AddSingleton<PipeScheduler>(new SimulatedScheduler(network));
        services.AddSingleton<IRandomSource>(host.CreateRandom());
        var interfaces = new SimulatedLocalNetwork(host);
        services.AddSingleton<ILocalNetwork>(interfaces);
        services.AddSingleton<INetworkInterfaces>(interfaces);
        services.AddSingleton<INameResolver>(new SimulatedNameResolver(network));
        return services;
    }
}
