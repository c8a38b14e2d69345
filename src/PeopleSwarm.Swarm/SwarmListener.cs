using Microsoft.Extensions.Logging;

namespace PeopleSwarm.Swarm;

/// <summary>Our key pair's listener, started once and again after it was stopped or lost.</summary>
/// <param name="listen">Listens.</param>
/// <param name="incoming">Takes each connection over.</param>
/// <param name="logger">Where it says so.</param>
internal sealed class SwarmListener(Func<CancellationToken, Task<IPeerListener>> listen, Action<IPeerConnection> incoming, ILogger logger)
{
    private readonly Lock _gate = new();
    private Run? _run;
    private bool _isClosed;

    /// <summary>Nodes that forward handshakes to us now.</summary>
    public IReadOnlyList<UdpEndPoint> RelayAddresses => Started()?.RelayAddresses ?? [];

    /// <summary>Whether it was started and not stopped.</summary>
    public bool IsStarted
    {
        get
        {
            lock (_gate) return _run is not null;
        }
    }

    /// <summary>Completes when it listens. Later calls return the same task, until it failed.</summary>
    public Task StartAsync()
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_isClosed, this);
            if (_run is null or { Listener.IsFaulted: true } or { Listener.IsCanceled: true } or { Accepting.IsCompleted: true })
                _run = new Run(this);
            return _run.Listener;
        }
    }

    /// <summary>Stops listening for good.</summary>
    public Task CloseAsync()
    {
        lock (_gate) _isClosed = true;
        return StopAsync();
    }

    /// <summary>Withdraws and stops listening.</summary>
    public async Task StopAsync()
    {
        Run? run;
        lock (_gate) (run, _run) = (_run, null);
        if (run is not null) await run.StopAsync().ConfigureAwait(false);
    }

    private IPeerListener? Started()
    {
        lock (_gate) return _run is { Listener: { IsCompletedSuccessfully: true } listener } ? listener.Result : null;
    }

    private sealed class Run
    {
        private readonly SwarmListener _owner;
        private readonly Func<Task> _stop;
        private readonly CancellationToken _stopped;

        public Run(SwarmListener owner)
        {
            var stop = new CancellationTokenSource();
            (_owner, _stop, _stopped) = (owner, stop.CancelAsync, stop.Token);
            Listener = ListenAsync();
            Accepting = AcceptAsync();
        }

        public Task<IPeerListener> Listener { get; }

        public Task Accepting { get; }

        public async Task StopAsync()
        {
            await _stop().ConfigureAwait(false);
            await Accepting.ConfigureAwait(false);
        }

        private async Task<IPeerListener> ListenAsync()
        {
            await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
            return await _owner.Listen(_stopped).ConfigureAwait(false);
        }

        private async Task AcceptAsync()
        {
            try
            {
                var listener = await Listener.ConfigureAwait(false);
                await using (listener.ConfigureAwait(false))
                {
                    SwarmLog.Listening(_owner.Logger, listener.PublicKey);
                    await foreach (var connection in listener.AcceptAllAsync(_stopped).ConfigureAwait(false)) _owner.Incoming(connection);
                }
                if (!_stopped.IsCancellationRequested) SwarmLog.ListeningEnded(_owner.Logger, null);
            }
            catch (Exception error)
            {
                if (!_stopped.IsCancellationRequested) SwarmLog.ListeningEnded(_owner.Logger, error);
            }
        }
    }

    private Func<CancellationToken, Task<IPeerListener>> Listen => listen;

    private Action<IPeerConnection> Incoming => incoming;

    private ILogger Logger => logger;
}
