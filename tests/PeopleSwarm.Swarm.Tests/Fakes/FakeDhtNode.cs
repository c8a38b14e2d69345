using System.Collections.Concurrent;

namespace PeopleSwarm.Swarm.Fakes;

/// <summary>A node of <see cref="FakeNetwork"/>.</summary>
internal sealed class FakeDhtNode(FakeNetwork network, KeyPair keyPair) : IDhtNode
{
    public KeyPair KeyPair { get; } = keyPair;

    public DhtNodeStatus Status { get; private set; } = new();

    public DhtStatistics Statistics { get; } = new();

    public bool IsDisposed { get; private set; }

    public int Listens { get; private set; }

    public ConcurrentQueue<PeerConnectOptions> Dials { get; } = [];

    public event EventHandler? StatusChanged;

    public event EventHandler? NetworkChanged;

    public void RaiseNetworkChanged() => NetworkChanged?.Invoke(this, EventArgs.Empty);

    public void SetStatus(DhtNodeStatus status)
    {
        Status = status;
        StatusChanged?.Invoke(this, EventArgs.Empty);
    }

    public Task StartAsync(CancellationToken cancellationToken = default) => Task.CompletedTask;

    public Task WhenBootstrappedAsync(CancellationToken cancellationToken = default) => Task.CompletedTask;

    public Task<DhtResponse> RequestAsync(DhtRequest request, UdpEndPoint to, DhtRequestOptions? options = null, CancellationToken cancellationToken = default) =>
        Task.FromException<DhtResponse>(new DhtException(DhtError.RequestTimedOut, "Nobody is there."));

    public Task<DhtResponse> PingAsync(UdpEndPoint to, CancellationToken cancellationToken = default) =>
        Task.FromException<DhtResponse>(new DhtException(DhtError.RequestTimedOut, "Nobody is there."));

    public Task<DhtResponse> DelayedPingAsync(UdpEndPoint to, TimeSpan delay, CancellationToken cancellationToken = default) => PingAsync(to, cancellationToken);

    public Task<IReadOnlyList<UdpEndPoint>> ListNodesAsync(int limit = int.MaxValue, CancellationToken cancellationToken = default) =>
        Task.FromResult<IReadOnlyList<UdpEndPoint>>([]);

    public Task AddNodeAsync(UdpEndPoint node, CancellationToken cancellationToken = default) => Task.CompletedTask;

    public Task RefreshAsync(CancellationToken cancellationToken = default) => Task.CompletedTask;

    public IDhtQuery<DhtResponse> FindNode(NodeId target, DhtQueryOptions? options = null) => throw new NotSupportedException();

    public IDhtQuery<DhtResponse> Query(DhtRequest request, DhtQueryOptions? options = null) => throw new NotSupportedException();

    public IDhtQuery<FindPeerReply> FindPeer(PublicKey publicKey, DhtQueryOptions? options = null) => throw new NotSupportedException();

    public IDhtQuery<LookupReply> Lookup(Topic topic, DhtQueryOptions? options = null) => Begin("lookup", topic, options, () => { });

    public IDhtQuery<LookupReply> Announce(Topic topic, KeyPair keyPair, AnnounceOptions? options = null) =>
        Begin(options?.Clear == true ? "announce clear" : "announce", topic, options?.Query,
            () => network.List(topic, new(keyPair.PublicKey, options?.RelayAddresses ?? [])));

    public IReliableStream CreateRawStream(ReliableStreamOptions? options = null) => throw new NotSupportedException();

    public Task<IPeerRelay> RelayAsync(KeyPair? keyPair = null, RelayOptions? options = null, CancellationToken cancellationToken = default) =>
        throw new NotSupportedException("No swarm relays.");

    public IDhtQuery<LookupReply> LookupAndUnannounce(Topic topic, KeyPair keyPair, DhtQueryOptions? options = null) =>
        Begin(options is { OnlyGivenNodes: true, Force: true } ? "goodbye" : "unannounce", topic, options, () => network.Unlist(topic, keyPair.PublicKey));

    public Task<ImmutablePutResult> PutImmutableAsync(ReadOnlyMemory<byte> value, DhtQueryOptions? options = null, CancellationToken cancellationToken = default) =>
        throw new NotSupportedException();

    public Task<ImmutableRecord?> GetImmutableAsync(NodeId target, DhtQueryOptions? options = null, CancellationToken cancellationToken = default) =>
        throw new NotSupportedException();

