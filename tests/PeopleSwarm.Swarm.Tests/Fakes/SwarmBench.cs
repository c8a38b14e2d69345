using Microsoft.Extensions.Time.Testing;

namespace PeopleSwarm.Swarm.Fakes;

/// <summary>Several swarms on one fake network.</summary>
internal sealed class SwarmBench(int seed = 1, FakeTimeProvider? time = null) : IAsyncDisposable
{
    private readonly List<PeerSwarm> _swarms = [];

    public FakeNetwork Network { get; } = new(seed, time);

    public PeerSwarm Add(int key, Action<SwarmOptions>? configure = null) => Add(Network.AddNode((byte)key), configure);

    public PeerSwarm Add(FakeDhtNode node, Action<SwarmOptions>? configure = null)
    {
        var options = new SwarmOptions { CloseTimeout = TimeSpan.FromSeconds(1) };
        configure?.Invoke(options);
        var swarm = new PeerSwarm(node, options, Network.Time, new SeededRandom(seed + _swarms.Count));
        _swarms.Add(swarm);
        return swarm;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var swarm in _swarms) await swarm.DisposeAsync();
    }
}
