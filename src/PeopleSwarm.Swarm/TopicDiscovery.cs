using PeopleSwarm.Swarm.Policy;

namespace PeopleSwarm.Swarm;

/// <summary>Runs the queries of a topic. Methods named …Unsynchronized want the swarm's gate held.</summary>
internal sealed class TopicDiscovery(PeerSwarm swarm, TopicMachine machine, Task predecessor) : ITopicDiscovery
{
    private Task _predecessor = predecessor; // the withdrawal before us; never faults
    private Task<bool> _refresh = Task.FromResult(true);
    private Func<Task>? _cancelRunning;

    public TopicMachine Machine => machine;

    public Topic Topic => machine.Topic;

    public bool IsServer => swarm.Read(_ => machine.IsServer);

    public bool IsClient => swarm.Read(_ => machine.IsClient);

    public int SessionCount => swarm.Read(_ => machine.SessionCount);

    public bool IsDestroyed => swarm.Read(_ => machine.IsDestroyed);

    /// <summary>Refreshes, or joins the refresh that runs. True if nodes answered. The task never faults.</summary>
    public Task<bool> RefreshUnsynchronized()
    {
        if (machine.BeginRefresh() is not { } plan) return _refresh;
        CancelRunning();
        var cancellation = new CancellationTokenSource();
        _cancelRunning = cancellation.CancelAsync;
        return _refresh = RunAsync(plan, _refresh, _predecessor, cancellation.Token);
    }

    /// <summary>Completes when no refresh runs; the result is that of the last one.</summary>
    public async Task<bool> WhenRefreshedAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            var current = swarm.Read(_ => _refresh);
            bool result = await current.WaitAsync(cancellationToken).ConfigureAwait(false);
            if (swarm.Read(_ => _refresh) == current) return result;
        }
    }

    /// <summary>Ends the refresh and withdraws us; the machine was destroyed or suspended before. The task never faults.</summary>
    public Task WithdrawUnsynchronized()
    {
        CancelRunning();
        return _predecessor = WithdrawAsync(_refresh, _predecessor);
    }

    private void CancelRunning()
    {
        _ = _cancelRunning?.Invoke(); // its callbacks run on the pool, not under the gate
        _cancelRunning = null;
    }

    private async Task<bool> RunAsync(RefreshPlan plan, Task before, Task predecessor, CancellationToken cancellationToken)
    {
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        IReadOnlyList<UdpEndPoint>? closestNodes = null;
        try
        {
            await before.ConfigureAwait(false);
            await predecessor.ConfigureAwait(false);
            if (swarm.Read(_ => machine.IsCurrent(plan))) closestNodes = await QueryAsync(plan, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception error)
        {
            if (!cancellationToken.IsCancellationRequested) SwarmLog.RefreshFailed(swarm.Logger, Topic, error);
        }
        swarm.Change((_, now) => machine.EndRefresh(now, plan, closestNodes));
        return closestNodes is { Count: > 0 };
    }

    private async Task<IReadOnlyList<UdpEndPoint>?> QueryAsync(RefreshPlan plan, CancellationToken cancellationToken)
    {
        SwarmLog.Refreshing(swarm.Logger, Topic, plan.Kind.ToString());
        if (plan.Kind == RefreshKind.Announce)
        {
            await swarm.Listener.StartAsync().WaitAsync(cancellationToken).ConfigureAwait(false);
            if (!swarm.Read(_ => TryAnnounceUnsynchronized(plan))) return null;
        }
        int peers = 0;
        var query = BeginQuery(plan);
        await using (((IAsyncDisposable)query).ConfigureAwait(false))
        {
            await foreach (var reply in query.WithCancellation(cancellationToken).ConfigureAwait(false))
            {
                peers += reply.Peers.Count;
                swarm.Change((swarmMachine, now) => HandOnUnsynchronized(swarmMachine, now, plan, reply));
            }
            var result = await query.FinishAsync(cancellationToken).ConfigureAwait(false);
            SwarmLog.Refreshed(swarm.Logger, Topic, result.ClosestNodes.Count, peers);
            return result.ClosestNodes;
        }
    }

    private IDhtQuery<LookupReply> BeginQuery(RefreshPlan plan)
    {
        var options = new DhtQueryOptions { Nodes = plan.Nodes };
        return plan.Kind switch
        {
            RefreshKind.Announce => swarm.Dht.Announce(Topic, swarm.KeyPair,
                new() { Query = options, RelayAddresses = swarm.Listener.RelayAddresses, Clear = plan.Clear }),
            RefreshKind.LookupAndUnannounce => swarm.Dht.LookupAndUnannounce(Topic, swarm.KeyPair, options),
            _ => swarm.Dht.Lookup(Topic, options),
        };
    }

    private bool TryAnnounceUnsynchronized(RefreshPlan plan)
    {
        if (!machine.IsCurrent(plan)) return false;
        machine.OnAnnouncing();
        return true;
    }

    private void HandOnUnsynchronized(SwarmMachine swarmMachine, Timestamp now, RefreshPlan plan, LookupReply reply)
    {
        if (!machine.IsCurrent(plan)) return;
        foreach (var peer in reply.Peers) swarmMachine.Found(now, machine, peer);
    }

    /// <remarks>Spec: hyperswarm, 8.4: only the nodes that can list us, sent once.</remarks>
    private async Task WithdrawAsync(Task refresh, Task predecessor)
    {
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        await refresh.ConfigureAwait(false);
        await predecessor.ConfigureAwait(false);
        var nodes = swarm.Read(_ => machine.TakeUnannounce());
        if (nodes is { Count: 0 }) return;
        try
        {
            using var timeout = new CancellationTokenSource(swarm.Options.CloseTimeout, swarm.Time);
            var options = nodes is null ? null : new DhtQueryOptions { Nodes = nodes, OnlyGivenNodes = true, Force = true };
            var query = swarm.Dht.LookupAndUnannounce(Topic, swarm.KeyPair, options);
            await using (((IAsyncDisposable)query).ConfigureAwait(false)) await query.FinishAsync(timeout.Token).ConfigureAwait(false);
        }
        catch (Exception error)
        {
            SwarmLog.UnannounceFailed(swarm.Logger, Topic, error);
        }
    }
}
