using PeopleSwarm.Dht.Kademlia;

namespace PeopleSwarm.Dht.Rpc;

/// <summary>The answers of a query from the nodes closest to its target: at most 20, closest first.</summary>
internal sealed class ClosestReplies(NodeId target)
{
    private readonly List<RpcResponse> _replies = [];

    public int Count => _replies.Count;

    public bool IsFull => _replies.Count >= KBucket.Size;

    /// <summary>Whether a node with this id could still enter.</summary>
    public bool Accepts(in NodeId id) => !IsFull || id.CompareDistance(_replies[^1].Id!.Value, target) < 0;

    /// <summary>Puts an answer that has an id in its place; one of the same node gives way to it.</summary>
    public void Add(RpcResponse reply)
    {
        var id = reply.Id!.Value;
        int place = 0;
        while (place < _replies.Count && _replies[place].Id!.Value.CompareDistance(id, target) < 0) place++;
        if (place < _replies.Count && _replies[place].Id == id)
        {
            _replies[place] = reply;
            return;
        }
        _replies.Insert(place, reply);
        if (_replies.Count > KBucket.Size) _replies.RemoveAt(KBucket.Size);
    }

    public RpcResponse[] ToArray() => [.. _replies];
}
