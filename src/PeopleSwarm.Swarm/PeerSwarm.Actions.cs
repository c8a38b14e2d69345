using PeopleSwarm.Swarm;
using PeopleSwarm.Swarm.Policy;

namespace PeopleSwarm;

/// <summary>What the firewall says of a peer.</summary>
internal enum FirewallVerdict
{
    /// <summary>It may connect.</summary>
    Pass,

    /// <summary>It is refused this time.</summary>
    Refuse,

    /// <summary>It is refused for good.</summary>
    Ban,
}

public sealed partial class PeerSwarm
{
    private static readonly TimeSpan s_minProbe = TimeSpan.FromMilliseconds(250), s_maxProbe = TimeSpan.FromSeconds(1);

    internal const string FirewallReason = "The firewall refused the peer.";

    /// <summary>Asks the application about a peer. On a pool thread, the gate not held.</summary>
    internal async ValueTask<FirewallVerdict> AskFirewallAsync(PublicKey remote, PeerHandshakePayload? payload)
    {
        if (Options.Firewall is not { } firewall) return FirewallVerdict.Pass;
        try
        {
            return await firewall(remote, payload).ConfigureAwait(false) ? FirewallVerdict.Ban : FirewallVerdict.Pass;
        }
        catch (Exception error)
        {
            SwarmLog.FirewallFailed(Logger, remote, error);
            return FirewallVerdict.Refuse;
        }
    }

    /// <summary>The relay of a connection, or null.</summary>
    /// <remarks>Spec: hyperswarm, 2.</remarks>
    internal PublicKey? ChooseRelay(bool force)
    {
        if (Options.ChooseRelay is { } choose) return choose(force);
        if (Options.RelayThrough.Count == 0 || !(force || Dht.Status.IsRandomized)) return null;
        return Options.RelayThrough[_random.Next(Options.RelayThrough.Count)];
    }

    private Task<IPeerListener> ListenOnAsync(CancellationToken cancellationToken) => Dht.ListenAsync(KeyPair, new()
    {
        Firewall = RefusesAsync,
        ChooseRelay = Options.HasRelay ? () => ChooseRelay(force: false) : null,
        HandshakeClearWait = Options.HandshakeClearWait,
        Backlog = Options.Backlog,
        KeepAlive = Options.KeepAlive,
    }, cancellationToken);

    private async ValueTask<bool> RefusesAsync(PublicKey remote, PeerHandshakePayload? payload)
    {
        bool isRefused = false;
        Change((machine, _) => isRefused = machine.Screen(remote) == Screening.Refuse);
        if (isRefused) return true;
        var verdict = await AskFirewallAsync(remote, payload).ConfigureAwait(false);
        if (verdict == FirewallVerdict.Ban) Change((machine, _) => machine.Refused(remote, FirewallReason));
        return verdict != FirewallVerdict.Pass;
    }

    private void Perform(SwarmAction action)
    {
        switch (action)
        {
            case SwarmAction.Dial(var link, var forceRelay):
                _dialler.Start(link, forceRelay);
                break;
            case SwarmAction.CancelDial(var link):
                _dialler.Cancel(link);
                break;
            case SwarmAction.Abort(var connection, var reason):
                SwarmLog.Breaking(Logger, connection.RemotePublicKey, reason);
                connection.Abort(new IOException(reason));
                if (connection is not SwarmConnection) Links.Add(() => DiscardAsync(connection)); // nobody else knows it
                break;
            case SwarmAction.Probe(var link):
                if (link.Connection is not { Closed.IsCompleted: false } asked) break;
                asked.Channel.SendKeepAlive();
                Links.Add(() => AwaitSignOfLifeAsync(link, asked));
                break;
            case SwarmAction.Refresh(var topic):
                Change((_, _) => RefreshUnsynchronized(topic));
                break;
            case SwarmAction.Opened(var link):
                Open(link);
                break;
            case SwarmAction.Banned(var peer, var reason):
                SwarmLog.Banned(Logger, peer.PublicKey, reason);
                Metrics.Banned();
                _events.Post(() => PeerBanned?.Invoke(this, new(peer, reason)));
                break;
            case SwarmAction.TopicFound(var peer, var topic):
                _events.Post(() => peer.RaiseTopicFound(topic));
                break;
            case SwarmAction.Updated:
                _events.Post(() => Updated?.Invoke(this, EventArgs.Empty));
                break;
            case Marker(var reached):
                reached.TrySetResult();
                break;
            case TimerFired:
                Change((machine, now) =>
                {
                    _armedFor = null;
                    machine.HandleTimeout(now);
                });
                break;
        }
    }

    private async Task DiscardAsync(IPeerConnection connection)
    {
        try
        {
            await connection.DisposeAsync().ConfigureAwait(false);
        }
        catch (Exception error)
        {
            SwarmLog.CloseFailed(Logger, connection.RemotePublicKey, error);
        }
    }

    private void RefreshUnsynchronized(TopicMachine topic)
    {
        if (_topics.TryGetValue(topic.Topic, out var discovery) && discovery.Machine == topic) discovery.RefreshUnsynchronized();
    }

    private void Open(Link link)
    {
        var connection = link.Connection!;
        SwarmLog.Connected(Logger, connection.RemotePublicKey, SwarmMetrics.Text(link.Direction), connection.Path);
        Metrics.Opened(link.Direction);
        _feed.Add(connection);
        _events.Post(() => Connected?.Invoke(this, new(connection)));
        Links.Add(() => WatchAsync(link, connection));
    }

    private async Task WatchAsync(Link link, SwarmConnection connection)
    {
        var close = await connection.Closed.ConfigureAwait(false);
        SwarmLog.Closed(Logger, connection.RemotePublicKey, close.Reason);
        Metrics.Closed(link.Direction, close.Reason);
        _feed.OnClosed(connection);
        Change((machine, now) => machine.Closed(now, link, null));
    }

    /// <summary>Waits until what was sent is acknowledged; a few round trips must be enough.</summary>
    private async Task AwaitSignOfLifeAsync(Link link, SwarmConnection connection)
    {
        var limit = TimeSpan.FromTicks(Math.Clamp(4 * connection.RoundTripTime.Ticks, s_minProbe.Ticks, s_maxProbe.Ticks));
        try
        {
            await connection.FlushAcknowledgedAsync().AsTask().WaitAsync(limit, Time).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            SwarmLog.Unreachable(Logger, connection.RemotePublicKey, limit);
            Change((machine, _) => machine.Unreachable(link));
        }
        catch (IOException) // closed meanwhile, which its watch sees
        {
        }
    }

    /// <summary>Completes when every dial and connection that the machine knew at the call has ended.</summary>
    private async Task WhenLinksEndedAsync()
    {
        var reached = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _actions.Post(new Marker(reached));
        await reached.Task.ConfigureAwait(false);
        await Links.WhenIdleAsync().ConfigureAwait(false);
    }

    /// <summary>A place in the order of actions.</summary>
    private sealed record Marker(TaskCompletionSource Reached) : SwarmAction;

    /// <summary>The timer's turn, among the machine's actions.</summary>
    private sealed record TimerFired : SwarmAction
    {
        public static TimerFired Instance { get; } = new();
    }
}
