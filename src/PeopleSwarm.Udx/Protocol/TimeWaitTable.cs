namespace PeopleSwarm.Udx.Protocol;

/// <summary>What a closed stream still has to say: the last acknowledgement, or that it was destroyed.</summary>
internal readonly record struct LastWords(DatagramSource Remote, UdxHeader Header);

/// <summary>
/// Ids of streams closed a short while ago. They answer repeated DATA, END and HEARTBEAT packets, so that a peer whose last
/// acknowledgement was lost need not wait for its timeout (spec udx, 5.6). Bounded; the oldest goes first.
/// </summary>
internal sealed class TimeWaitTable(int capacity, long lifeMicros)
{
    private const int MaxAnswers = 32; // of one closed stream, to its peer and to others each: it is no tool to make us send

    private sealed class Entry
    {
        public required LastWords Words;
        public required long Until;
        public int Answers, AnswersElsewhere;
    }

    private readonly Dictionary<uint, Entry> _entries = [];
    private readonly Queue<(uint Id, long Until)> _order = new();

    public long NextExpiry => _order.TryPeek(out var oldest) ? oldest.Until : StreamTimers.Never;

    public bool Contains(uint id) => _entries.ContainsKey(id);

    public void Add(long now, uint id, LastWords words)
    {
        if (capacity == 0 || lifeMicros == 0) return;
        while (_order.Count >= capacity) RemoveOldest();
        _entries[id] = new() { Words = words, Until = now + lifeMicros };
        _order.Enqueue((id, now + lifeMicros));
    }

    /// <summary>A new stream takes the id.</summary>
    public void Remove(uint id) => _entries.Remove(id);

    /// <summary>False if the packet deserves no answer. It goes where the packet came from: the peer may have moved since.</summary>
    public bool TryAnswer(uint id, PacketTypes types, in DatagramSource source, out LastWords words)
    {
        words = default;
        const PacketTypes answered = PacketTypes.Data | PacketTypes.End | PacketTypes.Heartbeat;
        if ((types & answered) == 0 || (types & PacketTypes.Destroy) != 0) return false;
        if (!_entries.TryGetValue(id, out var entry)) return false;
        ref int answers = ref source.From == entry.Words.Remote.From ? ref entry.Answers : ref entry.AnswersElsewhere;
        if (answers >= MaxAnswers) return false;
        answers++;
        words = entry.Words with { Remote = source };
        return true;
    }

    public void Expire(long now)
    {
        while (NextExpiry <= now) RemoveOldest();
    }

    private void RemoveOldest()
    {
        var (id, until) = _order.Dequeue();
        if (_entries.TryGetValue(id, out var entry) && entry.Until == until) _entries.Remove(id);
    }
}
