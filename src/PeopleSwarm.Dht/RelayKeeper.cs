namespace PeopleSwarm.Dht;

/// <summary>Stays connected to one relay that was found, while one is needed.</summary>
internal sealed class RelayKeeper(RelayDirectory directory, RelayDialler dialler, TimeProvider time, Action changed) : IDisposable
{
    private static readonly TimeSpan s_firstRetry = TimeSpan.FromSeconds(5), s_lastRetry = TimeSpan.FromMinutes(10);

    private readonly Lock _gate = new();
    private CancellationTokenSource? _needed;
    private Task _running = Task.CompletedTask;
    private RelayClient? _client;

    /// <summary>The relay we are connected to; null while there is none.</summary>
    public PublicKey? Current
    {
        get
        {
            lock (_gate) return _client is { IsOpen: true } client ? client.Relay : null;
        }
    }

    /// <summary>Begins or ends keeping; at once, on any thread.</summary>
    public void SetNeeded(bool isNeeded)
    {
        lock (_gate)
        {
            if (isNeeded == _needed is not null) return;
            if (isNeeded)
            {
                _needed = new();
                _running = KeepAsync(_running, _needed);
            }
            else
            {
                Dispose();
            }
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _ = _needed?.CancelAsync(); // disposed when it was heard, or nobody would hear of it
            _needed = null;
        }
    }

    private async Task KeepAsync(Task before, CancellationTokenSource needed)
    {
        using var owned = needed;
        var cancellationToken = needed.Token;
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding); // not under the lock, nor on the loop
        await before.ConfigureAwait(false);
        var retry = s_firstRetry;
        while (!cancellationToken.IsCancellationRequested)
        {
            if (await TryKeepOneAsync(cancellationToken).ConfigureAwait(false)) retry = s_firstRetry; // that one is gone again
            await Task.Delay(retry, time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            retry = TimeSpan.FromTicks(Math.Min(s_lastRetry.Ticks, 2 * retry.Ticks));
        }
    }

    /// <summary>Finds a relay and stays connected while it lasts; false if there was none.</summary>
    private async Task<bool> TryKeepOneAsync(CancellationToken cancellationToken)
    {
        try
        {
            if (await directory.FindAsync([], cancellationToken).ConfigureAwait(false) is not { } relay || dialler.Keep(relay) is not { } client) return false;
            try
            {
                if (!await client.Opened.WaitAsync(cancellationToken).ConfigureAwait(false)) return false;
                Set(client);
                await client.Ended.WaitAsync(cancellationToken).ConfigureAwait(false);
                return true;
            }
            finally
            {
                client.TryKeep(false);
                Set(null);
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            return false; // no longer needed
        }
    }

    private void Set(RelayClient? client)
    {
        lock (_gate) _client = client;
        changed();
    }
}
