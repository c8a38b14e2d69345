using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using PeopleSwarm;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Registers the swarm; the one file of the package that names the layers under it.</summary>
public static class SwarmServiceCollectionExtensions
{
    /// <summary>
    /// Adds <see cref="IPeerSwarm"/> and the DHT under it. Whatever is already registered stays, so each part can be replaced.
    /// Nothing runs before the swarm is first used: it listens when a topic is joined in server mode.
    /// </summary>
    public static IServiceCollection AddSwarm(this IServiceCollection services, Action<SwarmOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        services.AddDht();
        var options = services.AddOptions<SwarmOptions>().ValidateOnStart();
        if (configure is not null) options.Configure(configure);
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<SwarmOptions>, SwarmOptionsValidator>());
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<SwarmOptions>, SwarmOptionsRules>());
        services.TryAddSingleton(TimeProvider.System);
        services.TryAddSingleton<IRandomSource, SystemRandomSource>();
        services.TryAddSingleton<IPeerSwarm>(provider => CreateSwarm(provider, null));
        return services;
    }

    /// <summary>A swarm on what the container holds; it takes <paramref name="owned"/> down with it.</summary>
    internal static PeerSwarm CreateSwarm(IServiceProvider provider, IAsyncDisposable? owned)
    {
        var options = provider.GetRequiredService<IOptions<SwarmOptions>>().Value;
        var keyPair = options.Seed is { } seed ? provider.GetRequiredService<ICryptoSuite>().CreateKeyPair(seed) : null;
        return new(provider.GetRequiredService<IDhtNode>(), options, provider.GetRequiredService<TimeProvider>(),
            provider.GetRequiredService<IRandomSource>(), provider.GetService<ILogger<PeerSwarm>>(), provider.GetService<IMeterFactory>(),
            new(SuspendsNode: true, keyPair, owned));
    }
}
