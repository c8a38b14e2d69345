namespace PeopleSwarm;

/// <summary>
/// Requests, queries, connects and raw streams made under one object, which all end when it is disposed; the node goes on. For work that is given up as a
/// whole: a page that is left, a task that is cancelled. Members are safe on any thread.
/// </summary>
/// <remarks>
/// Spec: dht-rpc, 9.5. What still runs on dispose fails with <see cref="DhtError.Destroyed"/>, on the disposed session with
/// <see cref="ObjectDisposedException"/>.
/// </remarks>
/// <param name="node">Under whose roof; not disposed with the session.</param>
public sealed class DhtSession(IDhtNode node) : IAsyncDisposable
{
    private readonly Lock _gate = new();
    private readonly CancellationTokenSource _end = new();
    private readonly HashSet<IAsyncDisposable> _queries = [];
    private readonly HashSet<IReliableStream> _streams = [];
    private readonly HashSet<IPeerConnection> _connections = [];
    private volatile bool _isEnded;

    /// <inheritdoc cref="IDhtNode.RequestAsync"/>
    public Task<DhtResponse> RequestAsync(DhtRequest request, UdpEndPoint to, DhtRequestOptions? options = null, CancellationToken cancellationToken = default) =>
        RunAsync(token => node.RequestAsync(request, to, options, token), cancellationToken);

    /// <inheritdoc cref="IDhtNode.PingAsync"/>
    public Task<DhtResponse> PingAsync(UdpEndPoint to, CancellationToken cancellationToken = default) =>
        RunAsync(token => node.PingAsync(to, token), cancellationToken);

    /// <inheritdoc cref="IDhtNode.DelayedPingAsync"/>
    public Task<DhtResponse> DelayedPingAsync(UdpEndPoint to, TimeSpan delay, CancellationToken cancellationToken = default) =>
        RunAsync(token => node.DelayedPingAsync(to, delay, token), cancellationToken);

    /// <inheritdoc cref="IDhtNode.FindNode"/>
    public IDhtQuery<DhtResponse> FindNode(NodeId target, DhtQueryOptions? options = null) => new SessionQuery<DhtResponse>(this, node.FindNode(target, options));

    /// <inheritdoc cref="IDhtNode.Query"/>
    public IDhtQuery<DhtResponse> Query(DhtRequest request, DhtQueryOptions? options = null) => new SessionQuery<DhtResponse>(this, node.Query(request, options));

    /// <inheritdoc cref="IDhtNode.FindPeer"/>
    public IDhtQuery<FindPeerReply> FindPeer(PublicKey publicKey, DhtQueryOptions? options = null) =>
        new SessionQuery<FindPeerReply>(this, node.FindPeer(publicKey, options));

    /// <inheritdoc cref="IDhtNode.Lookup"/>
    public IDhtQuery<LookupReply> Lookup(Topic topic, DhtQueryOptions? options = null) => new SessionQuery<LookupReply>(this, node.Lookup(topic, options));

    /// <inheritdoc cref="IDhtNode.Announce"/>
    public IDhtQuery<LookupReply> Announce(Topic topic, KeyPair keyPair, AnnounceOptions? options = null) =>
        new SessionQuery<LookupReply>(this, node.Announce(topic, keyPair, options));

    /// <inheritdoc cref="IDhtNode.LookupAndUnannounce"/>
    public IDhtQuery<LookupReply> LookupAndUnannounce(Topic topic, KeyPair keyPair, DhtQueryOptions? options = null) =>
        new SessionQuery<LookupReply>(this, node.LookupAndUnannounce(topic, keyPair, options));

    /// <inheritdoc cref="IDhtNode.PutImmutableAsync"/>
    public Task<ImmutablePutResult> PutImmutableAsync(ReadOnlyMemory<byte> value, DhtQueryOptions? options = null, CancellationToken cancellationToken = default) =>
        RunAsync(token => node.PutImmutableAsync(value, options, token), cancellationToken);

    /// <inheritdoc cref="IDhtNode.GetImmutableAsync"/>
    public Task<ImmutableRecord?> GetImmutableAsync(NodeId target, DhtQueryOptions? options = null, CancellationToken cancellationToken = default) =>
        RunAsync(token => node.GetImmutableAsync(target, options, token), cancellationToken);

    /// <inheritdoc cref="IDhtNode.PutMutableAsync(KeyPair, ReadOnlyMemory{byte}, long, DhtQueryOptions?, CancellationToken)"/>
    public Task<MutablePutResult> PutMutableAsync(KeyPair keyPair, ReadOnlyMemory<byte> value, long seq = 0, DhtQueryOptions? options = null,
        CancellationToken cancellationToken = default) => RunAsync(token => node.PutMutableAsync(keyPair, value, seq, options, token), cancellationToken);

