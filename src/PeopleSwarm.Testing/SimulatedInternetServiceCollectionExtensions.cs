using System.IO.Pipelines;
using PeopleSwarm;
using PeopleSwarm.Testing;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Puts an application on the simulated internet.</summary>
public static class SimulatedInternetServiceCollectionExtensions
{
    /// <summary>
    /// Registers sockets, clock, scheduler and randomness of a simulated host: <see cref="IDatagramSocketFactory"/>,
    /// <see cref="TimeProvider"/>, <see cref="PipeScheduler"/> and <see cref="IRandomSource"/>. Everything else stays the real thing.
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
        return services;
    }
}