    public Task<MutablePutResult> PutMutableAsync(KeyPair keyPair, ReadOnlyMemory<byte> value, long seq = 0, DhtQueryOptions? options = null,
        CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public Task<MutablePutResult> PutMutableAsync(MutableRecord record, DhtQueryOptions? options = null, CancellationToken cancellationToken = default) =>
        throw new NotSupportedException();

    public Task<MutableRecord?> GetMutableAsync(PublicKey publicKey, MutableGetOptions? options = null, CancellationToken cancellationToken = default) =>
        throw new NotSupportedException();

    public async Task<IPeerConnection> ConnectAsync(PublicKey publicKey, PeerConnectOptions? options = null, CancellationToken cancellationToken = default)
    {
        options ??= new();
        Dials.Enqueue(options);
        var local = options.KeyPair ?? KeyPair;
        await network.DialGate.WaitAsync(cancellationToken);
        await network.DelayAsync(cancellationToken);
        if (network.DialFault(publicKey, options) is { } fault) throw new PeerConnectException(fault, $"Injected: {fault}.");
        if (!network.Listeners.TryGetValue(publicKey, out var listener)) throw new PeerConnectException(PeerConnectError.PeerNotFound, "Nobody listens.");
        if (await listener.RefusesAsync(local.PublicKey)) throw new PeerConnectException(PeerConnectError.PeerConnectionFailed, "Refused.");
        var (client, server) = FakeConnection.Pair(local.PublicKey, publicKey);
        _ = DeliverAsync(listener, server);
        await network.DelayAsync(CancellationToken.None);
        if (!cancellationToken.IsCancellationRequested) return client;
        client.Abort();
        throw new OperationCanceledException(cancellationToken);
    }

    public async Task<IPeerListener> ListenAsync(KeyPair? keyPair = null, PeerListenOptions? options = null, CancellationToken cancellationToken = default)
    {
        await network.DelayAsync(cancellationToken);
        Listens++;
        var listener = new FakeListener(network, (keyPair ?? KeyPair).PublicKey, options ?? new());
        return network.Listeners.TryAdd(listener.PublicKey, listener) ? listener : throw new InvalidOperationException("This node listens on that key already.");
    }

    public Task SuspendAsync(CancellationToken cancellationToken = default)
    {
        SetStatus(Status with { IsSuspended = true });
        return Task.CompletedTask;
    }

    public Task ResumeAsync(CancellationToken cancellationToken = default)
    {
        SetStatus(Status with { IsSuspended = false });
        return Task.CompletedTask;
    }

    public ValueTask DisposeAsync()
    {
        IsDisposed = true;
        return default;
    }

    private async Task DeliverAsync(FakeListener listener, FakeConnection server)
    {
        await network.DelayAsync();
        listener.Deliver(server);
    }

    private FakeQuery Begin(string kind, Topic topic, DhtQueryOptions? options, Action commit) => new(network, this, kind, topic, options, commit);

    private sealed class FakeQuery(FakeNetwork network, FakeDhtNode node, string kind, Topic topic, DhtQueryOptions? options, Action commit) : IDhtQuery<LookupReply>
    {
        private bool _isFinished;

        public async IAsyncEnumerator<LookupReply> GetAsyncEnumerator(CancellationToken cancellationToken = default)
        {
            var gate = network.AnswerGate;
            network.Journal.Enqueue($"{node.KeyPair.PublicKey.ToString()[..2]} {kind} {topic.ToString()[..2]} {options?.Nodes?.Count ?? 0}");
            for (int i = 0; i < network.Answers; i++)
            {
                await gate.WaitAsync(cancellationToken);
                await network.DelayAsync(cancellationToken);
                yield return new(new(FakeNetwork.StoringNodes[i % 2], null, UdpEndPoint.Loopback(1), null, [], 0, null, TimeSpan.Zero), network.Records(topic), 0);
            }
            await network.DelayAsync(cancellationToken);
            if (network.QueryFault(topic) is { } fault) throw new DhtException(fault, $"Injected: {fault}.");
            commit();
            _isFinished = true;
        }

        public async Task<DhtQueryResult> FinishAsync(CancellationToken cancellationToken = default)
        {
            if (!_isFinished)
                await foreach (var _ in this.WithCancellation(cancellationToken)) { }
            return new(network.Answers == 0 ? [] : FakeNetwork.StoringNodes, network.Answers, 0, 2);
        }

        public ValueTask DisposeAsync() => default;
    }
}
