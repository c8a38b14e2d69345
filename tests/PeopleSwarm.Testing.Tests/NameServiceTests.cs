using Microsoft.Extensions.DependencyInjection;
using NameService;

namespace PeopleSwarm.Testing;

/// <summary>The sample overlay on fifty computers: a distributed name service with commands and storage of its own.</summary>
[Collection<AloneOnThePool>]
public sealed class NameServiceTests : IDisposable
{
    private const int Count = 50;
    private static readonly TimeSpan s_limit = TimeSpan.FromHours(3);
    private static readonly KeyPair s_alice = Key(1), s_mallory = Key(2);
    private readonly SimulatedNetwork _net = new(17) { Latency = TimeSpan.FromMilliseconds(30), Jitter = TimeSpan.FromMilliseconds(20), LossRate = 0.03 };
    private readonly List<ServiceProvider> _computers = [];
    private readonly List<SimulatedHost> _hosts = [];

    public NameServiceTests()
    {
        for (int i = 0; i < Count; i++)
        {
            var (address, isFirst) = ($"5.{i + 1}.0.1", i == 0);
            _hosts.Add(_net.AddHost(address));
            _computers.Add(new ServiceCollection().AddSimulatedInternet(_net, _hosts[i]).AddSingleton<IDhtCommandHandler, NameStore>().AddSingleton<Names>()
                .AddDht(o => (o.Bootstrap, o.Host, o.IsBootstrapper, o.Ephemeral, o.ServePeers) =
                    (["5.1.0.1:49737"], isFirst ? address : "0.0.0.0", isFirst, EphemeralMode.Never, false))
                .BuildServiceProvider());
        }
        _net.Run(async () =>
        {
            foreach (var computer in _computers) await computer.GetRequiredService<IDhtNode>().WhenBootstrappedAsync();
        }, s_limit);
    }

    public void Dispose() => _net.Run(async () =>
    {
        foreach (var computer in Enumerable.Reverse(_computers)) await computer.DisposeAsync();
    }, s_limit);

    [Fact]
    public void A_name_is_found_from_everywhere_belongs_to_who_claimed_it_first_and_outlives_half_of_those_that_store_it() => _net.Run(async () =>
    {
        int stored = await On(3).ClaimAsync(s_alice, 1, "alice.example", "first");
        Assert.InRange(stored, 15, 20); // the twenty closest of fifty, less what was lost
        for (int i = 0; i < Count; i += 7) Assert.Equal("first", await ResolveAsync(i));
        Assert.Null(await On(1).ResolveAsync("bob.example"));

        Assert.InRange(await TryClaimAsync(40, s_mallory, 99, "mine"), 0, 4); // only whom the first claim did not reach
        Assert.Equal("first", await ResolveAsync(41));
        Assert.InRange(await On(20).ClaimAsync(s_alice, 2, "alice.example", "second"), 15, 20);
        Assert.InRange(await TryClaimAsync(20, s_alice, 1, "first"), 0, 4);

        for (int i = 4; i < Count; i += 2) _hosts[i].Disconnect();
        for (int i = 5; i < Count; i += 8) Assert.Equal("second", await ResolveAsync(i));
        await Task.Delay(TimeSpan.FromMinutes(61), _net.TimeProvider);
        Assert.Null(await On(7).ResolveAsync("alice.example"));
        Assert.InRange(await On(9).ClaimAsync(s_mallory, 1, "alice.example", "mine now"), 10, 20);
    }, s_limit);

    private async Task<int> TryClaimAsync(int node, KeyPair owner, long version, string value)
    {
        try
        {
            return await On(node).ClaimAsync(owner, version, "alice.example", value);
        }
        catch (DhtException refused)
        {
            Assert.Equal(DhtError.CommitRefused, refused.Error);
            return 0;
        }
    }

    private async Task<string?> ResolveAsync(int node) => (await On(node).ResolveAsync("alice.example"))?.Value;

    private Names On(int node) => _computers[node].GetRequiredService<Names>();

    private static KeyPair Key(byte seed) => KeyPair.FromSeed(Enumerable.Repeat(seed, 32).ToArray());
}
