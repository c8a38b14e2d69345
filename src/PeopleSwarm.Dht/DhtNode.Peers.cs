using System.Net.Sockets;
using PeopleSwarm.Dht.Announcing;
using PeopleSwarm.Dht.Connect;
using PeopleSwarm.Dht.Messages;
using PeopleSwarm.Dht.Rpc;

namespace PeopleSwarm.Dht;

// Peers: who they are, where they meet, and connections to them.
internal sealed partial class DhtNode : IDhtNode
{
    private static readonly TimeSpan s_minConnectTimeout = TimeSpan.FromSeconds(1), s_maxConnectTimeout = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan s_minClearWait = TimeSpan.FromSeconds(1), s_maxClearWait = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan s_maxKeepAlive = TimeSpan.FromHours(1);
    private const int MaxHandshakes = 65_536, MaxBacklog = 65_536;
    private const int MaxRelayAddresses = 32; // storing nodes keep three

    /// <summary>Time a new connection has to prove its path.</summary>
    internal TimeSpan PassiveWait => _peerOptions.PassiveWait;

    public IDhtQuery<FindPeerReply> FindPeer(PublicKey publicKey, DhtQueryOptions? options = null)
    {
        var request = QueryRequest(PeerTarget.Of(_services.Crypto, publicKey), PeerCommand.FindPeer, null, options);
        return new DhtQuery<FindPeerReply>(this, (now, observer) => _machine.StartQuery(now, request, observer), MapFindPeer, _options.QueryBuffer);

        bool MapFindPeer(RpcResponse reply, out FindPeerReply value)
        {
            value = null!;
            if (reply.Value is not { } bytes || !PeerRecordCodec.TryRead(bytes.Span, out var record) || record.PublicKey != publicKey) return false;
            value = new(reply.ToPublic(), record);
            return true;
        }
    }

    public IDhtQuery<LookupReply> Lookup(Topic topic, DhtQueryOptions? options = null)
    {
        var request = QueryRequest(new(topic.ToArray()), PeerCommand.Lookup, null, options);
        return new DhtQuery<LookupReply>(this, (now, observer) => _machine.StartQuery(now, request, observer), MapLookup, _options.QueryBuffer);
    }

    public IDhtQuery<LookupReply> Announce(Topic topic, KeyPair keyPair, AnnounceOptions? options = null)
    {
        options ??= new();
        ArgumentNullException.ThrowIfNull(keyPair);
        ThrowIfCannotSign(keyPair);
        OptionRange.Require(options.Bump, 0, CompactReader.MaxInteger);
        if (options.RelayAddresses.Count > MaxRelayAddresses || options.RelayAddresses.Any(a => !a.IsIPv4))
            throw new ArgumentException($"Relay addresses are at most {MaxRelayAddresses} IPv4 addresses.", nameof(options));
        var record = new PeerRecord(keyPair.PublicKey, options.RelayAddresses);
        return ChangeTopic(topic, keyPair, record, options.Bump, options.Clear, options.Query);
    }

    public IDhtQuery<LookupReply> LookupAndUnannounce(Topic topic, KeyPair keyPair, DhtQueryOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(keyPair);
        ThrowIfCannotSign(keyPair);
        return ChangeTopic(topic, keyPair, record: null, bump: 0, withdraw: true, options);
    }

    public async Task<IPeerConnection> ConnectAsync(PublicKey publicKey, PeerConnectOptions? options = null, CancellationToken cancellationToken = default) =>
        await ConnectAgainAsync(publicKey, options ?? new(), cancellationToken).ConfigureAwait(false);

    private async Task<PeerConnection> ConnectOnceAsync(PublicKey publicKey, PeerConnectOptions options, CancellationToken cancellationToken)
    {
        var keyPair = options.KeyPair ?? KeyPair;
        ThrowIfCannotShakeHands(keyPair, nameof(options));
        OptionRange.Require(options.Timeout, s_minConnectTimeout, s_maxConnectTimeout);
        OptionRange.Require(options.KeepAlive, TimeSpan.Zero, s_maxKeepAlive);
        OptionRange.Require(options.MaxMessageSize, 1, SecretChannelOptions.Default.MaxMessageSize);
        await StartAsync(cancellationToken).ConfigureAwait(false);
        long started = _services.Time.GetTimestamp();
        var (link, connection) = await DialAsync(publicKey, keyPair, options, cancellationToken).ConfigureAwait(false);
        try
        {
            var left = options.Timeout - _services.Time.GetElapsedTime(started);
            if (!link.IsHeard) await connection.ProveAsync(left > TimeSpan.Zero ? left : TimeSpan.Zero, cancellationToken).ConfigureAwait(false);
            cancellationToken.ThrowIfCancellationRequested();
        }
        catch (Exception error) when (error is IOException or TimeoutException or OperationCanceledException)
        {
            connection.Abort();
            await connection.DisposeAsync().ConfigureAwait(false);
            if (error is OperationCanceledException) throw;
            PeerLog.ConnectFailed(_logger, publicKey, PeerConnectError.PeerConnectionFailed);
            throw new PeerConnectException(PeerConnectError.PeerConnectionFailed,
                $"The peer answered the handshake, but not at {connection.RemoteEndPoint} ({link.Path}).", link.Log?.Lines, error);
        }
        PeerLog.Connected(_logger, publicKey, connection.RemoteEndPoint, link.Path);
        return connection;
    }

