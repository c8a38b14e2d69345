using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using PeopleSwarm.Dht;

namespace PeopleSwarm;

/// <summary>
/// One connection for each peer: callers that want the same peer share it, and of two that cross each other both sides keep the same one. For programs
/// that know whom they want to reach; to find peers by topic, join a swarm. Members are safe on any thread.
/// </summary>
/// <remarks>
/// Spec: hyperdht, 11. Of a dial of ours and one of the peer the one survives that the smaller key began, as in the reference; of two in the same direction the
/// newer, since the peer has lost the older. The other one is aborted for <see cref="PeerConnectError.DuplicateConnection"/>.
/// </remarks>
public sealed class PeerConnectionPool : IAsyncDisposable
{
    private readonly IDhtNode _node;
    private readonly int _maxConnections;
    private readonly ILogger _logger;
    private readonly Lock _gate = new();
    private readonly Dictionary<PublicKey, IPeerConnection> _open = [];
    private readonly Dictionary<PublicKey, Dial> _dials = [];
    private readonly List<Task> _accepting = [];
    private readonly CancellationTokenSource _end = new();
    private bool _isEnded;

    /// <summary>A pool without connections.</summary>
    /// <param name="node">Dials; not disposed with the pool.</param>
    /// <param name="maxConnections">Peers at once, open or being dialled, 1 or more; what comes in beyond is aborted. Default 1,024.</param>
    /// <param name="logger">Told of event handlers that throw; null for nobody.</param>
    public PeerConnectionPool(IDhtNode node, int maxConnections = 1024, ILogger<PeerConnectionPool>? logger = null)
    {
        ArgumentNullException.ThrowIfNull(node);
        ArgumentOutOfRangeException.ThrowIfLessThan(maxConnections, 1);
        (_node, _maxConnections, _logger) = (node, maxConnections, logger ?? NullLogger<PeerConnectionPool>.Instance);
    }

    /// <summary>A connection was opened, by whichever side, or took the place of another. Raised on a pool thread.</summary>
    public event EventHandler<IPeerConnection>? ConnectionOpened;

    /// <summary>The connections open now.</summary>
    public IReadOnlyList<IPeerConnection> Connections
    {
        get
        {
            lock (_gate) return [.. _open.Values.Where(connection => !connection.Closed.IsCompleted)];
        }
    }

    /// <summary>Peers being dialled now.</summary>
    public int Connecting
    {
        get
        {
            lock (_gate) return _dials.Count;
        }
    }

    /// <summary>The open connection to a peer, if there is one.</summary>
    public bool TryGet(PublicKey publicKey, [NotNullWhen(true)] out IPeerConnection? connection)
    {
        lock (_gate) return _open.TryGetValue(publicKey, out connection) && !connection.Closed.IsCompleted;
    }

