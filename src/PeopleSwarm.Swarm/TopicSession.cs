using PeopleSwarm.Swarm.Policy;

namespace PeopleSwarm.Swarm;

/// <summary>A joined topic, for its caller.</summary>
internal sealed class TopicSession(PeerSwarm swarm, TopicDiscovery discovery, SessionModes modes) : ITopicSession
{
    public Topic Topic => discovery.Topic;

    public bool IsServer => modes.Options.Server;

    public bool IsClient => modes.Options.Client;

    public ITopicDiscovery Discovery => discovery;

    public async Task<bool> FlushedAsync(CancellationToken cancellationToken = default) =>
        await discovery.WhenRefreshedAsync(cancellationToken).ConfigureAwait(false) && !swarm.Read(_ => modes.IsEnded || discovery.Machine.IsDestroyed);

    public async Task RefreshAsync(JoinOptions? options = null, CancellationToken cancellationToken = default)
    {
        options ??= modes.Options;
        PeerSwarm.Check(options);
        await swarm.ChangeSession(discovery, modes, options).WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    public async ValueTask DisposeAsync() => await swarm.EndSession(discovery, modes).ConfigureAwait(false);
}
