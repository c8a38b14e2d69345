using PeopleSwarm.Dht.Kademlia;
using PeopleSwarm.Dht.Storage;

namespace PeopleSwarm.Dht.Rpc;

/// <summary>
/// How many requests of others are looked at a second, for each address and in all. When most of what all may have is used up, addresses
/// that used up most of theirs wait first. Private ranges are free.
/// </summary>
/// <param name="perSource">Requests of one address a second, and twice as many at once; 0 for no limit.</param>
/// <param name="total">Requests of all a second, and twice as many at once; 0 for no limit.</param>
/// <param name="maxSources">Addresses counted one by one, in each of two generations.</param>
internal sealed class RequestLimit(int perSource, int total, int maxSources)
{
    private const int BurstSeconds = 2;

    private readonly TwoGenerationCache<uint, Bucket> _sources = new(maxSources, TimeSpan.FromSeconds(3 * BurstSeconds));
    private Bucket _all = new(default, (double)BurstSeconds * total);

    /// <summary>Requests not looked at.</summary>
    public long Refused { get; private set; }

    /// <summary>Takes one; false while the address, or all together, are over their limit.</summary>
    public bool TryTake(Timestamp now, in UdpEndPoint from)
    {
        if (NodeDiversity.IsPrivate(from.IPv4)) return true;
        var source = _sources.TryGet(now, from.IPv4, out var known) ? known.Refill(now, perSource) : new(now, (double)BurstSeconds * perSource);
        _all = _all.Refill(now, total);
        bool isLight = perSource == 0 || source.Level > perSource; // more than half of its burst is left
        bool mayAll = total == 0 || _all.Level > total || (_all.Level >= 1 && isLight);
        if (!mayAll || (perSource != 0 && source.Level < 1))
        {
            Refused++;
            return false;
        }
        if (perSource != 0) _sources.Set(now, from.IPv4, source with { Level = source.Level - 1 });
        if (total != 0) _all = _all with { Level = _all.Level - 1 };
        return true;
    }

    /// <summary>Requests that may be taken at once.</summary>
    private readonly record struct Bucket(Timestamp At, double Level)
    {
        public Bucket Refill(Timestamp now, int perSecond) =>
            new(now, Math.Min((double)BurstSeconds * perSecond, Level + (now - At).TotalSeconds * perSecond));
    }
}
