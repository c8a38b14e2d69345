using PeopleSwarm.Dht.BlindRelay;
using PeopleSwarm.Dht.Connect;

namespace PeopleSwarm.Dht;

// Relays: being one, and going through one.
internal sealed partial class DhtNode
{
    private const int MaxRelaysTried = 3; // for one connect, one after the other
    private const int MaxRelayLimit = 65_536;
    private const long MinRelayRate = 1024, MaxRelayRate = 100_000_000_000;
    private static readonly TimeSpan s_minPairTimeout = TimeSpan.FromSeconds(1), s_maxPairTimeout = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan s_relayKeepAlive = TimeSpan.FromSeconds(5);

    public async Task<IPeerRelay> RelayAsync(KeyPair? keyPair = null, RelayOptions? options = null, CancellationToken cancellationToken = default)
    {
        options ??= new();
        OptionRange.Require(options.MaxSessions, 1, MaxRelayLimit);
        OptionRange.Require(options.MaxPairs, 1, MaxRelayLimit);
        OptionRange.Require(options.MaxPairsPerSession, 1, MaxRelayLimit);
        OptionRange.Require(options.BytesPerSecondPerSession, MinRelayRate, MaxRelayRate);
        OptionRange.Require(options.BytesPerSecond, MinRelayRate, MaxRelayRate);
        OptionRange.Require(options.PairTimeout, s_minPairTimeout, s_maxPairTimeout);
        var listener = await ListenAsync(keyPair, RelayServer.ListenOptions, cancellationToken).ConfigureAwait(false);
        var announcement = options.Announce
            ? new RelayAnnouncement(this, _relays.Topic, keyPair ?? KeyPair, listener, _services.Time, _logger) : null;
        return new RelayServer(listener, _transport, _services.Multiplexers, _services.Time, options, announcement, _services.Metrics, _logger);
    }

    /// <summary>Whether few peers can punch to us: our NAT gives each destination another port.</summary>
    private bool NeedsRelays => _peerOptions is { FindRelays: true, MaxRelayPairings: > 0 } && IsRandomized;

    private bool IsRandomized
    {
        get
        {
            lock (_gate) return _status.ObservedEndPoint is { Port: 0 };
        }
    }

    /// <summary>
    /// Connects; with a relay from the start where punching is hopeless for most, and with one afterwards where it failed. Without any, a side
    /// that is busy punching is asked again after a pause.
    /// </summary>
    private async Task<PeerConnection> ConnectAgainAsync(PublicKey publicKey, PeerConnectOptions options, CancellationToken cancellationToken)
    {
        bool findsRelays = options.RelayThrough is null && _peerOptions is { FindRelays: true, MaxRelayPairings: > 0 };
        long started = _services.Time.GetTimestamp();
        var tried = new List<PublicKey> { publicKey }; // a relay is not reached through itself
        PublicKey? relay = findsRelays && NeedsRelays ? PickRelay(tried) : options.RelayThrough;
        while (true)
        {
            try
            {
                var throughIt = relay == options.RelayThrough ? options : options with { RelayThrough = relay };
                return await ConnectOnceAsync(publicKey, throughIt, cancellationToken).ConfigureAwait(false);
            }
            catch (PeerConnectException error) when (IsPunchingToBlame(error.Error))
            {
                bool mayFind = findsRelays && tried.Count <= MaxRelaysTried;
                if (relay is { } used) tried.Add(used);
                PublicKey? found = mayFind ? await _relays.FindAsync(tried, cancellationToken).ConfigureAwait(false) : null;
                bool isBusy = found is null && error.Error == PeerConnectError.HolepunchBusy;
                if (found is null && !isBusy) throw;
                var pause = isBusy ? await BusyPauseAsync().ConfigureAwait(false) : TimeSpan.Zero;
                var left = options.Timeout - _services.Time.GetElapsedTime(started) - pause;
                if (left < s_minConnectTimeout) throw;
                if (found is { } next) PeerLog.RetryingThroughRelay(_logger, publicKey, next, error.Error);
                await Task.Delay(pause, _services.Time, cancellationToken).ConfigureAwait(false);
                (relay, options) = (found ?? relay, options with { Timeout = left });
                started = _services.Time.GetTimestamp();
            }
        }
    }

    /// <summary>Until our own punches may guess ports again; where it is the peer that may not, as long as the reference waits.</summary>
    private async Task<TimeSpan> BusyPauseAsync()
    {
        var pause = TimeSpan.Zero;
        await ForConnectAsync(OnLoopAsync(now => pause = _peers.SprayPause(now))).ConfigureAwait(false);
        return pause > TimeSpan.Zero ? pause : UpgradeSchedule.FirstPause(_services.Random);
    }

    /// <summary>Failures of punching, not of the peer.</summary>
    private static bool IsPunchingToBlame(PeerConnectError error) => error is PeerConnectError.HolepunchAborted or PeerConnectError.HolepunchProbeTimeout
        or PeerConnectError.HolepunchDoubleRandomizedNats or PeerConnectError.CannotHolepunch or PeerConnectError.RemoteNotHolepunching
        or PeerConnectError.RemoteNotHolepunchable or PeerConnectError.RemoteAborted or PeerConnectError.RelayAborted or PeerConnectError.HolepunchBusy;

    /// <summary>The relay we are connected to, or another one.</summary>
    private PublicKey? PickRelay(List<PublicKey> except) =>
        _relayKeeper.Current is { } kept && !except.Contains(kept) && !_relays.IsAvoided(kept) ? kept : _relays.Pick(except);

    /// <summary>For a client that may name a relay, too: where it is as good as ours for us, neither side has to dial one.</summary>
    private PublicKey? ChooseRelayBeside(PublicKey? clients) =>
        !NeedsRelays || clients is { } named && _relayDialler.IsConnectedTo(named) ? null : PickRelay([]);

    /// <summary>A connection to a relay: never through another one, and made for short messages.</summary>
    internal async Task<PeerConnection> ConnectToRelayAsync(PublicKey relay, CancellationToken cancellationToken)
    {
        var options = new PeerConnectOptions
        {
            KeepAlive = s_relayKeepAlive,
            MaxMessageSize = RelayProtocol.MaxMessageSize,
            Timeout = _peerOptions.RelayTimeout,
            RelayAddresses = _relays.AddressesOf(relay),
        };
        return await ConnectOnceAsync(relay, options, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>A relay could not be reached, or refused, whoever named it.</summary>
    internal void OnRelayUseless(PublicKey relay) => _relays.Avoid(relay);
}
