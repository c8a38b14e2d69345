namespace PeopleSwarm.Dht.Rpc;

/// <summary>The end of a query that stores: one request to each of the closest nodes, all at once. An error is a refusal, not a success.</summary>
internal sealed class CommitRound(RequestTable requests, Func<RpcResponse, RpcCallRequest?> commit, Action<RpcFailure> done)
{
    private readonly List<RpcCall> _calls = [];
    private int _pending;
    private bool _cancelled, _timedOut;

    /// <summary>Nodes that took it.</summary>
    public int Committed { get; private set; }

    /// <summary>The error code of the latest refusal; 0 for none.</summary>
    public int LastError { get; private set; }

    public void Start(Timestamp now, IReadOnlyList<RpcResponse> replies)
    {
        _pending = 1;
        foreach (var reply in replies) Send(now, reply, isRetry: false);
        Settle();
    }

    public void Cancel(Timestamp now)
    {
        _cancelled = true;
        foreach (var call in _calls) call.Cancel(now);
    }

    private void Send(Timestamp now, RpcResponse reply, bool isRetry)
    {
        if (commit(reply) is not { } request) return;
        _pending++;
        _calls.Add(requests.Send(now, request, (at, outcome) => OnOutcome(at, reply, outcome, isRetry)));
    }

    private void OnOutcome(Timestamp now, RpcResponse reply, RpcOutcome outcome, bool isRetry)
    {
        if (_cancelled) return;
        if (outcome.Response is { Error: 0 }) Committed++;
        else if (outcome.Response is not { } refusal) _timedOut |= outcome.Failure == RpcFailure.TimedOut;
        else if (refusal is { Error: RpcErrors.InvalidToken, Token: not null } && !isRetry) Send(now, reply with { Token = refusal.Token }, isRetry: true);
        else LastError = refusal.Error;
        Settle();
    }

    private void Settle()
    {
        if (--_pending == 0) done(Committed == 0 && LastError == 0 && _timedOut ? RpcFailure.TimedOut : RpcFailure.None);
    }
}
