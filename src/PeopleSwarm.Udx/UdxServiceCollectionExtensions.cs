using System.IO.Pipelines;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;
using PeopleSwarm;
using PeopleSwarm.Udx;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Registers UDX.</summary>
public static class UdxServiceCollectionExtensions
{
    /// <summary>Adds UDX: <see cref="IDatagramSocketFactory"/>, <see cref="IDatagramHostFactory"/> and
    /// <see cref="IReliableTransportFactory"/>. Whatever is already registered stays, so each part can be replaced; a
    /// <see cref="PipeScheduler"/> registered first runs the loops.</summary>
    public static IServiceCollection AddUdx(this IServiceCollection services, Action<UdxOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        var udx = services.AddOptions<UdxOptions>().ValidateOnStart();
        if (configure is not null) udx.Configure(configure);
        services.AddOptions<DatagramHostOptions>().ValidateOnStart();
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<UdxOptions>, UdxOptionsValidator>());
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<UdxOptions>, UdxOptionsRules>());
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<DatagramHostOptions>, DatagramHostOptionsValidator>());
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<DatagramHostOptions>, DatagramHostOptionsRules>());
        services.TryAddSingleton(TimeProvider.System);
        services.TryAddSingleton(PipeScheduler.ThreadPool);
        services.TryAddSingleton<IRandomSource, SystemRandomSource>();
        services.TryAddSingleton<UdxMetrics>();
        services.TryAddSingleton<INetworkInterfaces>(provider => new SystemNetworkInterfaces(provider.GetRequiredService<TimeProvider>()));
        services.TryAddSingleton<IDatagramSocketFactory, UdpDatagramSocketFactory>();
        services.TryAddSingleton<IDatagramHostFactory, DatagramHostFactory>();
        services.TryAddSingleton<IReliableTransportFactory, UdxTransportFactory>();
        return services;
    }
}
