using Microsoft.Extensions.Logging;

namespace PeopleSwarm.Dht;

/// <summary>Keeps a relay announced where those look who need one, until it is disposed.</summary>
internal sealed class RelayAnnouncement : IAsyncDisposable
{
    private static readonly TimeSpan s_interval = TimeSpan.FromMinutes(10); // records live for twenty
    private static readonly TimeSpan s_firstRetry = TimeSpan.FromSeconds(5), s_goodbye = TimeSpan.FromSeconds(2);

    private readonly IDhtNode _node;
    private readonly Topic _topic;
    private readonly KeyPair _keyPair;
    private readonly IPeerListener _listener;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly CancellationTokenSource _closing = new();
    private readonly Task _running;

    public RelayAnnouncement(IDhtNode node, Topic topic, KeyPair keyPair, IPeerListener listener, TimeProvider time, ILogger logger)
    {
        (_node, _topic, _keyPair, _listener, _time, _logger) = (node, topic, keyPair, listener, time, logger);
        _running = RunAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await _closing.CancelAsync().ConfigureAwait(false);
        await _running.ConfigureAwait(false);
        try
        {
            using var limit = new CancellationTokenSource(s_goodbye, _time);
            await _node.LookupAndUnannounce(_topic, _keyPair, new() { Force = true }).FinishAsync(limit.Token).ConfigureAwait(false);
        }
        catch (Exception error) when (error is DhtException or OperationCanceledException or ObjectDisposedException)
        {
            PeerLog.WithdrawGivenUp(_logger, _keyPair.PublicKey);
        }
        _closing.Dispose();
    }

    private async Task RunAsync()
    {
        var retry = s_firstRetry;
        while (!_closing.IsCancellationRequested)
        {
            bool isAnnounced = await TryAnnounceAsync().ConfigureAwait(false);
            var pause = isAnnounced ? s_interval : retry;
            retry = isAnnounced ? s_firstRetry : TimeSpan.FromTicks(Math.Min(s_interval.Ticks, 2 * retry.Ticks));
            await Task.Delay(pause, _time, _closing.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task<bool> TryAnnounceAsync()
    {
        if (_node.Status.IsRandomized) return false; // nobody could be relayed to us
        try
        {
            await _node.Announce(_topic, _keyPair, new() { RelayAddresses = _listener.RelayAddresses }).FinishAsync(_closing.Token).ConfigureAwait(false);
            PeerLog.RelayAnnounced(_logger, _keyPair.PublicKey);
            return true;
        }
        catch (Exception error) when (error is DhtException or OperationCanceledException or ObjectDisposedException)
        {
            return false;
        }
    }
}
