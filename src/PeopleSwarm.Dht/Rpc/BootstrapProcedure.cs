namespace PeopleSwarm.Dht.Rpc;

/// <summary>Joins the network: walks to our own place, tries our server socket on the way, walks again with the new id (spec dht-rpc, 15.2).</summary>
internal sealed class BootstrapProcedure(RpcSettings settings, RequestTable requests, LocalIdentity identity, NetworkState state,
    Action<Timestamp, NodeId, IRpcQueryObserver> findNode, Action<Timestamp> done) : IRpcQueryObserver
{
    private bool _isFirstReply = settings.Firewalled && settings.QuickFirewall && settings.Ephemeral != EphemeralMode.Never;
    private bool _isReachable, _isSecondRound, _isDone;

    public void Start(Timestamp now) => findNode(now, identity.Table.Id, this);

    public void OnReply(Timestamp now, RpcResponse reply)
    {
        if (!_isFirstReply) return;
        _isFirstReply = false;
        requests.Send(now, FirewallProbe.PingNat(reply.From, identity.Sockets.ServerPort), OnFirewallAnswer);
    }

    public void OnFinished(Timestamp now, RpcQueryOutcome outcome)
    {
        if (_isSecondRound || !_isReachable && !state.IsForced)
        {
            Finish(now);
            return;
        }
        _isSecondRound = true;
        state.Update(now, onlyFirewall: !state.IsForced, (at, changed) =>
        {
            if (changed) Start(at);
            else Finish(at);
        });
    }

    // A short walk may end before this answer is here: it counts all the same, and delays nobody.
    private void OnFirewallAnswer(Timestamp now, RpcOutcome outcome)
    {
        if (outcome.Response is not { } answer || answer.Socket != identity.Sockets.Server) return;
        _isReachable = true;
        if (_isDone && !_isSecondRound) state.Update(now, onlyFirewall: true, static (_, _) => { });
    }

    private void Finish(Timestamp now)
    {
        _isDone = true;
        done(now);
    }
}
