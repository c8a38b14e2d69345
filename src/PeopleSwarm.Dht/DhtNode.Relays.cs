using PeopleSwarm.Dht.BlindRelay;

namespace PeopleSwarm.Dht;

// Relays: being one, and going through one.
internal sealed partial class DhtNode
{
    private const int MaxRelayLimit = 65_536;
    private const long MinRelayRate = 1024, MaxRelayRate = 100_000_000_000;
    private static readonly TimeSpan s_minPairTimeout = TimeSpan.FromSeconds(1), s_maxPairTimeout = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan s_relayKeepAlive = TimeSpan.FromSeconds(5);

    public async Task<IPeerRelay> RelayAsync(KeyPair? keyPair = null, RelayOptions? options = null, CancellationToken cancellationToken = default)
    {
        options ??= new();
        ThrowIfOutside(options.MaxSessions, 1, MaxRelayLimit, nameof(options.MaxSessions));
        ThrowIfOutside(options.MaxPairs, 1, MaxRelayLimit, nameof(options.MaxPairs));
        ThrowIfOutside(options.MaxPairsPerSession, 1, MaxRelayLimit, nameof(options.MaxPairsPerSession));
        ThrowIfOutside(options.BytesPerSecondPerSession, MinRelayRate, MaxRelayRate, nameof(options.BytesPerSecondPerSession));
        ThrowIfOutside(options.BytesPerSecond, MinRelayRate, MaxRelayRate, nameof(options.BytesPerSecond));
        if (options.PairTimeout < s_minPairTimeout || options.PairTimeout > s_maxPairTimeout)
            throw new ArgumentOutOfRangeException(nameof(options), options.PairTimeout, "PairTimeout is 1 s to 10 min.");
        var listener = await ListenAsync(keyPair, RelayServer.ListenOptions, cancellationToken).ConfigureAwait(false);
        return new RelayServer(listener, _transport, _services.Multiplexers, _services.Time, options, _logger);
    }

    /// <summary>A connection to a relay: never through another one, and made for short messages.</summary>
    internal async Task<PeerConnection> ConnectToRelayAsync(PublicKey relay, CancellationToken cancellationToken)
    {
        var options = new PeerConnectOptions { KeepAlive = s_relayKeepAlive, MaxMessageSize = RelayProtocol.MaxMessageSize, Timeout = _peerOptions.RelayTimeout };
        return await ConnectOnceAsync(relay, options, cancellationToken).ConfigureAwait(false);
    }

    private static void ThrowIfOutside(long value, long min, long max, string name)
    {
        if (value < min || value > max) throw new ArgumentOutOfRangeException(name, value, $"{name} is {min} to {max}.");
    }
}