    /// <summary>The connection to a peer: the open one, or one that is dialled. Its users share it; who disposes it disposes it for all.</summary>
    /// <param name="publicKey">The peer.</param>
    /// <param name="options">How it is dialled; not used where it is connected or being dialled already.</param>
    /// <param name="cancellationToken">Ends the waiting; the dial goes on for the pool.</param>
    /// <exception cref="PeerConnectException">It failed; the exception says why and what was tried.</exception>
    /// <exception cref="DhtException">The pool is full (<see cref="DhtError.LimitReached"/>).</exception>
    /// <exception cref="ObjectDisposedException">The pool was disposed.</exception>
    public Task<IPeerConnection> ConnectAsync(PublicKey publicKey, PeerConnectOptions? options = null, CancellationToken cancellationToken = default)
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_isEnded, this);
            if (_open.TryGetValue(publicKey, out var open) && !open.Closed.IsCompleted) return Task.FromResult(open);
            if (!_dials.TryGetValue(publicKey, out var dial))
            {
                if (IsFullUnsynchronized) throw new DhtException(DhtError.LimitReached, "The pool holds as many connections as it may.");
                _dials[publicKey] = dial = new(_end.Token);
                _ = DialAsync(publicKey, dial, options);
            }
            return dial.Result.Task.WaitAsync(cancellationToken);
        }
    }

    /// <summary>Takes the connections of a listener from now on, until either is disposed; nobody else accepts from it then.</summary>
    /// <exception cref="ObjectDisposedException">The pool was disposed.</exception>
    public void Attach(IPeerListener listener)
    {
        ArgumentNullException.ThrowIfNull(listener);
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_isEnded, this);
            _accepting.RemoveAll(task => task.IsCompleted);
            _accepting.Add(AcceptAsync(listener));
        }
    }

    /// <summary>Gives up dials, accepts no more and ends all connections in order.</summary>
    public async ValueTask DisposeAsync()
    {
        Task[] accepting;
        lock (_gate)
        {
            if (_isEnded) return;
            (_isEnded, accepting) = (true, [.. _accepting]);
        }
        await _end.CancelAsync().ConfigureAwait(false);
        await Task.WhenAll(accepting).ConfigureAwait(false);
        await Task.WhenAll(Connections.Select(connection => connection.DisposeAsync().AsTask())).ConfigureAwait(false);
    }

    private async Task AcceptAsync(IPeerListener listener)
    {
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding); // not under the lock
        try
        {
            await foreach (var connection in listener.AcceptAllAsync(_end.Token).ConfigureAwait(false)) OnAccepted(connection);
        }
        catch (OperationCanceledException)
        {
            // the pool is disposed
        }
    }

    private async Task DialAsync(PublicKey key, Dial dial, PeerConnectOptions? options)
    {
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding); // not under the lock
        try
        {
            OnDialled(key, dial, await _node.ConnectAsync(key, options, dial.Token).ConfigureAwait(false));
        }
        catch (Exception error) // goes to those who wait
        {
            OnDialFailed(key, dial, error);
        }
        dial.Dispose();
    }

    private void OnDialled(PublicKey key, Dial dial, IPeerConnection connection)
    {
        bool isWanted;
        lock (_gate)
        {
            isWanted = IsCurrent(key, dial) && !_isEnded;
            if (isWanted) OpenUnsynchronized(key, connection, dial);
        }
        (isWanted ? dial.Spare : connection)?.Abort(Duplicate());
        if (!isWanted) OnDialFailed(key, dial, new ObjectDisposedException(nameof(PeerConnectionPool)));
    }

    private void OnDialFailed(PublicKey key, Dial dial, Exception error)
    {
        lock (_gate)
        {
            if (!IsCurrent(key, dial)) return;
            if (dial.Spare is { Closed.IsCompleted: false } spare && !_isEnded)
            {
                OpenUnsynchronized(key, spare, dial);
                return;
            }
            _dials.Remove(key);
        }
        dial.Spare?.Abort();
        dial.Result.TrySetException(error is OperationCanceledException ? new ObjectDisposedException(nameof(PeerConnectionPool)) : error);
        _ = dial.Result.Task.Exception; // everybody may have stopped waiting
    }

    private void OnAccepted(IPeerConnection connection)
    {
        var key = connection.RemotePublicKey;
        IPeerConnection? loser = null, unwanted = null;
        lock (_gate)
        {
            if (_open.TryGetValue(key, out var open) && !open.Closed.IsCompleted)
            {
                bool isKept = !open.IsInitiator || IsBegunBySmallerKey(connection);
                loser = isKept ? open : connection;
                if (isKept) OpenUnsynchronized(key, connection, null);
            }
            else if (_dials.TryGetValue(key, out var dial))
            {
                if (IsBegunBySmallerKey(connection))
                {
                    OpenUnsynchronized(key, connection, dial);
                    dial.Cancel();
                }
                else // the peer drops it once our dial is there; until then it is better than none
                {
                    (loser, dial.Spare) = (dial.Spare, connection);
                }
            }
            else if (_isEnded || IsFullUnsynchronized)
            {
                unwanted = connection;
            }
            else
            {
                OpenUnsynchronized(key, connection, null);
            }
        }
        loser?.Abort(Duplicate());
        unwanted?.Abort();
    }

    private bool IsFullUnsynchronized => _open.Values.Count(connection => !connection.Closed.IsCompleted) + _dials.Count >= _maxConnections;

    private bool IsCurrent(PublicKey key, Dial dial) => _dials.TryGetValue(key, out var current) && current == dial;

    private void OpenUnsynchronized(PublicKey key, IPeerConnection connection, Dial? dial)
    {
        _open[key] = connection;
        if (dial is not null)
        {
            _dials.Remove(key);
            dial.Result.TrySetResult(connection);
        }
        _ = ForgetAsync(key, connection);
        ThreadPool.UnsafeQueueUserWorkItem(_ => Tell(connection), null);
    }

    private async Task ForgetAsync(PublicKey key, IPeerConnection connection)
    {
        await connection.Closed.ConfigureAwait(ConfigureAwaitOptions.ForceYielding); // not under the lock; never faults
        lock (_gate)
        {
            if (_open.TryGetValue(key, out var open) && open == connection) _open.Remove(key);
        }
    }

    private void Tell(IPeerConnection connection)
    {
        try
        {
            ConnectionOpened?.Invoke(this, connection);
        }
        catch (Exception error) // the application's; the pool goes on
        {
            DhtLog.EventHandlerFailed(_logger, error, nameof(ConnectionOpened));
        }
    }

    private static bool IsBegunBySmallerKey(IPeerConnection connection) =>
        connection.LocalPublicKey < connection.RemotePublicKey == connection.IsInitiator;

    private static PeerConnectException Duplicate() =>
        new(PeerConnectError.DuplicateConnection, "Another connection to the same peer was kept.");

    /// <summary>A peer being dialled: those who wait for it, and a connection of the peer's own meanwhile.</summary>
    private sealed class Dial(CancellationToken end) : IDisposable
    {
        private readonly CancellationTokenSource _cancel = CancellationTokenSource.CreateLinkedTokenSource(end);

        public CancellationToken Token => _cancel.Token;

        public TaskCompletionSource<IPeerConnection> Result { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public IPeerConnection? Spare { get; set; }

        public void Cancel() => _ = _cancel.CancelAsync();

        public void Dispose() => _cancel.Dispose();
    }
}
