using Microsoft.Extensions.DependencyInjection;

namespace PeopleSwarm.Dht.Rpc;

/// <summary>The crypto suite that AddNoise brings.</summary>
internal static class TestCrypto
{
    public static ICryptoSuite Suite { get; } = new ServiceCollection().AddNoise().BuildServiceProvider().GetRequiredService<ICryptoSuite>();
}
