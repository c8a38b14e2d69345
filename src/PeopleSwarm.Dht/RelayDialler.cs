using Microsoft.Extensions.Logging;
using PeopleSwarm.Dht.BlindRelay;
using PeopleSwarm.Dht.Connect;
using PeopleSwarm.Dht.Messages;

namespace PeopleSwarm.Dht;

/// <summary>Dials relays and has our streams paired there (spec hyperdht, 10).</summary>
internal sealed class RelayDialler(DhtNode node, IProtomuxFactory multiplexers, PeerDhtOptions options, TimeProvider time, ILogger logger) : IRelayDialler
{
    private static readonly ProtomuxOptions s_mux = new() { MaxChannels = 8, MaxPendingOpens = 4, MaxBufferedBytes = 16 * 1024 };

    private int _pending;

    public IRelayPairing? Pair(RelayThroughInfo relay, bool isInitiator, IReliableStream stream, Action<Timestamp, RelayLeg?> done)
    {
        if (Interlocked.Increment(ref _pending) > options.MaxRelayPairings)
        {
            Interlocked.Decrement(ref _pending);
            return null;
        }
        var pairing = new Pairing(this, relay, isInitiator, stream, done);
        _ = pairing.RunAsync();
        return pairing;
    }

    private sealed class Pairing(RelayDialler dialler, RelayThroughInfo relay, bool isInitiator, IReliableStream stream, Action<Timestamp, RelayLeg?> done)
        : IRelayPairing, IDisposable
    {
        private readonly CancellationTokenSource _aborting = new();
        private readonly Lock _gate = new();
        private readonly TaskCompletionSource _ending = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private bool _isReported, _isDisposed;

        public void End() => _ending.TrySetResult();

        public void Abort()
        {
            _ending.TrySetResult();
            lock (_gate)
            {
                if (!_isDisposed) _ = _aborting.CancelAsync();
            }
        }

        public async Task RunAsync()
        {
            await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding); // called on the loop
            try
            {
                await PairAsync().ConfigureAwait(false);
            }
            catch (Exception error) when (error is IOException or OperationCanceledException or TimeoutException or InvalidOperationException)
            {
                PeerLog.RelayFailed(dialler.Logger, relay.PublicKey, error.Message);
            }
            Report(null);
            Dispose();
        }

        public void Dispose()
        {
            lock (_gate)
            {
                _isDisposed = true;
                _aborting.Dispose();
            }
        }

        private async Task PairAsync()
        {
            using var limit = new CancellationTokenSource(dialler.Options.RelayTimeout, dialler.Time);
            using var both = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, _aborting.Token);
            var connection = await ConnectAsync(both.Token).ConfigureAwait(false);
            await using var ownedConnection = connection.ConfigureAwait(false);
            var mux = dialler.Multiplexers.Create(connection.Channel, s_mux);
            await using var ownedMux = mux.ConfigureAwait(false);
            var channel = mux.Open(RelayProtocol.Name, connection.LocalPublicKey.ToArray());
            _ = RunAsync(mux);
            await channel.SendAsync(RelayProtocol.Pair, new PairMessage(isInitiator, relay.Token, stream.LocalId).Encode(), both.Token).ConfigureAwait(false);
            while (true)
            {
                var message = await channel.ReceiveAsync(both.Token).ConfigureAwait(false)
                    ?? throw new IOException("The relay closed the channel.");
                if (message.Type != RelayProtocol.Pair || !PairMessage.TryRead(message.Body.Span, out var pair)) continue;
                if (pair.Token != relay.Token || pair.IsInitiator != isInitiator) continue;
                PeerLog.RelayPaired(dialler.Logger, relay.PublicKey, connection.Source.From);
                Report(new(connection.Source, pair.StreamId));
                break;
            }
            await Task.WhenAny(stream.Closed, _ending.Task, channel.Closed).ConfigureAwait(false);
        }

        private async Task<PeerConnection> ConnectAsync(CancellationToken cancellationToken)
        {
            try
            {
                return await dialler.Node.ConnectToRelayAsync(relay.PublicKey, cancellationToken).ConfigureAwait(false);
            }
            catch (Exception error) when (error is IOException || (error is OperationCanceledException && !_aborting.IsCancellationRequested))
            {
                dialler.Node.OnRelayUnreachable(relay.PublicKey);
                throw;
            }
        }

        /// <summary>Reads for the multiplexer; its end is the channel's.</summary>
        private async Task RunAsync(IProtomux mux)
        {
            try
            {
                await mux.RunAsync().ConfigureAwait(false);
            }
            catch (IOException error)
            {
                PeerLog.RelayFailed(dialler.Logger, relay.PublicKey, error.Message);
            }
        }

        private void Report(RelayLeg? leg)
        {
            if (_isReported) return;
            _isReported = true;
            Interlocked.Decrement(ref dialler._pending);
            dialler.Node.Post(now => done(now, leg));
        }
    }

    private DhtNode Node => node;

    private IProtomuxFactory Multiplexers => multiplexers;

    private PeerDhtOptions Options => options;

    private TimeProvider Time => time;

    private ILogger Logger => logger;
}
