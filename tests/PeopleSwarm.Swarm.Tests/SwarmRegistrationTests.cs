using System.Diagnostics;
using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using PeopleSwarm.Swarm.Fakes;

namespace PeopleSwarm.Swarm;

public class SwarmRegistrationTests
{
    private static readonly byte[] s_seed = [.. Enumerable.Range(1, 32).Select(i => (byte)i)];

    [Fact]
    public async Task A_container_gives_one_swarm_on_the_node_that_was_registered_first()
    {
        var node = new FakeNetwork().AddNode(7);
        await using var provider = new ServiceCollection().AddSingleton<IDhtNode>(node).AddSwarm().AddSwarm(o => o.MaxPeers = 5).BuildServiceProvider();
        var swarm = provider.GetRequiredService<IPeerSwarm>();
        Assert.Same(swarm, provider.GetRequiredService<IPeerSwarm>());
        Assert.Same(node, swarm.Dht);
        Assert.Equal(Keys.Public(7), swarm.KeyPair.PublicKey);
        Assert.Equal(5, provider.GetRequiredService<IOptions<SwarmOptions>>().Value.MaxPeers);
        Assert.Equal(0, node.Listens);
    }

    [Fact]
    public async Task A_seed_makes_the_key_pair()
    {
        await using var provider = Services(new FakeNetwork().AddNode(7), o => o.Seed = s_seed).BuildServiceProvider();
        var expected = provider.GetRequiredService<ICryptoSuite>().CreateKeyPair(s_seed);
        Assert.Equal(expected.PublicKey, provider.GetRequiredService<IPeerSwarm>().KeyPair.PublicKey);
    }

    [Fact]
    public async Task A_wrong_option_is_named_when_the_swarm_is_asked_for()
    {
        await using var provider = Services(new FakeNetwork().AddNode(7), o => (o.MaxPeers, o.Jitter) = (0, TimeSpan.FromHours(1))).BuildServiceProvider();
        var error = Assert.Throws<OptionsValidationException>(() => provider.GetRequiredService<IPeerSwarm>());
        Assert.Contains("MaxPeers", error.Message, StringComparison.Ordinal);
        Assert.Contains("Jitter: must be between", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_containers_node_is_suspended_with_the_swarm_and_left_to_the_container()
    {
        var node = new FakeNetwork().AddNode(7);
        var provider = Services(node).BuildServiceProvider();
        var swarm = provider.GetRequiredService<IPeerSwarm>();
        await swarm.SuspendAsync();
        Assert.True(node.Status.IsSuspended);
        await swarm.ResumeAsync();
        Assert.False(node.Status.IsSuspended);
        await swarm.DisposeAsync();
        Assert.False(node.IsDisposed);
        await provider.DisposeAsync();
        Assert.False(node.IsDisposed); // an instance that was handed to the container is the caller's
    }

    [Fact]
    public async Task A_swarm_made_without_a_host_owns_its_node()
    {
        var node = new FakeNetwork().AddNode(7);
        var swarm = PeerSwarm.Create(o => o.Seed = s_seed, services => services.AddSingleton<IDhtNode>(_ => node));
        await swarm.Join(Keys.Topic(1)).FlushedAsync();
        await swarm.DisposeAsync();
        await swarm.DisposeAsync();
        Assert.True(node.IsDisposed);
    }

    [Fact]
    public async Task Dials_and_connections_are_measured_and_traced()
    {
        List<string> measured = [];
        List<(Activity Activity, int OpenConnections)> activities = [];
        string dialled = Keys.Public(41).ToString(), absent = Keys.Public(43).ToString();
        await using var bench = new SwarmBench();
        PeerSwarm server = bench.Add(41), client = bench.Add(42);
        using var meters = new MeterListener();
        meters.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Meter.Name == "PeopleSwarm.Swarm") listener.EnableMeasurementEvents(instrument);
        };
        meters.SetMeasurementEventCallback<long>((instrument, value, tags, _) =>
        {
            lock (measured) measured.Add($"{instrument.Name} {value} {string.Join(' ', tags.ToArray().Select(tag => tag.Value))}");
        });
        meters.Start();
        using var listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == "PeopleSwarm.Swarm",
            Sample = (ref _) => ActivitySamplingResult.AllData,
            ActivityStopped = activity =>
            {
                if (activity.GetTagItem("peer.key") is not string key || (key != dialled && key != absent)) return; // another test's
                lock (activities) activities.Add((activity, client.Connections.Count));
            },
        };
        ActivitySource.AddActivityListener(listener);
        await server.ListenAsync();
        client.JoinPeer(Keys.Public(41));
        client.JoinPeer(Keys.Public(43));
        await client.FlushAsync();
        await Wait.UntilAsync(() => Measured("peopleswarm.swarm.connections.opened 1 client"), "a connection counted");
        meters.RecordObservableInstruments();
        Assert.True(Measured("peopleswarm.swarm.dials 1 opened"));
        Assert.True(Measured("peopleswarm.swarm.dials 1 PeerNotFound"));
        Assert.True(Measured("peopleswarm.swarm.connections 1 "));
        lock (activities)
        {
            var opened = Assert.Single(activities, ended => ended.Activity.GetTagItem("peer.key") is string key && key == dialled);
            Assert.Equal("Direct", opened.Activity.GetTagItem("peer.path"));
            Assert.Equal(0, opened.OpenConnections); // ended before anybody hears of it
            activities.Remove(opened);
            Assert.NotEmpty(activities); // who is absent is dialled again after a second
            Assert.All(activities, ended => Assert.Equal(ActivityStatusCode.Error, ended.Activity.Status));
        }

        bool Measured(string text)
        {
            lock (measured) return measured.Contains(text);
        }
    }

    private static IServiceCollection Services(FakeDhtNode node, Action<SwarmOptions>? configure = null) =>
        new ServiceCollection().AddSingleton<IDhtNode>(node).AddSwarm(configure);
}
