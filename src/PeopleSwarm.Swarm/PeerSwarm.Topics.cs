using PeopleSwarm.Swarm;
using PeopleSwarm.Swarm.Policy;

namespace PeopleSwarm;

public sealed partial class PeerSwarm
{
    /// <inheritdoc/>
    public ITopicSession Join(Topic topic, JoinOptions? options = null)
    {
        options ??= new();
        Check(options);
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_machine.IsDestroyed, this);
            if (!_topics.TryGetValue(topic, out var discovery))
            {
                discovery = new(this, _machine.AddTopic(topic), _withdrawals.GetValueOrDefault(topic, Task.CompletedTask));
                _topics.Add(topic, discovery);
            }
            var modes = discovery.Machine.AddSession(options);
            discovery.RefreshUnsynchronized();
            return new TopicSession(this, discovery, modes);
        }
    }

    /// <inheritdoc/>
    public Task LeaveAsync(Topic topic, CancellationToken cancellationToken = default)
    {
        var left = Task.CompletedTask;
        Change((_, now) => left = _topics.TryGetValue(topic, out var discovery) ? LeaveUnsynchronized(now, discovery) : left);
        return left.WaitAsync(cancellationToken);
    }

    /// <inheritdoc/>
    public ITopicDiscovery? GetTopic(Topic topic) => Read(_ => _topics.GetValueOrDefault(topic));

    /// <inheritdoc/>
    public Task ClearAsync(CancellationToken cancellationToken = default) => LeaveAll().WaitAsync(cancellationToken);

    /// <summary>Throws if a topic cannot be joined this way.</summary>
    internal static void Check(JoinOptions options)
    {
        if (options is { Server: false, Client: false })
            throw new ArgumentException("Ask for server or client mode, or both.", nameof(options));
        if (options.Limit < 1) throw new ArgumentException($"Limit must be at least 1, not {options.Limit}.", nameof(options));
    }

    /// <summary>Gives a session other modes and refreshes its topic.</summary>
    internal Task ChangeSession(TopicDiscovery discovery, SessionModes modes, JoinOptions options)
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(modes.IsEnded, typeof(ITopicSession));
            modes.Options = options;
            var refreshed = discovery.RefreshUnsynchronized();
            _machine.TopicChanged(Timestamp.Now(Time));
            PublishUnsynchronized();
            return refreshed;
        }
    }

    /// <summary>Ends a session: the last one leaves the topic, the last announcing one withdraws us.</summary>
    internal Task EndSession(TopicDiscovery discovery, SessionModes modes)
    {
        var ended = Task.CompletedTask;
        Change((machine, now) =>
        {
            if (!discovery.Machine.RemoveSession(modes)) return;
            if (discovery.Machine.SessionCount == 0)
            {
                ended = LeaveUnsynchronized(now, discovery);
                return;
            }
            if (discovery.Machine.MustStopAnnouncing) ended = discovery.RefreshUnsynchronized();
            machine.TopicChanged(now);
        });
        return ended;
    }

    private Task LeaveAll()
    {
        var left = Task.CompletedTask;
        Change((_, now) => left = Task.WhenAll([.. _topics.Values.ToArray().Select(topic => LeaveUnsynchronized(now, topic)), .. _withdrawals.Values]));
        return left;
    }

    private Task LeaveUnsynchronized(Timestamp now, TopicDiscovery discovery)
    {
        if (_topics.GetValueOrDefault(discovery.Topic) == discovery) _topics.Remove(discovery.Topic);
        _machine.RemoveTopic(now, discovery.Machine);
        var withdrawal = discovery.WithdrawUnsynchronized();
        _withdrawals[discovery.Topic] = withdrawal;
        _ = ForgetWithdrawalAsync(discovery.Topic, withdrawal);
        return withdrawal;
    }

    private async Task ForgetWithdrawalAsync(Topic topic, Task withdrawal)
    {
        await withdrawal.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        lock (_gate)
        {
            if (_withdrawals.GetValueOrDefault(topic) == withdrawal) _withdrawals.Remove(topic);
        }
    }
}
