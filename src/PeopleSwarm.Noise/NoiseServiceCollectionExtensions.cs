using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;
using PeopleSwarm;
using PeopleSwarm.Noise;
using PeopleSwarm.Noise.SecretStream;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Registers Noise.</summary>
public static class NoiseServiceCollectionExtensions
{
    private static readonly TimeSpan s_minHandshakeTimeout = TimeSpan.FromMilliseconds(100), s_maxHandshakeTimeout = TimeSpan.FromMinutes(10);

    /// <summary>Adds handshakes, secret channels and the crypto suite. Whatever is already registered stays, so each part can be replaced.</summary>
    public static IServiceCollection AddNoise(this IServiceCollection services, Action<NoiseOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        services.AddOptions<NoiseOptions>().Configure(o => configure?.Invoke(o)).ValidateOnStart()
            .Validate(o => o.HandshakeTimeout >= s_minHandshakeTimeout && o.HandshakeTimeout <= s_maxHandshakeTimeout,
                "HandshakeTimeout must be 100 ms to 10 min.")
            .Validate(o => o.FramePayload % 16 == 0, "FramePayload must be a multiple of 16.");
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<NoiseOptions>, NoiseOptionsValidator>());
        services.TryAddSingleton(TimeProvider.System);
        services.TryAddSingleton<IRandomSource, SystemRandomSource>();
        services.TryAddSingleton<ICryptoSuite, CryptoSuite>();
        services.TryAddSingleton<IHandshakeFactory, HandshakeFactory>();
        services.TryAddSingleton<NoiseMetrics>();
        services.TryAddSingleton<ISecretChannelFactory, SecretChannelFactory>();
        return services;
    }
}
