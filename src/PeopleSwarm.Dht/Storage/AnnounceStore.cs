namespace PeopleSwarm.Dht.Storage;

/// <summary>Who announced what: topic → key → encoded record, in two <see cref="Generations{T}"/>. Reads renew nothing.</summary>
/// <param name="maxRecords">Records of one generation; at most twice as many exist.</param>
/// <param name="maxAge">Age a record has when it goes, on average.</param>
/// <param name="maxPerSource">Records of one generation that one address may hold; its oldest give way.</param>
internal sealed class AnnounceStore(int maxRecords, TimeSpan maxAge, int maxPerSource = int.MaxValue)
{
    private readonly Generations<Generation> _generations = new(maxAge);

    /// <summary>Records of both generations.</summary>
    public int Count => _generations.Fresh.Count + _generations.Stale.Count;

    /// <summary>Stores a record in place of an earlier one of the same key.</summary>
    /// <param name="now">The current instant.</param>
    /// <param name="topic">What it is announced on.</param>
    /// <param name="key">Who announced it.</param>
    /// <param name="record">The record as it is answered.</param>
    /// <param name="source">The IPv4 address it came from; 0 for nobody's.</param>
    public void Set(Timestamp now, in NodeId topic, in PublicKey key, byte[] record, uint source = 0)
    {
        _generations.Advance(now);
        _generations.Stale.Remove(topic, key);
        var fresh = _generations.Fresh;
        fresh.Remove(topic, key);
        LinkedListNode<Place>? place = null;
        if (source != 0)
        {
            while (fresh.Shares.TryFindExcess(source, 1, maxPerSource, out var oldest)) fresh.Remove(oldest.Topic, oldest.Key);
            place = fresh.Shares.Add(source, new(topic, key), 1);
        }
        fresh.Add(topic, new(key, record, source, place));
        if (fresh.Count >= maxRecords) _generations.Rotate(now);
    }

    public bool Remove(in NodeId topic, in PublicKey key) => _generations.Fresh.Remove(topic, key) | _generations.Stale.Remove(topic, key);

    /// <summary>At most <paramref name="limit"/> records of the topic, chosen at random.</summary>
    public List<byte[]> Pick(Timestamp now, in NodeId topic, int limit, IRandomSource random)
    {
        _generations.Advance(now);
        var fresh = _generations.Fresh.Find(topic);
        var stale = _generations.Stale.Find(topic);
        int count = (fresh?.Count ?? 0) + (stale?.Count ?? 0);
        var picked = new List<byte[]>(Math.Min(count, limit) + 1);
        if (count <= limit)
        {
            for (int i = 0; i < count; i++) picked.Add(At(i));
            return picked;
        }
        var indexes = new HashSet<int>(limit);
        for (int top = count - limit; top < count; top++) // Floyd: every choice of `limit` among `count` is equally likely
        {
            int index = random.Next(top + 1);
            if (!indexes.Add(index)) indexes.Add(index = top);
            picked.Add(At(index));
        }
        return picked;

        byte[] At(int index) => index < (fresh?.Count ?? 0) ? fresh![index] : stale![index - (fresh?.Count ?? 0)];
    }

    /// <summary>Drops what is too old.</summary>
    public void Advance(Timestamp now) => _generations.Advance(now);

    private readonly record struct Place(NodeId Topic, PublicKey Key);

    private readonly record struct StoredRecord(PublicKey Key, byte[] Bytes, uint Source, LinkedListNode<Place>? Place);

    private sealed class Generation : IGeneration
    {
        private readonly Dictionary<NodeId, TopicRecords> _topics = [];

        public int Count { get; private set; }

        public SourceShares<Place> Shares { get; } = new();

        public TopicRecords? Find(in NodeId topic) => _topics.GetValueOrDefault(topic);

        /// <summary>Adds a record whose key has none here.</summary>
        public void Add(in NodeId topic, in StoredRecord record)
        {
            if (!_topics.TryGetValue(topic, out var records)) _topics[topic] = records = new();
            records.Add(record);
            Count++;
        }

        public bool Remove(in NodeId topic, in PublicKey key)
        {
            if (!_topics.TryGetValue(topic, out var records) || !records.Remove(key, out var removed)) return false;
            if (records.Count == 0) _topics.Remove(topic);
            if (removed.Place is { } place) Shares.Remove(removed.Source, place, 1);
            Count--;
            return true;
        }

        public void Clear()
        {
            _topics.Clear();
            Shares.Clear();
            Count = 0;
        }
    }

    /// <summary>The records of one topic: indexed for random choice, found by key.</summary>
    private sealed class TopicRecords
    {
        private readonly List<StoredRecord> _records = new(1);
        private readonly Dictionary<PublicKey, int> _positions = new(1);

        public int Count => _records.Count;

        public byte[] this[int index] => _records[index].Bytes;

        public void Add(in StoredRecord record)
        {
            _positions.Add(record.Key, _records.Count);
            _records.Add(record);
        }

        public bool Remove(in PublicKey key, out StoredRecord removed)
        {
            removed = default;
            if (!_positions.Remove(key, out int position)) return false;
            removed = _records[position];
            var last = _records[^1];
            _records.RemoveAt(_records.Count - 1);
            if (position == _records.Count) return true;
            _records[position] = last;
            _positions[last.Key] = position;
            return true;
        }
    }
}
