using Microsoft.Extensions.Options;
using PeopleSwarm.Swarm.Fakes;

namespace PeopleSwarm.Swarm;

public class SwarmOptionsTests
{
    private static readonly FakeDhtNode s_node = new FakeNetwork().AddNode(1);

    public static TheoryData<string, Action<SwarmOptions>> Faults => new()
    {
        { "MaxPeers", o => o.MaxPeers = 0 },
        { "MaxClientConnections", o => o.MaxClientConnections = -1 },
        { "MaxServerConnections", o => o.MaxServerConnections = 70_000 },
        { "MaxParallel", o => o.MaxParallel = 0 },
        { "DialTimeout", o => o.DialTimeout = TimeSpan.Zero },
        { "KeepAlive", o => o.KeepAlive = TimeSpan.FromSeconds(-1) },
        { "HandshakeClearWait", o => o.HandshakeClearWait = TimeSpan.FromHours(1) },
        { "ShortBackoff", o => o.ShortBackoff = TimeSpan.Zero },
        { "MediumBackoff", o => o.MediumBackoff = TimeSpan.FromMilliseconds(2) },
        { "LongBackoff", o => o.LongBackoff = TimeSpan.FromSeconds(1) },
        { "ExplicitBackoff", o => o.ExplicitBackoff = TimeSpan.FromDays(2) },
        { "Jitter", o => o.Jitter = TimeSpan.FromMinutes(1) },
        { "MaxKnownPeers", o => o.MaxKnownPeers = 0 },
        { "MaxBannedPeers", o => o.MaxBannedPeers = 0 },
        { "MaxQueuedPeers", o => o.MaxQueuedPeers = 5000 },
        { "MaxTopicsPerPeer", o => o.MaxTopicsPerPeer = 0 },
        { "Backlog", o => o.Backlog = 0 },
        { "CloseTimeout", o => o.CloseTimeout = TimeSpan.FromDays(1) },
        { "Seed", o => o.Seed = new byte[31] },
        { "Seed", o => (o.Seed, o.KeyPair) = (new byte[32], Keys.Pair(1)) },
        { "KeyPair", o => o.KeyPair = new(Keys.Public(1), []) },
    };

    [Theory, MemberData(nameof(Faults), DisableDiscoveryEnumeration = true)]
    public void A_wrong_value_is_refused_by_name_before_anything_starts(string option, Action<SwarmOptions> fault)
    {
        var options = new SwarmOptions();
        fault(options);
        var error = Assert.Throws<OptionsValidationException>(() => new PeerSwarm(s_node, options));
        Assert.Contains(error.Failures, failure => failure.Contains(option, StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_key_pair_is_the_options_or_the_nodes()
    {
        await using var bench = new SwarmBench();
        Assert.Equal(Keys.Public(3), bench.Add(3).KeyPair.PublicKey);
        Assert.Equal(Keys.Public(4), bench.Add(3, o => o.KeyPair = Keys.Pair(4)).KeyPair.PublicKey);
        Assert.Throws<ArgumentException>(() => bench.Add(3, o => o.Seed = new byte[32]));
    }

    [Fact]
    public async Task What_the_listener_and_the_dials_need_reaches_them()
    {
        await using var bench = new SwarmBench();
        var node = bench.Network.AddNode(1);
        var swarm = bench.Add(node, o =>
        {
            PeerSwarmTests.NoRetries(o);
            o.DialTimeout = TimeSpan.FromSeconds(7);
            o.KeepAlive = TimeSpan.FromSeconds(2);
            o.HandshakeClearWait = TimeSpan.FromSeconds(3);
            o.Backlog = 11;
            o.ChooseRelay = force => force ? null : Keys.Public(5);
        });
        await swarm.ListenAsync();
        var listen = bench.Network.Listeners[Keys.Public(1)].Options;
        Assert.Equal((TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(3), 11), (listen.KeepAlive, listen.HandshakeClearWait, listen.Backlog));
        Assert.Equal(Keys.Public(5), listen.ChooseRelay!());
        swarm.JoinPeer(Keys.Public(2));
        await swarm.FlushAsync();
        var dial = Assert.Single(node.Dials);
        Assert.Equal((TimeSpan.FromSeconds(7), TimeSpan.FromSeconds(2), Keys.Public(5)), (dial.Timeout, dial.KeepAlive, dial.RelayThrough));
        Assert.Same(swarm.KeyPair, dial.KeyPair);
    }
}
