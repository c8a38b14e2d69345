using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;
using PeopleSwarm;
using PeopleSwarm.Dht;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Registers the DHT; the one file of the package that names the layers under it.</summary>
public static class DhtServiceCollectionExtensions
{
    /// <summary>
    /// Adds <see cref="IDhtNode"/> with UDX and Noise under it, and starts it with the host if there is one. Whatever is already registered
    /// stays, so each part can be replaced. Overlays are served by the <see cref="IDhtCommandHandler"/>s in the container.
    /// </summary>
    public static IServiceCollection AddDht(this IServiceCollection services, Action<DhtOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        services.AddUdx().AddNoise().AddProtomux();
        var options = services.AddOptions<DhtOptions>().ValidateOnStart();
        if (configure is not null) options.Configure(configure);
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<DhtOptions>, DhtOptionsValidator>());
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<DhtOptions>, DhtOptionsRules>());
        services.AddOptions<PeerDhtOptions>().ValidateOnStart();
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<PeerDhtOptions>, PeerDhtOptionsValidator>());
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<PeerDhtOptions>, PeerDhtOptionsRules>());
        services.TryAddSingleton(TimeProvider.System);
        services.TryAddSingleton<IRandomSource, SystemRandomSource>();
        services.TryAddSingleton<INameResolver, SystemNameResolver>();
        services.TryAddSingleton<ILocalNetwork, SystemLocalNetwork>();
        services.TryAddSingleton<DhtMetrics>();
        services.TryAddSingleton<DhtServices>();
        services.TryAddSingleton(provider => new DhtNode(provider.GetRequiredService<IOptions<DhtOptions>>().Value,
            provider.GetRequiredService<IOptions<PeerDhtOptions>>().Value, provider.GetRequiredService<DhtServices>()));
        services.TryAddSingleton<IDhtNode>(provider => provider.GetRequiredService<DhtNode>());
        services.AddHostedService<DhtHostedService>();
        return services;
    }
}
