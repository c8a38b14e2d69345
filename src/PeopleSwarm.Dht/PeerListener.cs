using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using PeopleSwarm.Dht.Connect;

namespace PeopleSwarm.Dht;

/// <summary>A key pair this node listens on, as the application sees it.</summary>
internal sealed class PeerListener : IPeerListener
{
    private static readonly TimeSpan s_dialLimit = TimeSpan.FromSeconds(5); // clients repeat themselves for four; what we send meanwhile is less than three first messages

    private readonly DhtNode _node;
    private readonly PeerListenOptions _options;
    private readonly ILogger _logger;
    private readonly Channel<IPeerConnection> _backlog;
    private readonly CancellationTokenSource _closing = new();
    private readonly CancellationTokenRegistration _nodeEnds;
    private readonly Lock _gate = new();
    private readonly LinkedList<PeerConnection> _unproved = []; // oldest first
    private Task? _disposal;

    public PeerListener(DhtNode node, PublicKey publicKey, PeerListenOptions options, ILogger logger)
    {
        (_node, PublicKey, _options, _logger) = (node, publicKey, options, logger);
        _backlog = Channel.CreateBounded<IPeerConnection>(new BoundedChannelOptions(options.Backlog) { SingleWriter = false });
        _nodeEnds = node.Lifetime.UnsafeRegister(static listener => _ = ((PeerListener)listener!).DisposeAsync().AsTask(), this); // who accepts must not wait for ever
    }

    public PublicKey PublicKey { get; }

    public IReadOnlyList<UdpEndPoint> RelayAddresses => Server?.Announcer.RelayAddresses ?? [];

    /// <summary>What listens for it on the loop.</summary>
    public PeerServer? Server { get; set; }

    public async ValueTask<IPeerConnection> AcceptAsync(CancellationToken cancellationToken = default)
    {
        try
        {
            return await _backlog.Reader.ReadAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (ChannelClosedException)
        {
            throw new ObjectDisposedException(nameof(IPeerListener), "The listener or its node was disposed.");
        }
    }

    public IAsyncEnumerable<IPeerConnection> AcceptAllAsync(CancellationToken cancellationToken = default) => _backlog.Reader.ReadAllAsync(cancellationToken);

    public async Task RefreshAsync(CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(_closing.IsCancellationRequested, this);
        var announced = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await _node.OnLoopAsync(now => Server!.Announcer.Refresh(now, _ => announced.TrySetResult())).ConfigureAwait(false);
        await announced.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Takes a link on the loop, so that its first packet leaves in the same turn, and hands it on once the peer is there; never waits.</summary>
    public void Admit(PeerLink link) => _ = AdmitAsync(link);

    public ValueTask DisposeAsync()
    {
        lock (_gate) return new(_disposal ??= CloseAsync());
    }

    private async Task AdmitAsync(PeerLink link)
    {
        var connection = _node.Open(link, _options.KeepAlive, _options.MaxMessageSize, _options.OnUnorderedMessage);
        try
        {
            if (!link.IsHeard) await ProveAsync(connection).ConfigureAwait(false);
            PeerLog.Accepted(_logger, link.RemotePublicKey, connection.RemoteEndPoint, link.Path);
            if (_backlog.Writer.TryWrite(connection)) return;
            if (!_closing.IsCancellationRequested) PeerLog.BacklogFull(_logger, PublicKey);
        }
        catch (Exception error) when (error is IOException or TimeoutException or OperationCanceledException)
        {
            PeerLog.AcceptFailed(_logger, error, link.RemotePublicKey);
        }
        connection.Abort();
        await connection.DisposeAsync().ConfigureAwait(false);
    }

    /// <summary>Waits for the peer. Its address may be anybody's until then: such connections are few, and the oldest makes room.</summary>
    private async Task ProveAsync(PeerConnection connection)
    {
        var place = new LinkedListNode<PeerConnection>(connection);
        PeerConnection? oldest = null;
        lock (_gate)
        {
            if (_unproved.Count >= _options.MaxHandshakes)
            {
                oldest = _unproved.First!.Value;
                _unproved.RemoveFirst();
            }
            _unproved.AddLast(place);
        }
        oldest?.Abort();
        bool isDialled = connection.Path != PeerPath.Relayed;
        try
        {
            await connection.ProveAsync(isDialled && s_dialLimit < _node.PassiveWait ? s_dialLimit : _node.PassiveWait, _closing.Token).ConfigureAwait(false);
        }
        finally
        {
            lock (_gate) place.List?.Remove(place);
        }
    }

    private async Task CloseAsync()
    {
        await _closing.CancelAsync().ConfigureAwait(false);
        _nodeEnds.Unregister();
        _backlog.Writer.TryComplete();
        if (Server is { } server) await _node.CloseAsync(server).ConfigureAwait(false);
        while (_backlog.Reader.TryRead(out var connection))
        {
            connection.Abort();
            await connection.DisposeAsync().ConfigureAwait(false);
        }
        PeerLog.Closed(_logger, PublicKey);
    }
}
