namespace PeopleSwarm.Udx.Protocol;

/// <summary>Streams by their next deadline: a binary heap that knows where each stream stands.</summary>
internal sealed class TimerHeap
{
    private StreamMachine[] _items = new StreamMachine[16];
    private int _count;

    public StreamMachine? First => _count > 0 ? _items[0] : null;

    /// <summary>Moves a stream to its place after its deadline changed; a stream without one leaves the heap.</summary>
    public void Update(StreamMachine stream)
    {
        int at = stream.HeapIndex;
        if (stream.Due == StreamTimers.Never)
        {
            if (at >= 0) RemoveAt(at);
            return;
        }
        if (at < 0)
        {
            if (_count == _items.Length) Array.Resize(ref _items, _count * 2);
            at = _count++;
            Place(stream, at);
        }
        Restore(at);
    }

    private void RemoveAt(int at)
    {
        _items[at].HeapIndex = -1;
        var last = _items[--_count];
        _items[_count] = null!;
        if (at == _count) return;
        Place(last, at);
        Restore(at);
    }

    private void Restore(int at)
    {
        var stream = _items[at];
        while (at > 0 && stream.Due < _items[(at - 1) / 2].Due)
        {
            Place(_items[(at - 1) / 2], at);
            at = (at - 1) / 2;
        }
        while (2 * at + 1 < _count)
        {
            int child = 2 * at + 1;
            if (child + 1 < _count && _items[child + 1].Due < _items[child].Due) child++;
            if (_items[child].Due >= stream.Due) break;
            Place(_items[child], at);
            at = child;
        }
        Place(stream, at);
    }

    private void Place(StreamMachine stream, int at)
    {
        _items[at] = stream;
        stream.HeapIndex = at;
    }
}
