using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

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
    private Entry _overflow = new() { Level = bytesPerSecond };
    private Timestamp _nextSweep;
    private int _sweepAt = Math.Min(FirstSweep, maxAddresses);

    /// <summary>Replies not sent.</summary>
    public long Refused { get; private set; }

    /// <summary>The address has shown by a token that it receives what we send there, and is perhaps about to ask for much.</summary>
    public void Prove(Timestamp now, in UdpEndPoint address)
    {
        if (bytesPerSecond == 0) return;
        ref var entry = ref Find(now, address);
        if (!Unsafe.AreSame(ref entry, ref _overflow)) entry.ProvedUntil = now + s_proofLifetime;
    }

    /// <summary>The address has answered us. That matters only if it asks us, too: one without an entry has a full bucket.</summary>
    public void OnAnswer(Timestamp now, in UdpEndPoint address)
    {
        ref var entry = ref CollectionsMarshal.GetValueRefOrNullRef(_entries, address.IPv4);
        if (!Unsafe.IsNullRef(ref entry)) entry.ProvedUntil = now + s_proofLifetime;
    }

    /// <summary>Whether a reply may leave.</summary>
    public bool TrySpend(Timestamp now, in UdpEndPoint to, int replySize, int requestSize)
    {
        if (bytesPerSecond == 0 || replySize <= FreeFactor * requestSize) return true;
        ref var entry = ref Find(now, to);
        if (now < entry.ProvedUntil) return true;
        Refill(now, ref entry);
        if (entry.Level < replySize)
        {
            Refused++;
            return false;
        }
        entry.Level -= replySize;
        return true;
    }

    /// <summary>The entry of an address; all addresses without room of their own share one.</summary>
    private ref Entry Find(Timestamp now, in UdpEndPoint address)
    {
        ref var known = ref CollectionsMarshal.GetValueRefOrNullRef(_entries, address.IPv4);
        if (!Unsafe.IsNullRef(ref known)) return ref known;
        if (_entries.Count >= _sweepAt) Sweep(now);
        if (_entries.Count >= maxAddresses)
        {
            if (_overflow.RefilledAt == default) _overflow.RefilledAt = now; // the years before it was needed fill it no further
            return ref _overflow;
        }
        ref var entry = ref CollectionsMarshal.GetValueRefOrAddDefault(_entries, address.IPv4, out _);
        entry = new() { Level = (long)bytesPerSecond * BurstSeconds, RefilledAt = now };
        return ref entry;
    }

    private void Refill(Timestamp now, ref Entry entry)
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
        foreach (uint address in _entries.Keys)
        {
            ref var entry = ref CollectionsMarshal.GetValueRefOrNullRef(_entries, address);
            if (now < entry.ProvedUntil) continue;
            Refill(now, ref entry);
            if (entry.Level == (long)bytesPerSecond * BurstSeconds) _entries.Remove(address);
        }
        _sweepAt = Math.Min(maxAddresses, Math.Max(FirstSweep, 2 * _entries.Count));
    }

    private struct Entry
    {
        public long Level;
        public Timestamp RefilledAt, ProvedUntil;
    }
}
