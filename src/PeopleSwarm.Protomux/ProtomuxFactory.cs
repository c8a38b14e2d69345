using PeopleSwarm.Protomux;

namespace PeopleSwarm;

/// <summary>Makes multiplexers; it has no state.</summary>
public sealed class ProtomuxFactory : IProtomuxFactory
{
    /// <inheritdoc/>
    /// <exception cref="ArgumentOutOfRangeException">An option is outside its range.</exception>
    public IProtomux Create(IMessageChannel channel, ProtomuxOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(channel);
        return new Mux(channel, options ?? ProtomuxOptions.Default);
    }
}

/// <summary>Multiplexers without services.</summary>
public static class MessageChannelExtensions
{
    /// <summary>A multiplexer over <paramref name="channel"/>, which it takes over; nothing is read before <see cref="IProtomux.RunAsync"/>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">An option is outside its range.</exception>
    public static IProtomux Multiplex(this IMessageChannel channel, ProtomuxOptions? options = null) => new ProtomuxFactory().Create(channel, options);
}