    public async Task<IPeerListener> ListenAsync(KeyPair? keyPair = null, PeerListenOptions? options = null, CancellationToken cancellationToken = default)
    {
        options ??= new();
        var key = keyPair ?? KeyPair;
        ThrowIfCannotShakeHands(key, nameof(keyPair));
        OptionRange.Require(options.HandshakeClearWait, s_minClearWait, s_maxClearWait);
        OptionRange.Require(options.MaxHandshakes, 1, MaxHandshakes);
        OptionRange.Require(options.Backlog, 1, MaxBacklog);
        OptionRange.Require(options.KeepAlive, TimeSpan.Zero, s_maxKeepAlive);
        OptionRange.Require(options.MaxMessageSize, 1, SecretChannelOptions.Default.MaxMessageSize);
        RelayChoice? chooseRelay = options.ChooseRelay is { } choose ? _ => ChooseRelay(choose) : _peerOptions.FindRelays ? ChooseRelayBeside : null;
        await StartAsync(cancellationToken).ConfigureAwait(false);
        var listener = new PeerListener(this, key.PublicKey, options, _logger);
        var gate = options.Firewall is { } firewall ? new FirewallGate(firewall, options.MaxHandshakes, Post, _logger) : null;
        var announced = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await OnLoopAsync(now => listener.Server = _peers.Listen(now, key, options, gate, listener.Admit, _ => announced.TrySetResult(), chooseRelay))
            .ConfigureAwait(false);
        if (listener.Server is null) throw new InvalidOperationException($"This node listens on {key.PublicKey} already.");
        try
        {
            await UntilDisposedAsync(announced.Task).WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (Exception)
        {
            await listener.DisposeAsync().ConfigureAwait(false);
            throw;
        }
        PeerLog.Listening(_logger, key.PublicKey);
        return listener;
    }

    public IReliableStream CreateRawStream(ReliableStreamOptions? options = null)
    {
        lock (_gate) ObjectDisposedException.ThrowIf(_disposal is not null, this);
        return _rawStreams.Create(options);
    }

    /// <summary>Opens the channel of a link.</summary>
    internal PeerConnection Open(PeerLink link, TimeSpan keepAlive, int maxMessageSize, MessageHandler? onUnorderedMessage) => PeerConnection.Open(link,
        _services.Channels, new() { KeepAlive = keepAlive, MaxMessageSize = maxMessageSize, OnUnorderedMessage = onUnorderedMessage }, _services.Time, _logger);

    private PublicKey? ChooseRelay(Func<PublicKey?> choose)
    {
        try
        {
            return choose();
        }
        catch (Exception error) // the application's; the connection goes on without a relay
        {
            PeerLog.ChoiceFailed(_logger, error);
            return null;
        }
    }

    /// <summary>Ends a listener and tells its relays, for a bounded time.</summary>
    internal async Task CloseAsync(PeerServer server)
    {
        var withdrawn = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        try
        {
            await OnLoopAsync(now => _peers.Close(now, server, unannounce: true, _ => withdrawn.TrySetResult())).ConfigureAwait(false);
            await UntilDisposedAsync(withdrawn.Task).WaitAsync(s_goodbyeTimeout, _services.Time).ConfigureAwait(false);
        }
        catch (Exception error) when (error is TimeoutException or DhtException)
        {
            PeerLog.WithdrawGivenUp(_logger, server.PublicKey);
        }
    }

    /// <summary>Dials, and opens the channel on the loop: it has the first word out in the same turn.</summary>
    private async Task<(PeerLink Link, PeerConnection Connection)> DialAsync(
        PublicKey publicKey, KeyPair keyPair, PeerConnectOptions options, CancellationToken cancellationToken)
    {
        var done = new TaskCompletionSource<(PeerLink, PeerConnection)>(TaskCreationOptions.RunContinuationsAsynchronously);
        ConnectMachine? machine = null;
        Post(now =>
        {
            try
            {
                machine = _peers.Connect(now, keyPair, publicKey, options, (_, outcome) =>
                {
                    if (outcome.Link is { } link) done.TrySetResult((link, Open(link, options.KeepAlive, options.MaxMessageSize, options.OnUnorderedMessage)));
                    else done.TrySetException(outcome.Error!);
                });
            }
            catch (ArgumentException error) // of the handshake, which knows whether a key can be one
            {
                done.TrySetException(new ArgumentException($"'{publicKey}' is not the key of a peer.", nameof(publicKey), error));
            }
            catch (Exception error) // goes to the caller, who made the mistake
            {
                done.TrySetException(error);
            }
        });
        try
        {
            using (cancellationToken.UnsafeRegister(_ => Post(now => machine?.Cancel(now, PeerConnectError.PeerConnectionFailed, "Cancelled.")), null))
            {
                await ForConnectAsync(UntilDisposedAsync(done.Task)).ConfigureAwait(false);
            }
        }
        catch (PeerConnectException error)
        {
            cancellationToken.ThrowIfCancellationRequested();
            PeerLog.ConnectFailed(_logger, publicKey, error.Error);
            throw;
        }
        return await done.Task.ConfigureAwait(false);
    }

    /// <summary>Who connects is told in its own words that the node is gone.</summary>
    private static async Task ForConnectAsync(Task work)
    {
        try
        {
            await work.ConfigureAwait(false);
        }
        catch (DhtException error) when (error.Error == DhtError.Destroyed)
        {
            throw new PeerConnectException(PeerConnectError.NodeDestroyed, "The node was disposed.", innerException: error);
        }
    }

    private DhtQuery<LookupReply> ChangeTopic(Topic topic, KeyPair keyPair, PeerRecord? record, long bump, bool withdraw, DhtQueryOptions? options)
    {
        var signer = keyPair.Signer is { } function ? new SignatureSource(this, function, _services.Crypto, _lifetime.Token) : null;
        var change = new TopicChange(keyPair, record, bump, withdraw, signer);
        var target = new NodeId(topic.ToArray());
        var request = QueryRequest(target, PeerCommand.Lookup, null, options);
        return new(this, (now, observer) =>
        {
            if (change.Withdraw) _peers.Storage.Remove(target, change.KeyPair.PublicKey);
            var query = new TopicQuery(_machine, _peers.Signer, change, target, observer);
            query.Start(now, request);
            return query;
        }, MapLookup, _options.QueryBuffer, () => signer?.Error, hasCommit: record is not null);
    }

    private static bool MapLookup(RpcResponse reply, out LookupReply value)
    {
        value = null!;
        if (reply.Value is not { } bytes || !LookupReplyCodec.TryRead(bytes.Span, out var peers, out long bump)) return false;
        value = new(reply.ToPublic(), peers, bump);
        return true;
    }

    /// <summary>Our addresses in the local network with the server socket's port: those bound, or all if all are (spec hyperdht, 8.2).</summary>
    private IReadOnlyList<UdpEndPoint> ListLocalAddresses()
    {
        var addresses = ListUnprovedLocalAddresses();
        return _localProof is { } proof ? [.. addresses.Where(address => proof.IsProved(_host.Now, address))] : addresses;
    }

    private DatagramSource? TryBind(UdpEndPoint local)
    {
        try
        {
            var socket = _host.Bind(local);
            return new(_host.GetLocalEndPoint(socket), socket);
        }
        catch (SocketException) // an address that just went
        {
            return null;
        }
    }

    private IReadOnlyList<UdpEndPoint> ListUnprovedLocalAddresses()
    {
        var bound = _sockets.Local;
        if (!bound.HasSameAddress(UdpEndPoint.AnyIPv4)) return bound.Port == 0 ? [] : [bound];
        var addresses = _services.LocalNetwork.Addresses;
        return addresses.Count == 0 ? [UdpEndPoint.Loopback(bound.Port)] : [.. addresses.Select(a => a.WithPort(bound.Port))];
    }

    private static void ThrowIfCannotSign(KeyPair keyPair)
    {
        if (!keyPair.HasSecretKey && keyPair.Signer is null)
            throw new ArgumentException("The key pair has neither a secret key nor a function that signs.", nameof(keyPair));
    }

    private static void ThrowIfCannotShakeHands(KeyPair keyPair, string argument)
    {
        if (!keyPair.HasSecretKey) throw new ArgumentException("The key pair has no secret key, which a handshake needs.", argument);
    }
}
