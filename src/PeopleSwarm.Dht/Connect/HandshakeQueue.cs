using PeopleSwarm.Dht.Relay;
using PeopleSwarm.Dht.Rpc;

namespace PeopleSwarm.Dht.Connect;

/// <summary>A client's first message that waits to be read.</summary>
internal sealed record WaitingHandshake(Timestamp Since, NodeId Key, RpcIncoming Request, HandshakeWay Way, byte[] Noise);

/// <summary>
/// First messages of handshakes that wait to be read. Senders take turns, and where there is no room the one with the most gives way: a flood from a few
/// addresses waits for itself.
/// </summary>
/// <param name="capacity">Messages that may wait.</param>
internal sealed class HandshakeQueue(int capacity)
{
    private readonly Dictionary<uint, Queue<WaitingHandshake>> _bySender = [];
    private readonly Queue<uint> _turns = new();

    /// <summary>Messages that wait.</summary>
    public int Count { get; private set; }

    /// <summary>Whether a message of this sender would be kept; makes room for it if there is none.</summary>
    /// <param name="sender">The IPv4 address that answers for it.</param>
    /// <param name="dropped">Messages lost: this one, or one that gave way.</param>
    public bool TryMakeRoom(uint sender, out int dropped)
    {
        dropped = 0;
        if (Count < capacity) return true;
        dropped = 1;
        int own = _bySender.TryGetValue(sender, out var mine) ? mine.Count : 0;
        Queue<WaitingHandshake>? most = null;
        foreach (var waiting in _bySender.Values)
            if (waiting.Count > (most?.Count ?? own + 1)) most = waiting;
        if (most is null) return false;
        most.Dequeue();
        Count--;
        return true;
    }

    public void Add(uint sender, WaitingHandshake handshake)
    {
        if (!_bySender.TryGetValue(sender, out var waiting))
        {
            _bySender.Add(sender, waiting = new());
            _turns.Enqueue(sender);
        }
        waiting.Enqueue(handshake);
        Count++;
    }

    /// <summary>The oldest of the sender whose turn it is. Not when there is none.</summary>
    public WaitingHandshake Take()
    {
        uint sender = _turns.Dequeue();
        var waiting = _bySender[sender];
        var next = waiting.Dequeue();
        Count--;
        if (waiting.Count == 0) _bySender.Remove(sender);
        else _turns.Enqueue(sender);
        return next;
    }

    public void Clear()
    {
        _bySender.Clear();
        _turns.Clear();
        Count = 0;
    }
}
