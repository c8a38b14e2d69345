using System.Collections.Concurrent;
using System.Diagnostics;
using PeopleSwarm.Swarm.Policy;

namespace PeopleSwarm.Swarm;

/// <summary>Runs the dials that the policy asks for.</summary>
internal sealed class SwarmDialler(PeerSwarm swarm)
{
    private readonly ConcurrentDictionary<Link, CancellationTokenSource> _dials = [];

    /// <summary>Begins a dial; its outcome goes to the machine.</summary>
    public void Start(Link link, bool forceRelay)
    {
        var cancellation = new CancellationTokenSource();
        _dials[link] = cancellation;
        swarm.Links.Add(async () =>
        {
            try
            {
                await DialAsync(link, forceRelay, cancellation.Token).ConfigureAwait(false);
            }
            finally
            {
                _dials.TryRemove(link, out _);
            }
        });
    }

    /// <summary>Gives a dial up.</summary>
    public void Cancel(Link link)
    {
        if (_dials.TryGetValue(link, out var cancellation)) _ = cancellation.CancelAsync();
    }

    private async Task DialAsync(Link link, bool forceRelay, CancellationToken cancellationToken)
    {
        var key = link.Peer.PublicKey;
        var verdict = await swarm.AskFirewallAsync(key, null).ConfigureAwait(false);
        if (verdict != FirewallVerdict.Pass)
        {
            swarm.Change((machine, now) => machine.DialRefused(now, link, verdict == FirewallVerdict.Ban ? PeerSwarm.FirewallReason : null));
            return;
        }
        swarm.Change((machine, _) => machine.DialStarted());
        SwarmLog.Dialling(swarm.Logger, key, link.Peer.Attempts);
        var (connection, cause) = await ConnectAsync(link, forceRelay, cancellationToken).ConfigureAwait(false);
        swarm.Change((machine, now) =>
        {
            if (connection is null) machine.Closed(now, link, cause);
            else machine.DialOpened(now, link, connection);
        });
    }

    /// <summary>One connect, measured and traced; both are done before anybody hears of its outcome.</summary>
    private async Task<(IPeerConnection? Connection, PeerConnectError? Cause)> ConnectAsync(Link link, bool forceRelay, CancellationToken cancellationToken)
    {
        var key = link.Peer.PublicKey;
        using var activity = SwarmMetrics.Activities.StartActivity("swarm dial", ActivityKind.Client);
        activity?.SetTag("peer.key", key.ToString()).SetTag("peer.attempt", link.Peer.Attempts);
        var begun = Timestamp.Now(swarm.Time);
        try
        {
            var connection = await swarm.Dht.ConnectAsync(key, Options(link.Peer, forceRelay), cancellationToken).ConfigureAwait(false);
            swarm.Metrics.DialEnded("opened", Timestamp.Now(swarm.Time) - begun);
            activity?.SetTag("peer.path", connection.Path.ToString());
            return (connection, null);
        }
        catch (Exception error)
        {
            var cause = (error as PeerConnectException)?.Error;
            string outcome = cause?.ToString() ?? (cancellationToken.IsCancellationRequested ? "Cancelled" : error.GetType().Name);
            swarm.Metrics.DialEnded(outcome, Timestamp.Now(swarm.Time) - begun);
            activity?.SetStatus(ActivityStatusCode.Error, outcome);
            SwarmLog.DialFailed(swarm.Logger, key, error.Message);
            return (null, cause);
        }
    }

    private PeerConnectOptions Options(PeerInfo peer, bool forceRelay) => new()
    {
        KeyPair = swarm.KeyPair,
        RelayAddresses = peer.RelayAddresses,
        RelayThrough = swarm.ChooseRelay(forceRelay),
        Timeout = swarm.Options.DialTimeout,
        KeepAlive = swarm.Options.KeepAlive,
    };
}
