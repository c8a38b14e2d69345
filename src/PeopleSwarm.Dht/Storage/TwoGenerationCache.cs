using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;

namespace PeopleSwarm.Dht.Storage;

/// <summary>A bounded map in two <see cref="Generations{T}"/>.</summary>
/// <param name="maxWeight">Weight of one generation; at most twice as much is held.</param>
/// <param name="maxAge">Age an entry has when it goes, on average.</param>
/// <param name="maxPerSource">Of that weight, what one address may hold; its oldest entries give way.</param>
internal sealed class TwoGenerationCache<TKey, TValue>(long maxWeight, TimeSpan maxAge, long maxPerSource = long.MaxValue) where TKey : notnull
{
    private Generations<Generation>? _generations; // made for the first entry: a node has a dozen such maps, and at rest most of them are never used

    /// <summary>Entries of both generations.</summary>
    public int Count => _generations is { } g ? g.Fresh.Count + g.Stale.Count : 0;

    /// <summary>Their weight.</summary>
    public long Weight => _generations is { } g ? g.Fresh.Weight + g.Stale.Weight : 0;

    /// <summary>The entries, those of the older generation first.</summary>
    public IEnumerable<KeyValuePair<TKey, TValue>> Entries =>
        _generations is { } g ? g.Stale.Entries.Concat(g.Fresh.Entries).Select(e => KeyValuePair.Create(e.Key, e.Value.Value)) : [];

    /// <summary>Finds an entry; <paramref name="renew"/> lets it live as long as a new one.</summary>
    public bool TryGet(Timestamp now, TKey key, [MaybeNullWhen(false)] out TValue value, bool renew = false)
    {
        _generations?.Advance(now);
        Entry entry = default;
        bool isFresh = _generations?.Fresh.TryGet(key, out entry) == true;
        if (!isFresh && _generations?.Stale.TryGet(key, out entry) != true)
        {
            value = default;
            return false;
        }
        value = entry.Value;
        if (renew && !isFresh) Set(now, key, entry.Value, entry.Source, entry.Weight);
        return true;
    }

    /// <summary>Stores an entry in place of an earlier one.</summary>
    /// <param name="now">The current instant.</param>
    /// <param name="key">The entry's key.</param>
    /// <param name="value">What is stored.</param>
    /// <param name="source">The IPv4 address that brought it and has to make room for it; 0 for nobody.</param>
    /// <param name="weight">What it counts, at most what one address may hold.</param>
    public void Set(Timestamp now, TKey key, TValue value, uint source = 0, int weight = 1)
    {
        _generations ??= new(maxAge);
        _generations.Advance(now);
        _generations.Stale.Remove(key);
        var fresh = _generations.Fresh;
        LinkedListNode<TKey>? place = null;
        if (source != 0)
        {
            fresh.Remove(key);
            while (fresh.Shares.TryFindExcess(source, weight, maxPerSource, out var oldest)) fresh.Remove(oldest);
            place = fresh.Shares.Add(source, key, weight);
        }
        fresh.Put(key, new(value, weight, source, place));
        if (fresh.Weight >= maxWeight) _generations.Rotate(now);
    }

    public bool Remove(TKey key) => _generations is { } g && g.Fresh.Remove(key) | g.Stale.Remove(key);

    /// <summary>Drops what is too old.</summary>
    public void Advance(Timestamp now) => _generations?.Advance(now);

    private readonly record struct Entry(TValue Value, int Weight, uint Source, LinkedListNode<TKey>? Place);

    private sealed class Generation : IGeneration
    {
        private Dictionary<TKey, Entry>? _entries; // most generations of a node at rest are empty

        public IEnumerable<KeyValuePair<TKey, Entry>> Entries => _entries ?? [];

        public int Count => _entries?.Count ?? 0;

        public SourceShares<TKey> Shares { get; } = new();

        public long Weight { get; private set; }

        public bool TryGet(TKey key, out Entry entry)
        {
            entry = default;
            return _entries?.TryGetValue(key, out entry) == true;
        }

        public void Put(TKey key, in Entry entry)
        {
            ref var place = ref CollectionsMarshal.GetValueRefOrAddDefault(_entries ??= [], key, out _);
            Release(place);
            place = entry;
            Weight += entry.Weight;
        }

        public bool Remove(TKey key)
        {
            if (_entries?.Remove(key, out var entry) != true) return false;
            Release(entry);
            return true;
        }

        private void Release(in Entry entry)
        {
            Weight -= entry.Weight;
            if (entry.Place is { } place) Shares.Remove(entry.Source, place, entry.Weight);
        }

        public void Clear()
        {
            int count = Count;
            _entries?.Clear();
            if (count == 0) _entries = null;
            else _entries!.TrimExcess(count); // room for as many again, and no longer for the busiest time there ever was
            Shares.Clear();
            Weight = 0;
        }
    }
}
