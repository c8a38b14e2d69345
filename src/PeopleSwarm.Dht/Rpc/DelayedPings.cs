namespace PeopleSwarm.Dht.Rpc;

/// <summary>Answers that were asked for after a delay; a limited number.</summary>
internal sealed class DelayedPings(int capacity, TimeSpan maxDelay)
{
    private readonly PriorityQueue<RpcIncoming, Timestamp> _waiting = new();

    public Timestamp? NextTimeout => _waiting.TryPeek(out _, out var due) ? due : null;

    public void Add(Timestamp now, in RpcIncoming request, uint delayMs)
    {
        if (delayMs > maxDelay.TotalMilliseconds || _waiting.Count >= capacity) return;
        _waiting.Enqueue(request with { Value = null, Token = default }, now + TimeSpan.FromMilliseconds(delayMs));
    }

    public bool TryTake(Timestamp now, out RpcIncoming request)
    {
        bool isDue = _waiting.TryPeek(out request, out var due) && due <= now;
        if (isDue) _waiting.Dequeue();
        return isDue;
    }

    public void Clear() => _waiting.Clear();
}