    /// <inheritdoc cref="IDhtNode.PutMutableAsync(MutableRecord, DhtQueryOptions?, CancellationToken)"/>
    public Task<MutablePutResult> PutMutableAsync(MutableRecord record, DhtQueryOptions? options = null, CancellationToken cancellationToken = default) =>
        RunAsync(token => node.PutMutableAsync(record, options, token), cancellationToken);

    /// <inheritdoc cref="IDhtNode.GetMutableAsync"/>
    public Task<MutableRecord?> GetMutableAsync(PublicKey publicKey, MutableGetOptions? options = null, CancellationToken cancellationToken = default) =>
        RunAsync(token => node.GetMutableAsync(publicKey, options, token), cancellationToken);

    /// <inheritdoc cref="IDhtNode.ConnectAsync"/>
    /// <remarks>The connection ends in order with the session.</remarks>
    public async Task<IPeerConnection> ConnectAsync(PublicKey publicKey, PeerConnectOptions? options = null, CancellationToken cancellationToken = default)
    {
        var connection = await RunAsync(token => node.ConnectAsync(publicKey, options, token), cancellationToken).ConfigureAwait(false);
        if (TryAdd(_connections, connection))
        {
            _ = ForgetAsync(_connections, connection, connection.Closed);
            return connection;
        }
        connection.Abort();
        await connection.DisposeAsync().ConfigureAwait(false);
        throw Ended(null);
    }

    /// <inheritdoc cref="IDhtNode.CreateRawStream"/>
    /// <remarks>The stream is aborted with the session.</remarks>
    public IReliableStream CreateRawStream(ReliableStreamOptions? options = null)
    {
        ThrowIfEnded();
        var stream = node.CreateRawStream(options);
        if (TryAdd(_streams, stream)) _ = ForgetAsync(_streams, stream, stream.Closed);
        else stream.Abort();
        return stream;
    }

    /// <summary>Cancels requests, queries and connects, aborts raw streams and ends connections in order, as <see cref="IPeerConnection"/> does.</summary>
    public async ValueTask DisposeAsync()
    {
        IAsyncDisposable[] queries, connections;
        IReliableStream[] streams;
        lock (_gate)
        {
            if (_isEnded) return;
            (_isEnded, queries, streams, connections) = (true, [.. _queries], [.. _streams], [.. _connections]);
        }
        await _end.CancelAsync().ConfigureAwait(false);
        foreach (var stream in streams) stream.Abort(Ended(null));
        await Task.WhenAll(queries.Concat(connections).Select(owned => owned.DisposeAsync().AsTask())).ConfigureAwait(false);
    }

    private async Task<T> RunAsync<T>(Func<CancellationToken, Task<T>> operation, CancellationToken cancellationToken)
    {
        ThrowIfEnded();
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _end.Token);
        try
        {
            return await operation(linked.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException cancelled) when (linked.IsCancellationRequested)
        {
            cancellationToken.ThrowIfCancellationRequested();
            throw Ended(cancelled);
        }
    }

    private bool TryAdd<T>(HashSet<T> owned, T item)
    {
        lock (_gate)
        {
            if (_isEnded) return false;
            owned.Add(item);
            return true;
        }
    }

    private void Remove<T>(HashSet<T> owned, T item)
    {
        lock (_gate) owned.Remove(item);
    }

    private async Task ForgetAsync<T>(HashSet<T> owned, T item, Task<StreamClose> closed)
    {
        await closed.ConfigureAwait(false); // never faults
        Remove(owned, item);
    }

    private void ThrowIfEnded() => ObjectDisposedException.ThrowIf(_isEnded, this);

    private static DhtException Ended(Exception? cause) => new(DhtError.Destroyed, "The session was disposed.", cause);

    /// <summary>A query that the session knows of while it runs.</summary>
    private sealed class SessionQuery<T>(DhtSession session, IDhtQuery<T> query) : IDhtQuery<T>
    {
        public async IAsyncEnumerator<T> GetAsyncEnumerator(CancellationToken cancellationToken = default)
        {
            Begin();
            try
            {
                await foreach (var value in query.WithCancellation(cancellationToken).ConfigureAwait(false)) yield return value;
            }
            finally
            {
                session.Remove(session._queries, query);
            }
        }

        public async Task<DhtQueryResult> FinishAsync(CancellationToken cancellationToken = default)
        {
            Begin();
            try
            {
                return await query.FinishAsync(cancellationToken).ConfigureAwait(false);
            }
            finally
            {
                session.Remove(session._queries, query);
            }
        }

        public ValueTask DisposeAsync() => query.DisposeAsync();

        private void Begin() => ObjectDisposedException.ThrowIf(!session.TryAdd(session._queries, query), session);
    }
}
