using PeopleSwarm.Swarm;

namespace PeopleSwarm;

/// <summary>What a swarm takes down with it.</summary>
/// <param name="SuspendsNode">Whether the node is suspended and resumed with the swarm.</param>
/// <param name="KeyPair">The key pair made for the swarm, disposed with it.</param>
/// <param name="Services">What the swarm runs on, disposed with it.</param>
internal sealed record SwarmOwnership(bool SuspendsNode = false, KeyPair? KeyPair = null, IAsyncDisposable? Services = null);

public sealed partial class PeerSwarm
{
    private static readonly TimeSpan s_peerEnd = TimeSpan.FromMilliseconds(250); // a round trip, for peers that end when we do

    private readonly SemaphoreSlim _suspending = new(1, 1); // suspend and resume take turns
    private Task? _disposing;
    private bool _wasOnline, _wasListening;

    /// <inheritdoc/>
    /// <remarks>The node is suspended as well, unless it was handed to the constructor.</remarks>
    public async Task SuspendAsync(CancellationToken cancellationToken = default)
    {
        ThrowIfDisposed();
        await _suspending.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            ThrowIfDisposed();
            if (IsSuspended) return;
            var withdrawn = Task.CompletedTask;
            Change((machine, _) =>
            {
                machine.Suspend();
                withdrawn = Task.WhenAll(_topics.Values.Select(topic => topic.WithdrawUnsynchronized()));
            });
            _wasListening = Listener.IsStarted;
            await withdrawn.ConfigureAwait(false);
            await Listener.StopAsync().ConfigureAwait(false);
            await WhenLinksEndedAsync().ConfigureAwait(false);
            if (_ownership.SuspendsNode) await Dht.SuspendAsync(CancellationToken.None).ConfigureAwait(false);
            SwarmLog.Suspended(Logger);
        }
        finally
        {
            _suspending.Release();
        }
    }

    /// <inheritdoc/>
    public async Task ResumeAsync(CancellationToken cancellationToken = default)
    {
        ThrowIfDisposed();
        await _suspending.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            ThrowIfDisposed();
            if (!IsSuspended) return;
            if (_ownership.SuspendsNode) await Dht.ResumeAsync(cancellationToken).ConfigureAwait(false);
            Change((machine, now) => machine.Resume(now));
            SwarmLog.Resumed(Logger);
            if (_wasListening) await Listener.StartAsync().WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            _suspending.Release();
        }
    }

    /// <summary>Withdraws from all topics, lets connections deliver what was written, closes them and stops listening. Idempotent.</summary>
    /// <remarks>A node handed to the constructor stays alive.</remarks>
    public ValueTask DisposeAsync()
    {
        lock (_gate) return new(_disposing ??= DisposeCoreAsync());
    }

    private async Task DisposeCoreAsync()
    {
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        Dht.NetworkChanged -= OnNetworkChanged;
        Dht.StatusChanged -= OnStatusChanged;
        Change((machine, _) => machine.Destroy());
        await _suspending.WaitAsync().ConfigureAwait(false);
        var closed = Task.WhenAll(Connections.Select(CloseAsync));
        await LeaveAll().ConfigureAwait(false);
        await Listener.CloseAsync().ConfigureAwait(false);
        await closed.ConfigureAwait(false);
        await WhenLinksEndedAsync().ConfigureAwait(false);
        _feed.Complete();
        await _timer.DisposeAsync().ConfigureAwait(false);
        Metrics.Dispose();
        if (_ownership.Services is { } services) await services.DisposeAsync().ConfigureAwait(false);
        _ownership.KeyPair?.Dispose();
        _suspending.Release();
    }

    /// <summary>Ends our direction, waits until the peer has everything, gives it a moment to end its own, and closes.</summary>
    private async Task CloseAsync(ISwarmConnection connection)
    {
        try
        {
            await EndAsync(connection).WaitAsync(Options.CloseTimeout, Time).ConfigureAwait(false);
            await ((Task)connection.Closed).WaitAsync(s_peerEnd, Time).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
        catch (Exception error)
        {
            SwarmLog.CloseFailed(Logger, connection.RemotePublicKey, error);
        }
        connection.Abort();
        await DiscardAsync(connection).ConfigureAwait(false);
    }

    private static async Task EndAsync(ISwarmConnection connection)
    {
        await connection.Output.CompleteAsync().ConfigureAwait(false);
        await connection.FlushAcknowledgedAsync().ConfigureAwait(false);
    }

    private void OnNetworkChanged(object? sender, EventArgs e)
    {
        SwarmLog.NetworkChanged(Logger);
        Change((machine, _) => machine.NetworkChanged());
    }

    private void OnStatusChanged(object? sender, EventArgs e)
    {
        bool isOnline = Dht.Status.IsOnline;
        Change((machine, _) =>
        {
            if (isOnline && !_wasOnline) machine.NetworkChanged();
            _wasOnline = isOnline;
        });
    }
}
