namespace PeopleSwarm.Dht.Storage;

/// <summary>How many signatures are checked for others, for each address and in all: each costs us about a hundred times what it costs to send.</summary>
internal sealed class VerificationLimit(PeerDhtOptions options)
{
    private readonly RateLimiter<UdpEndPoint> _bySource =
        new(options.VerificationsPerSourcePerSecond, 2 * options.VerificationsPerSourcePerSecond, options.MaxTrackedSources);
    private readonly TokenBucket _all = new(options.VerificationsPerSecond, 2 * options.VerificationsPerSecond);

    /// <summary>Signatures not checked.</summary>
    public long Refused { get; private set; }

    /// <summary>Whether one more may be checked.</summary>
    public bool TryTake(Timestamp now, in UdpEndPoint source)
    {
        if (_bySource.TryTake(now, source.WithPort(0)) && _all.TryTake(now)) return true;
        Refused++;
        return false;
    }
}
