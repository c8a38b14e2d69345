using Microsoft.Extensions.Logging;
using PeopleSwarm.Dht.BlindRelay;

namespace PeopleSwarm.Dht;

/// <summary>
/// A connection to one relay, through which many of our streams are paired (spec hyperdht, 10.2). A stream that is added while the relay is
/// dialled waits for it. It ends when it breaks, or when no stream has used it for a while.
/// </summary>
internal sealed class RelayClient : IDisposable
{
    private static readonly ProtomuxOptions s_mux = new() { MaxChannels = 8, MaxPendingOpens = 4, MaxBufferedBytes = 16 * 1024 };
    private static readonly TimeSpan s_checkInterval = TimeSpan.FromSeconds(5), s_checkLimit = TimeSpan.FromSeconds(8); // five repetitions on a good path

    private readonly DhtNode _node;
    private readonly IProtomuxFactory _multiplexers;
    private readonly PeerDhtOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly Lock _gate = new();
    private readonly Dictionary<Topic, RelayPairing> _pairings = [];
    private readonly CancellationTokenSource _closing = new();
    private readonly TaskCompletionSource<bool> _opened = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly ITimer _idle;
    private IProtomuxChannel? _channel;
    private PeerConnection? _connection;
    private bool _isKept, _isOver;

