using Microsoft.Extensions.DependencyInjection;
using PeopleSwarm.Dht;

namespace PeopleSwarm;

/// <summary>Makes nodes without a host.</summary>
public static class DhtNodeFactory
{
    /// <summary>A node with all layers under it, not started; disposing it disposes them too.</summary>
    /// <param name="configure">Sets the options; null takes the defaults, which join the public network.</param>
    /// <param name="services">Replaces parts or adds overlays, before the defaults are registered; null for none.</param>
    /// <exception cref="Microsoft.Extensions.Options.OptionsValidationException">An option is out of its range; the message names it.</exception>
    public static IDhtNode Create(Action<DhtOptions>? configure = null, Action<IServiceCollection>? services = null)
    {
        var collection = new ServiceCollection();
        services?.Invoke(collection);
        var container = collection.AddDht(configure).BuildServiceProvider();
        try
        {
            var node = container.GetRequiredService<DhtNode>();
            node.Owner = container;
            return node;
        }
        catch
        {
            container.Dispose();
            throw;
        }
    }
}
