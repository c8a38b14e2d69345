using System.Buffers.Binary;
using PeopleSwarm.Dht.Rpc;

namespace PeopleSwarm.Dht;

// Requests and queries of any overlay.
internal sealed partial class DhtNode
{
    private const int MaxRetries = 10, MaxConcurrency = 64, MaxDisjointPaths = 10;

    public Task<DhtResponse> RequestAsync(DhtRequest request, UdpEndPoint to, DhtRequestOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        options ??= new();
        int retries = options.Retries;
        if (retries is < 0 or > MaxRetries) throw new ArgumentOutOfRangeException(nameof(options), retries, $"Retries are 0 to {MaxRetries}.");
        if (options.Socket is { } socket) ThrowIfNotOpen(socket, nameof(options));
        ThrowIfNoAddress(to, nameof(to));
        var call = request.ToCall(to) with { Retries = retries, Ttl = options.Ttl, Socket = options.Socket };
        RequestRules.Check(call, nameof(request));
        return SendAsync(call, cancellationToken);
    }

    public Task<DhtResponse> PingAsync(UdpEndPoint to, CancellationToken cancellationToken = default) =>
        RequestAsync(new(RpcCommands.Ping, IsInternal: true), to, null, cancellationToken);

    public Task<DhtResponse> DelayedPingAsync(UdpEndPoint to, TimeSpan delay, CancellationToken cancellationToken = default)
    {
        if (delay < TimeSpan.Zero || delay > _options.MaxPingDelay)
            throw new ArgumentOutOfRangeException(nameof(delay), delay, $"The delay is 0 to {_options.MaxPingDelay}.");
        ThrowIfNoAddress(to, nameof(to));
        var milliseconds = new byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(milliseconds, (uint)delay.TotalMilliseconds);
        var call = new RpcCallRequest(to, RpcCommands.DelayedPing, Value: milliseconds, IsInternal: true, Timeout: delay + RpcProtocol.RequestTimeout);
        return SendAsync(call, cancellationToken);
    }

    public async Task<IReadOnlyList<UdpEndPoint>> ListNodesAsync(int limit = int.MaxValue, CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(limit, 1);
        await StartAsync(cancellationToken).ConfigureAwait(false);
        IReadOnlyList<UdpEndPoint> nodes = [];
        await OnLoopAsync(_ => nodes = _machine.NewestNodes(limit)).WaitAsync(cancellationToken).ConfigureAwait(false);
        return nodes;
    }

    public async Task AddNodeAsync(UdpEndPoint node, CancellationToken cancellationToken = default)
    {
        ThrowIfNoAddress(node, nameof(node));
        await StartAsync(cancellationToken).ConfigureAwait(false);
        await OnLoopAsync(now => _machine.AddNode(now, node)).WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    public async Task RefreshAsync(CancellationToken cancellationToken = default)
    {
        await StartAsync(cancellationToken).ConfigureAwait(false);
        await OnLoopAsync(_machine.Refresh).WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    public IDhtQuery<DhtResponse> FindNode(NodeId target, DhtQueryOptions? options = null) =>
        Query(new(RpcCommands.FindNode, target, IsInternal: true), options);

    public IDhtQuery<DhtResponse> Query(DhtRequest request, DhtQueryOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(request);
        if (request.Target is not { } target) throw new ArgumentException("A query needs a target.", nameof(request));
        RequestRules.Check(request.ToCall(UdpEndPoint.Loopback(1)), nameof(request));
        var commit = options?.Commit is { } made ? new GuardedCommit(made) : null;
        var query = QueryRequest(target, request.Command, request.Value, options) with { IsInternal = request.IsInternal, Commit = commit is null ? null : commit.Make };
        return new DhtQuery<DhtResponse>(this, (now, observer) => _machine.StartQuery(now, query, observer), static (RpcResponse reply, out DhtResponse value) =>
        {
            value = reply.ToPublic();
            return true;
        }, _options.QueryBuffer, commit is null ? null : () => commit.Error, hasCommit: commit is not null);
    }

    private static void ThrowIfNoAddress(UdpEndPoint node, string argument)
    {
        if (!node.IsIPv4 || node.Port == 0) throw new ArgumentException($"'{node}' is not an IPv4 address with a port.", argument);
    }

    private void ThrowIfNotOpen(SocketId socket, string argument)
    {
        try
        {
            _ = _host.GetLocalEndPoint(socket);
        }
        catch (ArgumentException error)
        {
            throw new ArgumentException("No socket with this id is open on the node.", argument, error);
        }
    }

    /// <summary>A query as its options ask for it, but for their commit.</summary>
    /// <exception cref="ArgumentException">An option is out of its range.</exception>
    private static RpcQueryRequest QueryRequest(NodeId target, int command, ReadOnlyMemory<byte>? value, DhtQueryOptions? options)
    {
        options ??= new();
        if (options.Concurrency is { } concurrency) OptionRange.Require(concurrency, 1, MaxConcurrency, "options.Concurrency");
        if (options.DisjointPaths is { } paths) OptionRange.Require(paths, 1, MaxDisjointPaths, "options.DisjointPaths");
        if (options is { OnlyGivenNodes: true, Nodes: null or { Count: 0 } }) throw new ArgumentException("OnlyGivenNodes needs Nodes.", nameof(options));
        return new(target, command, value)
        {
            Nodes = options.Nodes,
            OnlyGivenNodes = options.OnlyGivenNodes,
            Concurrency = options.Concurrency,
            Force = options.Force,
            DisjointPaths = options.DisjointPaths,
        };
    }

    private async Task<DhtResponse> SendAsync(RpcCallRequest request, CancellationToken cancellationToken)
    {
        await StartAsync(cancellationToken).ConfigureAwait(false);
        var done = new TaskCompletionSource<RpcOutcome>(TaskCreationOptions.RunContinuationsAsynchronously);
        IRpcCall? call = null;
        await OnLoopAsync(now => call = _machine.Request(now, request, (_, outcome) => done.TrySetResult(outcome))).ConfigureAwait(false);
        using (cancellationToken.UnsafeRegister(_ => Post(call!.Cancel), null))
        {
            await UntilDisposedAsync(done.Task).ConfigureAwait(false);
        }
        var outcome = await done.Task.ConfigureAwait(false);
        if (outcome.Response is { } response) return response.ToPublic();
        if (outcome.Failure == RpcFailure.Cancelled) cancellationToken.ThrowIfCancellationRequested();
        if (outcome.Failure == RpcFailure.TimedOut) throw new DhtException(DhtError.RequestTimedOut, DescribeSilence(request));
        throw outcome.Failure.ToException();
    }

    private static string DescribeSilence(in RpcCallRequest request) =>
        $"{request.To} did not answer {(request.IsInternal ? "internal " : "")}command {request.Command}, "
        + $"sent {(request.Retries == 0 ? "once" : $"{request.Retries + 1} times")}.";

    /// <summary>The application's commit, called on the loop: what it throws is told where the query ends.</summary>
    private sealed class GuardedCommit(Func<DhtResponse, DhtRequest?> commit)
    {
        public Exception? Error { get; private set; }

        public RpcCallRequest? Make(RpcResponse reply)
        {
            try
            {
                if (commit(reply.ToPublic())?.ToCall(reply.From) is not { } call) return null;
                RequestRules.Check(call, nameof(DhtQueryOptions.Commit));
                return call;
            }
            catch (Exception error)
            {
                Error ??= error;
                return null;
            }
        }
    }
}
