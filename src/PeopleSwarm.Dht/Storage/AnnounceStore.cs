namespace PeopleSwarm.Dht.Storage;

/// <summary>Who announced what: topic → key → encoded record, in two generations (spec hyperdht, 4.2). Reads renew nothing.</summary>
/// <param name="maxRecords">Records of one generation; at most twice as many exist.</param>
/// <param name="maxAge">Age a record has when it goes, on average.</param>
internal sealed class AnnounceStore(int maxRecords, TimeSpan maxAge)
{
    private readonly TimeSpan _interval = Generations.Interval(maxAge);
    private Generation _fresh = new(), _stale = new();
    private Timestamp? _rotateAt;

    /// <summary>Records of both generations.</summary>
    public int Count => _fresh.Count + _stale.Count;

    /// <summary>Stores a record in place of an earlier one of the same key.</summary>
    public void Set(Timestamp now, in NodeId topic, in PublicKey key, byte[] record)
    {
        Advance(now);
        _stale.Remove(topic, key);
        _fresh.Set(topic, key, record);
        if (_fresh.Count >= maxRecords) Rotate(now);
    }

    public bool Remove(in NodeId topic, in PublicKey key) => _fresh.Remove(topic, key) | _stale.Remove(topic, key);

    /// <summary>At most <paramref name="limit"/> records of the topic, chosen at random.</summary>
    public List<byte[]> Pick(Timestamp now, in NodeId topic, int limit, IRandomSource random)
    {
        Advance(now);
        var fresh = _fresh.Find(topic);
        var stale = _stale.Find(topic);
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
    public void Advance(Timestamp now)
    {
        _rotateAt ??= now + _interval;
        if (now < _rotateAt) return;
        if (now >= _rotateAt + _interval) _fresh.Clear();
        Rotate(now);
    }

    private void Rotate(Timestamp now)
    {
        (_fresh, _stale) = (_stale, _fresh);
        _fresh.Clear();
        _rotateAt = now + _interval;
    }

    private sealed class Generation
    {
        private readonly Dictionary<NodeId, TopicRecords> _topics = [];

        public int Count { get; private set; }

        public TopicRecords? Find(in NodeId topic) => _topics.GetValueOrDefault(topic);

        public void Set(in NodeId topic, in PublicKey key, byte[] record)
        {
            if (!_topics.TryGetValue(topic, out var records)) _topics[topic] = records = new();
            if (records.Set(key, record)) Count++;
        }

        public bool Remove(in NodeId topic, in PublicKey key)
        {
            if (!_topics.TryGetValue(topic, out var records) || !records.Remove(key)) return false;
            if (records.Count == 0) _topics.Remove(topic);
            Count--;
            return true;
        }

        public void Clear()
        {
            _topics.Clear();
            Count = 0;
        }
    }

    /// <summary>The records of one topic: indexed for random choice, found by key.</summary>
    private sealed class TopicRecords
    {
        private readonly List<(PublicKey Key, byte[] Record)> _records = new(1);
        private readonly Dictionary<PublicKey, int> _positions = new(1);

        public int Count => _records.Count;

        public byte[] this[int index] => _records[index].Record;

        /// <summary>True if the key is new.</summary>
        public bool Set(in PublicKey key, byte[] record)
        {
            if (_positions.TryGetValue(key, out int position))
            {
                _records[position] = (key, record);
                return false;
            }
            _positions.Add(key, _records.Count);
            _records.Add((key, record));
            return true;
        }

        public bool Remove(in PublicKey key)
        {
            if (!_positions.Remove(key, out int position)) return false;
            var last = _records[^1];
            _records.RemoveAt(_records.Count - 1);
            if (position == _records.Count) return true;
            _records[position] = last;
            _positions[last.Key] = position;
            return true;
        }
    }
}
