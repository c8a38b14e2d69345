using System.IO.Pipelines;
using Microsoft.Extensions.Logging;
using PeopleSwarm.Dht.Connect;

namespace PeopleSwarm.Dht;

/// <summary>A secret channel over a stream to a peer.</summary>
internal sealed class PeerConnection : IPeerConnection
{
    private static readonly TimeSpan s_endLimit = TimeSpan.FromSeconds(15); // longer than the stream's own linger

    private readonly IReliableStream _stream;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly Lock _gate = new();
    private volatile PeerPath _path;
    private PeerStream? _asStream;
    private Task? _disposal;

    private PeerConnection(PeerLink link, ISecretChannel channel, TimeProvider time, ILogger logger)
    {
        (_stream, Channel, _time, _logger) = (link.Stream, channel, time, logger);
        (RemotePublicKey, _path) = (link.RemotePublicKey, link.Path);
        if (link.Paths is { } paths && paths.Follow(OnPathChanged) is var path && path != link.Path) OnPathChanged(path);
    }

    public PublicKey LocalPublicKey => Channel.LocalPublicKey;

    public PublicKey RemotePublicKey { get; }

    public ReadOnlyMemory<byte> HandshakeHash => Channel.HandshakeHash;

    public bool IsInitiator => Channel.IsInitiator;

    public UdpEndPoint RemoteEndPoint => _stream.Remote.From;

    public PeerPath Path => _path;

    public event EventHandler<PeerPath>? PathChanged;

    /// <summary>Where the peer's packets come from, and the socket they come to.</summary>
    internal DatagramSource Source => _stream.Remote;

    public ISecretChannel Channel { get; }

    public TimeSpan RoundTripTime => _stream.RoundTripTime;

    public Task<StreamClose> Closed => _stream.Closed;

    public PipeReader Input => Channel.Input;

    public PipeWriter Output => Channel.Output;

    /// <summary>Opens the channel of a link; it takes the link's stream and keys over.</summary>
    public static PeerConnection Open(PeerLink link, ISecretChannelFactory channels, SecretChannelOptions options, TimeProvider time, ILogger logger)
    {
        var channel = channels.Open(link.Stream, link.Keys, options);
        link.Unordered.Channel = channel;
        return new(link, channel, time, logger);
    }

    /// <summary>Completes when the peer was heard on the path: it acknowledged what the channel sends first, or sent the same itself.</summary>
    public Task ProveAsync(TimeSpan limit, CancellationToken cancellationToken) =>
        _stream.WaitForPeerAsync(CancellationToken.None).AsTask().WaitAsync(limit, _time, cancellationToken); // the token ends the wait, and the stream the task

    public Stream AsStream()
    {
        lock (_gate) return _asStream ??= new(this);
    }

    public ValueTask FlushAcknowledgedAsync(CancellationToken cancellationToken = default) => _stream.FlushAcknowledgedAsync(cancellationToken);

    public void ConnectRawStream(IReliableStream stream, uint remoteId)
    {
        ArgumentNullException.ThrowIfNull(stream);
        if (_stream.Closed.IsCompleted) throw new InvalidOperationException("The connection is closed.");
        if (_path == PeerPath.Relayed) throw new InvalidOperationException("The connection is relayed, and the relay knows no other streams.");
        var path = _stream.Remote;
        stream.Connect(path.Socket, remoteId, path.From);
    }

    public void Abort(Exception? error = null) => Channel.Abort(error);

    public ValueTask DisposeAsync()
    {
        lock (_gate) return new(_disposal ??= EndAsync());
    }

    private void OnPathChanged(PeerPath path)
    {
        _path = path;
        PeerLog.PathChanged(_logger, RemotePublicKey, path);
        if (PathChanged is not { } changed) return;
        ThreadPool.UnsafeQueueUserWorkItem(_ =>
        {
            try
            {
                changed(this, path);
            }
            catch (Exception error) // the application's; the connection goes on
            {
                DhtLog.EventHandlerFailed(_logger, error, nameof(PathChanged));
            }
        }, null);
    }

    private async Task EndAsync()
    {
        var end = Channel.DisposeAsync().AsTask();
        try
        {
            await end.WaitAsync(s_endLimit, _time).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            PeerLog.EndGivenUp(_logger, RemotePublicKey, s_endLimit);
            _stream.Abort();
            await end.ConfigureAwait(false);
        }
    }
}
