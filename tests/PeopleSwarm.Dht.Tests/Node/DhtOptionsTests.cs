using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace PeopleSwarm.Dht.Node;

public class DhtOptionsTests
{
    public static TheoryData<string, Action<DhtOptions>> Mistakes => new()
    {
        { nameof(DhtOptions.Bootstrap), o => o.Bootstrap = ["node1"] },
        { nameof(DhtOptions.Bootstrap), o => o.Bootstrap = null! },
        { nameof(DhtOptions.Bootstrap), o => o.Bootstrap = [.. Enumerable.Repeat("1.2.3.4:1", 65)] },
        { nameof(DhtOptions.Nodes), o => o.Nodes = [UdpEndPoint.Parse("1.2.3.4:0")] },
        { nameof(DhtOptions.Nodes), o => o.Nodes = [UdpEndPoint.Parse("[::1]:1")] },
        { nameof(DhtOptions.Host), o => o.Host = "::1" },
        { nameof(DhtOptions.Host), o => o.Host = "localhost" },
        { nameof(DhtOptions.Host), o => o.IsBootstrapper = true },
        { nameof(DhtOptions.Port), o => o.Port = 65536 },
        { nameof(DhtOptions.Port), o => (o.IsBootstrapper, o.Host, o.Port) = (true, "1.2.3.4", 0) },
        { nameof(DhtOptions.PortCount), o => (o.Port, o.PortCount) = (65535, 2) },
        { nameof(DhtOptions.Ephemeral), o => o.Ephemeral = (EphemeralMode)3 },
        { nameof(DhtOptions.Ephemeral), o => (o.IsBootstrapper, o.Host, o.Ephemeral) = (true, "1.2.3.4", EphemeralMode.Always) },
        { nameof(DhtOptions.Concurrency), o => o.Concurrency = 0 },
        { nameof(DhtOptions.MaxWindow), o => o.MaxWindow = 0 },
        { nameof(DhtOptions.MaxRequests), o => o.MaxRequests = 16385 },
        { nameof(DhtOptions.QueryBuffer), o => o.QueryBuffer = 0 },
        { nameof(DhtOptions.MaxPingDelay), o => o.MaxPingDelay = TimeSpan.FromMinutes(2) },
        { nameof(DhtOptions.Seed), o => o.Seed = new byte[31] },
    };

    [Theory, MemberData(nameof(Mistakes))]
    public void Each_mistake_is_told_by_name_before_anything_starts(string option, Action<DhtOptions> configure)
    {
        using var services = new ServiceCollection().AddDht(configure).BuildServiceProvider();
        var error = Assert.Throws<OptionsValidationException>(() => services.GetRequiredService<DhtNode>());
        Assert.Contains(option, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_defaults_are_valid_and_join_the_public_network()
    {
        await using var services = new ServiceCollection().AddDht().BuildServiceProvider();
        var options = services.GetRequiredService<IOptions<DhtOptions>>().Value;
        Assert.Equal(3, options.Bootstrap.Count);
        Assert.Equal(49737, options.Port);
        Assert.NotNull(services.GetRequiredService<DhtNode>().KeyPair);
    }

    [Fact]
    public async Task A_seed_gives_the_same_key_pair_each_time()
    {
        await using var one = new ServiceCollection().AddDht(o => o.Seed = new byte[32]).BuildServiceProvider();
        await using var other = new ServiceCollection().AddDht(o => o.Seed = new byte[32]).BuildServiceProvider();
        Assert.Equal(one.GetRequiredService<DhtNode>().KeyPair.PublicKey, other.GetRequiredService<DhtNode>().KeyPair.PublicKey);
    }
}