    public RelayClient(DhtNode node, PublicKey relay, IProtomuxFactory multiplexers, PeerDhtOptions options, TimeProvider time, ILogger logger)
    {
        (_node, Relay, _multiplexers, _options, _time, _logger) = (node, relay, multiplexers, options, time, logger);
        _idle = time.CreateTimer(static client => ((RelayClient)client!).OnIdle(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _ = RunAsync();
    }

    public PublicKey Relay { get; }

    /// <summary>Completes once, with whether the relay was reached; never faults.</summary>
    public Task<bool> Opened => _opened.Task;

    /// <summary>Completes when the connection is gone; never faults.</summary>
    public Task Ended => _ended.Task;

    /// <summary>Whether a stream can be paired without dialling first.</summary>
    public bool IsOpen
    {
        get
        {
            lock (_gate) return _channel is not null;
        }
    }

    /// <summary>Whether nobody would miss it.</summary>
    public bool IsIdle
    {
        get
        {
            lock (_gate) return _pairings.Count == 0 && !_isKept;
        }
    }

    /// <summary>Takes a stream to be paired; false if the connection is full or over, or has the token already.</summary>
    public bool TryAdd(RelayPairing pairing)
    {
        IProtomuxChannel? channel;
        lock (_gate)
        {
            if (_isOver || _pairings.Count >= _options.MaxPairingsPerRelayConnection || !_pairings.TryAdd(pairing.Token, pairing)) return false;
            RestartIdleTimer();
            channel = _channel;
        }
        if (channel is not null) _ = SendAsync(channel, RelayProtocol.Pair, pairing.Encode());
        return true;
    }

    /// <summary>Has the relay forget a stream; nothing if it has been removed already.</summary>
    public void Remove(RelayPairing pairing)
    {
        IProtomuxChannel? channel;
        lock (_gate)
        {
            if (_pairings.GetValueOrDefault(pairing.Token) != pairing) return;
            _pairings.Remove(pairing.Token);
            RestartIdleTimer();
            channel = _channel;
        }
        if (channel is not null) _ = SendAsync(channel, RelayProtocol.Unpair, new UnpairMessage(pairing.Token).Encode());
    }

    /// <summary>Keeps the connection although no stream uses it, or no longer; false if it is over.</summary>
    public bool TryKeep(bool isKept)
    {
        lock (_gate)
        {
            if (_isOver) return false;
            _isKept = isKept;
            RestartIdleTimer();
            return true;
        }
    }

    /// <summary>Ends the connection unless the relay gives a sign of life soon: long before the stream below would give up.</summary>
    public void Check()
    {
        PeerConnection? connection;
        lock (_gate) connection = _connection;
        if (connection is not null) _ = CheckAsync(connection);
    }

    /// <summary>Ends the connection at once.</summary>
    public void Dispose()
    {
        PeerConnection? connection;
        lock (_gate)
        {
            if (_isOver) return;
            _ = _closing.CancelAsync(); // calls nobody here
            connection = _connection;
        }
        connection?.Abort();
    }

    private async Task RunAsync()
    {
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding); // made on the loop
        string reason = "It was closed in order.";
        try
        {
            await ServeAsync().ConfigureAwait(false);
        }
        catch (Exception error) when (error is IOException or OperationCanceledException or InvalidOperationException)
        {
            reason = error.Message;
        }
        RelayPairing[] lost;
        lock (_gate)
        {
            (_isOver, _channel, _connection) = (true, null, null);
            lost = [.. _pairings.Values];
            _pairings.Clear();
            _idle.Dispose();
            _closing.Dispose();
        }
        PeerLog.RelayConnectionEnded(_logger, Relay, reason);
        if (Array.Exists(lost, static p => !p.IsSettled)) _node.OnRelayUseless(Relay); // no room for us
        foreach (var pairing in lost) pairing.OnRelayLost(reason);
        _opened.TrySetResult(false);
        _ended.TrySetResult();
    }

    private async Task ServeAsync()
    {
        var connection = await ConnectAsync().ConfigureAwait(false);
        await using var ownedConnection = connection.ConfigureAwait(false);
        var mux = _multiplexers.Create(connection.Channel, s_mux);
        await using var ownedMux = mux.ConfigureAwait(false);
        var channel = mux.Open(RelayProtocol.Name, connection.LocalPublicKey.ToArray());
        _ = RunAsync(mux);
        RelayPairing[] waiting;
        lock (_gate)
        {
            (_channel, _connection) = (channel, connection);
            waiting = [.. _pairings.Values];
            RestartIdleTimer();
        }
        PeerLog.RelayConnected(_logger, Relay, connection.Source.From);
        _opened.TrySetResult(true);
        foreach (var pairing in waiting) _ = SendAsync(channel, RelayProtocol.Pair, pairing.Encode());
        var watch = _time.CreateTimer(static client => ((RelayClient)client!).Check(), this, s_checkInterval, s_checkInterval);
        await using var ownedWatch = watch.ConfigureAwait(false);
        while (await channel.ReceiveAsync(_closing.Token).ConfigureAwait(false) is { } message) Receive(connection, message);
        lock (_gate) _channel = null; // whoever comes now dials anew
    }

    private async Task<PeerConnection> ConnectAsync()
    {
        try
        {
            return await _node.ConnectToRelayAsync(Relay, _closing.Token).ConfigureAwait(false);
        }
        catch (IOException)
        {
            _node.OnRelayUseless(Relay);
            throw;
        }
    }

    /// <summary>Reads for the multiplexer; its end is the channel's, which says why.</summary>
    private static async Task RunAsync(IProtomux mux) => await mux.RunAsync().ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

    private void Receive(PeerConnection connection, in ProtomuxMessage message)
    {
        if (message.Type == RelayProtocol.Unpair && UnpairMessage.TryRead(message.Body.Span, out var refusal)) Refuse(refusal.Token);
        if (message.Type != RelayProtocol.Pair || !PairMessage.TryRead(message.Body.Span, out var pair)) return;
        RelayPairing? pairing;
        lock (_gate) pairing = _pairings.GetValueOrDefault(pair.Token);
        if (pairing is not null && pairing.IsInitiator == pair.IsInitiator) pairing.OnPaired(new(connection.Source, pair.StreamId));
    }

    /// <summary>The relay has no room for a stream.</summary>
    private void Refuse(Topic token)
    {
        RelayPairing? pairing;
        lock (_gate)
        {
            if (!_pairings.TryGetValue(token, out pairing) || pairing.IsSettled) return; // what is paired ends by its streams
            _pairings.Remove(token);
            RestartIdleTimer();
        }
        pairing.OnRefused();
        _node.OnRelayUseless(Relay);
    }

    private async Task CheckAsync(PeerConnection connection)
    {
        try
        {
            connection.Channel.SendKeepAlive();
            using var limit = new CancellationTokenSource(s_checkLimit, _time);
            await connection.FlushAcknowledgedAsync(limit.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            connection.Abort(new IOException("The relay does not answer any more."));
        }
        catch (IOException error) // noticed by whoever reads
        {
            PeerLog.RelayFailed(_logger, Relay, error.Message);
        }
    }

    private async Task SendAsync(IProtomuxChannel channel, int type, byte[] body)
    {
        try
        {
            await channel.SendAsync(type, body).ConfigureAwait(false);
        }
        catch (IOException error) // noticed by whoever reads
        {
            PeerLog.RelayFailed(_logger, Relay, error.Message);
        }
    }

    private void OnIdle()
    {
        lock (_gate)
        {
            if (_isOver || _isKept || _pairings.Count != 0) return;
            _channel?.Close(); // whoever reads it ends the rest in order
            _channel = null;
        }
    }

    /// <summary>Under the lock.</summary>
    private void RestartIdleTimer()
    {
        bool isIdle = _channel is not null && !_isKept && _pairings.Count == 0;
        _idle.Change(isIdle ? _options.RelayIdleTimeout : Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }
}
