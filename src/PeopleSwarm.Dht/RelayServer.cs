using Microsoft.Extensions.Logging;
using PeopleSwarm.Dht.BlindRelay;

namespace PeopleSwarm.Dht;

/// <summary>Accepts clients and hands their wishes to the relay's machine.</summary>
internal sealed class RelayServer : IPeerRelay, IRelayStreams
{
    private static readonly TimeSpan s_expiryInterval = TimeSpan.FromSeconds(5);

    private readonly IPeerListener _listener;
    private readonly IReliableTransport _transport;
    private readonly IProtomuxFactory _multiplexers;
    private readonly IAsyncDisposable? _announcement;
    private readonly DhtMetrics _metrics;
    private readonly ILogger _logger;
    private readonly RelayMachine _machine;
    private readonly Lock _gate = new();
    private readonly HashSet<Task> _clients = [];
    private readonly CancellationTokenSource _closing = new();
    private readonly ITimer _expiry;
    private readonly Task _accepting;
    private Task? _disposal;

    public RelayServer(IPeerListener listener, IReliableTransport transport, IProtomuxFactory multiplexers, TimeProvider time, RelayOptions options,
        IAsyncDisposable? announcement, DhtMetrics metrics, ILogger logger)
    {
        (_listener, _transport, _multiplexers, _announcement, _metrics, _logger) = (listener, transport, multiplexers, announcement, metrics, logger);
        _machine = new(options, this);
        _expiry = time.CreateTimer(static state => ((RelayServer)state!).Expire(), this, s_expiryInterval, s_expiryInterval);
        _accepting = AcceptAsync();
    }

    public PublicKey PublicKey => _listener.PublicKey;

    public RelayStatistics Statistics
    {
        get
        {
            lock (_gate) return _machine.Statistics;
        }
    }

    Timestamp IRelayStreams.Now => _transport.Host.Now;

    /// <summary>How clients are listened for: a relay's channel carries short messages alone, and the address is known to all.</summary>
    public static PeerListenOptions ListenOptions { get; } = new() { MaxMessageSize = RelayProtocol.MaxMessageSize, ChooseRelay = () => null };

    public ValueTask DisposeAsync()
    {
        lock (_gate) return new(_disposal ??= CloseAsync());
    }

    IReliableStream? IRelayStreams.Create(RelayPair pair, uint remoteId)
    {
        try
        {
            var stream = _transport.CreateStream(new()
            {
                // The client shows where it is by its first packet; afterwards it is followed to another port alone.
                AcceptPath = (IReliableStream stream, in DatagramSource source) =>
                {
                    if (source.From.Port == 0) return false;
                    if (!stream.IsConnected) stream.Connect(source.Socket, remoteId, source.From);
                    return source == stream.Remote;
                },
            });
            _ = EndWithAsync(pair, stream);
            return stream;
        }
        catch (InvalidOperationException) // the node has as many streams as it may
        {
            return null;
        }
    }

    private async Task EndWithAsync(RelayPair pair, IReliableStream stream)
    {
        await stream.Closed.ConfigureAwait(false); // never faults
        lock (_gate) _machine.OnStreamClosed(pair);
    }

    private void Expire()
    {
        long dropped;
        lock (_gate)
        {
            var now = _transport.Host.Now;
            _machine.Expire(now);
            dropped = _machine.TakeDropped(now);
        }
        if (dropped == 0) return;
        _metrics.RelayDropped(dropped);
        PeerLog.RelayDropped(_logger, PublicKey, dropped);
    }

    private async Task AcceptAsync()
    {
        try
        {
            await foreach (var connection in _listener.AcceptAllAsync(_closing.Token).ConfigureAwait(false))
            {
                var client = ServeAsync(connection);
                lock (_gate) _clients.Add(client);
                _ = client.ContinueWith(Forget, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
            }
        }
        catch (OperationCanceledException) when (_closing.IsCancellationRequested)
        {
            return; // the relay is closed
        }

        void Forget(Task client)
        {
            lock (_gate) _clients.Remove(client);
        }
    }

    private async Task ServeAsync(IPeerConnection connection)
    {
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding); // the next client waits for nobody
        await using var owned = connection.ConfigureAwait(false);
        var mux = _multiplexers.Create(connection.Channel, new() { MaxChannels = 8, MaxPendingOpens = 4, MaxBufferedBytes = 16 * 1024 });
        await using var ownedMux = mux.ConfigureAwait(false);
        RelaySession? session = null;
        try
        {
            var channel = mux.Open(RelayProtocol.Name, connection.RemotePublicKey.ToArray());
            lock (_gate) session = _machine.TryAccept(answer => _ = SendAsync(channel, RelayProtocol.Pair, answer.Encode()),
                refusal => _ = SendAsync(channel, RelayProtocol.Unpair, refusal.Encode()), channel.Close);
            if (session is null)
            {
                PeerLog.RelayFull(_logger, connection.RemotePublicKey);
                return;
            }
            var running = RunAsync(mux);
            while (await channel.ReceiveAsync(_closing.Token).ConfigureAwait(false) is { } message)
                if (!TryServe(session, message)) break;
            channel.Close();
            if (_closing.IsCancellationRequested) return;
            await mux.DisposeAsync().ConfigureAwait(false);
            await running.ConfigureAwait(false);
        }
        catch (Exception error) when (error is IOException or OperationCanceledException or InvalidOperationException)
        {
            PeerLog.RelayClientLost(_logger, connection.RemotePublicKey, error.Message);
        }
        finally
        {
            if (session is not null)
                lock (_gate) _machine.Close(session);
        }
    }

    /// <summary>Reads for the multiplexer; its end is the channel's, which says why.</summary>
    private async Task RunAsync(IProtomux mux) => await mux.RunAsync(_closing.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

    /// <summary>False if the client breaks the protocol.</summary>
    private bool TryServe(RelaySession session, in ProtomuxMessage message)
    {
        if (message.Type == RelayProtocol.Pair)
        {
            if (!PairMessage.TryRead(message.Body.Span, out var pair)) return false;
            lock (_gate) _machine.Pair(_transport.Host.Now, session, pair);
        }
        else if (message.Type == RelayProtocol.Unpair)
        {
            if (!UnpairMessage.TryRead(message.Body.Span, out var unpair)) return false;
            lock (_gate) _machine.Unpair(session, unpair.Token);
        }
        return true;
    }

    private static async Task SendAsync(IProtomuxChannel channel, int type, byte[] body)
    {
        try
        {
            await channel.SendAsync(type, body).ConfigureAwait(false);
        }
        catch (IOException)
        {
            channel.Close(); // the client is gone; its session ends by that
        }
    }

    private async Task CloseAsync()
    {
        await _closing.CancelAsync().ConfigureAwait(false);
        await _expiry.DisposeAsync().ConfigureAwait(false);
        if (_announcement is not null) await _announcement.DisposeAsync().ConfigureAwait(false);
        await _listener.DisposeAsync().ConfigureAwait(false);
        await _accepting.ConfigureAwait(false);
        Task[] clients;
        lock (_gate) clients = [.. _clients];
        await Task.WhenAll(clients).ConfigureAwait(false);
        _closing.Dispose();
    }
}
