using Microsoft.Extensions.DependencyInjection.Extensions;
using PeopleSwarm;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Registers Protomux.</summary>
public static class ProtomuxServiceCollectionExtensions
{
    /// <summary>Adds <see cref="IProtomuxFactory"/>, unless one is registered already.</summary>
    public static IServiceCollection AddProtomux(this IServiceCollection services)
    {
        ArgumentNullException.ThrowIfNull(services);
        services.TryAddSingleton<IProtomuxFactory, ProtomuxFactory>();
        return services;
    }
}
