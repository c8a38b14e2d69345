using PeopleSwarm.Dht.Kademlia;

namespace PeopleSwarm.Dht.Rpc;

/// <summary>
/// The answers of a query from the nodes closest to its target, closest first. Of a public /24 only the closest few count as long as
/// there are others, so that whoever owns a block of addresses owns a few of the answers and not all: look-ups reach the honest nodes beside it.
/// </summary>
/// <param name="target">What the nodes are close to.</param>
/// <param name="maxPerNetwork">Nodes of one public /24 that count; more only fill empty places.</param>
/// <param name="capacity">Answers kept.</param>
internal sealed class ClosestReplies(NodeId target, int maxPerNetwork, int capacity = KBucket.Size)
{
    private readonly List<RpcResponse> _replies = [], _spares = [];

    public bool IsFull => _replies.Count + _spares.Count >= capacity;

    /// <summary>The answers within the share of their network, closest first.</summary>
    public IReadOnlyList<RpcResponse> Diverse => _replies;

    /// <summary>Whether a node with this id and address could still enter.</summary>
    public bool Accepts(in NodeId id, in UdpEndPoint address)
    {
        if (_replies.Count >= capacity && !IsCloser(id, _replies[^1])) return false;
        if (FarthestOfFullNetwork(address) is not { } last || IsCloser(id, _replies[last])) return true;
        return !IsFull || _replies.Count < capacity && _spares.Count > 0 && IsCloser(id, _spares[^1]);
    }

    /// <summary>Puts an answer that has an id in its place; one of the same node gives way to it.</summary>
    public void Add(RpcResponse reply)
    {
        if (TryReplace(_replies, reply) || TryReplace(_spares, reply)) return;
        if (FarthestOfFullNetwork(reply.From) is not { } last)
        {
            Insert(_replies, reply);
        }
        else if (IsCloser(reply.Id!.Value, _replies[last]))
        {
            Insert(_spares, _replies[last]);
            _replies.RemoveAt(last);
            Insert(_replies, reply);
        }
        else
        {
            Insert(_spares, reply);
        }
    }

    /// <summary>The answers, closest first; those beyond the share of their network only where there are no others.</summary>
    public RpcResponse[] ToArray()
    {
        var all = _replies.ToList();
        foreach (var spare in _spares.Take(capacity - _replies.Count)) Insert(all, spare);
        return [.. all];
    }

    private int? FarthestOfFullNetwork(in UdpEndPoint address)
    {
        if (NodeDiversity.IsPrivate(address.IPv4)) return null;
        uint network = NodeDiversity.NetworkOf(address);
        int count = 0, last = -1;
        for (int i = 0; i < _replies.Count; i++)
        {
            if (NodeDiversity.NetworkOf(_replies[i].From) != network) continue;
            count++;
            last = i;
        }
        return count >= maxPerNetwork ? last : null;
    }

    private bool IsCloser(in NodeId id, RpcResponse than) => id.CompareDistance(than.Id!.Value, target) < 0;

    private static bool TryReplace(List<RpcResponse> replies, RpcResponse reply)
    {
        int place = replies.FindIndex(r => r.Id == reply.Id);
        if (place >= 0) replies[place] = reply;
        return place >= 0;
    }

    private void Insert(List<RpcResponse> replies, RpcResponse reply)
    {
        int place = 0;
        while (place < replies.Count && !IsCloser(reply.Id!.Value, replies[place])) place++;
        replies.Insert(place, reply);
        if (replies.Count > capacity) replies.RemoveAt(capacity);
    }
}
