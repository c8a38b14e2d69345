namespace PeopleSwarm.Dht.Rpc;

/// <summary>
/// Keeps us from flooding an address that others name as theirs: beyond three times the request, replies to an address that never
/// proved itself share a bucket of bytes. A token it returned or an answer it gave proves it.
/// </summary>
internal sealed class ReplyBudget(int bytesPerSecond, int maxAddresses)
{
    private const int FreeFactor = 3, BurstSeconds = 2, FirstSweep = 64;
    private static readonly TimeSpan s_proofLifetime = TimeSpan.FromMinutes(10);

    private readonly Dictionary<uint, Entry> _entries = [];
    private readonly Entry _overflow = new() { Level = bytesPerSecond };
    private Timestamp _nextSweep;
    private int _sweepAt = Math.Min(FirstSweep, maxAddresses);

    /// <summary>Replies not sent.</summary>
    public long Refused { get; private set; }

    /// <summary>The address has shown by a token that it receives what we send there, and is perhaps about to ask for much.</summary>
    public void Prove(Timestamp now, in UdpEndPoint address)
    {
        if (bytesPerSecond == 0) return;
        if (Find(now, address) is { } entry && entry != _overflow) entry.ProvedUntil = now + s_proofLifetime;
    }

    /// <summary>The address has answered us. That matters only if it asks us, too: one without an entry has a full bucket.</summary>
    public void OnAnswer(Timestamp now, in UdpEndPoint address)
    {
        if (_entries.TryGetValue(address.IPv4, out var entry)) entry.ProvedUntil = now + s_proofLifetime;
    }

    /// <summary>Whether a reply may leave.</summary>
    public bool TrySpend(Timestamp now, in UdpEndPoint to, int replySize, int requestSize)
    {
        if (bytesPerSecond == 0 || replySize <= FreeFactor * requestSize) return true;
        var entry = Find(now, to);
        if (now < entry.ProvedUntil) return true;
        Refill(now, entry);
        if (entry.Level < replySize)
        {
            Refused++;
            return false;
        }
        entry.Level -= replySize;
        return true;
    }

    /// <summary>The entry of an address; all addresses without room of their own share one.</summary>
    private Entry Find(Timestamp now, in UdpEndPoint address)
    {
        if (_entries.TryGetValue(address.IPv4, out var entry)) return entry;
        if (_entries.Count >= _sweepAt) Sweep(now);
        if (_entries.Count >= maxAddresses)
        {
            if (_overflow.RefilledAt == default) _overflow.RefilledAt = now; // the years before it was needed fill it no further
            return _overflow;
        }
        return _entries[address.IPv4] = new() { Level = (long)bytesPerSecond * BurstSeconds, RefilledAt = now };
    }

    private void Refill(Timestamp now, Entry entry)
    {
        long gained = (long)((now - entry.RefilledAt).TotalSeconds * bytesPerSecond);
        if (gained == 0) return;
        entry.Level = Math.Min(entry.Level + gained, (long)bytesPerSecond * BurstSeconds);
        entry.RefilledAt = now;
    }

    private void Sweep(Timestamp now)
    {
        if (now < _nextSweep) return;
        _nextSweep = now + TimeSpan.FromSeconds(1);
        foreach (var (address, entry) in _entries)
        {
            if (now < entry.ProvedUntil) continue;
            Refill(now, entry);
            if (entry.Level == (long)bytesPerSecond * BurstSeconds) _entries.Remove(address);
        }
        _sweepAt = Math.Min(maxAddresses, Math.Max(FirstSweep, 2 * _entries.Count));
    }

    private sealed class Entry
    {
        public long Level { get; set; }

        public Timestamp RefilledAt { get; set; }

        public Timestamp ProvedUntil { get; set; }
    }
}
