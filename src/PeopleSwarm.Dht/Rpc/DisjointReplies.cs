using System.Runtime.InteropServices;
using PeopleSwarm.Dht.Kademlia;

namespace PeopleSwarm.Dht.Rpc;

/// <summary>
/// The closest answers of a query that walks along disjoint paths (S/Kademlia). Half of the twenty places are dealt evenly to the paths, each of which
/// finds the closest nodes of its own part of the address space; the other half goes by distance alone. Who owns one block of addresses owns one path,
/// however close its nodes are to the target. Without an attacker the twenty closest hold nearly every path's share anyway, so it costs hardly a request.
/// </summary>
/// <param name="target">What the nodes are close to.</param>
/// <param name="maxPerNetwork">Nodes of one public /24 that count.</param>
/// <param name="paths">How many paths; 1 leaves everything to distance.</param>
/// <param name="partition">Which node is on which path.</param>
internal sealed class DisjointReplies(NodeId target, int maxPerNetwork, int paths, PathPartition partition)
{
    private readonly ClosestReplies _closest = new(target, maxPerNetwork);
    private readonly ClosestReplies?[] _shares = paths > 1 ? new ClosestReplies?[paths] : [];
    private readonly int[] _seeds = paths > 1 ? new int[paths] : [];
    private readonly int _share = (KBucket.Size / 2 + paths - 1) / paths;

    /// <summary>Whether there is more than one path.</summary>
    public bool HasPaths => _shares.Length != 0;

    /// <summary>Whether a node of our table, told closest first, is one that its path begins with.</summary>
    public bool TryTakeSeed(in UdpEndPoint address) => HasPaths && partition.PathOf(address, paths) is { } path && _seeds[path]++ < _share;

    /// <summary>Whether twenty have answered, of whatever path.</summary>
    public bool IsFull => _closest.IsFull;

    /// <summary>Whether a node with this id and address could still enter: among the closest of all, or among those of its path.</summary>
    public bool Accepts(in NodeId id, in UdpEndPoint address) => _closest.Accepts(id, address) || ShareOf(address)?.Accepts(id, address) == true;

    /// <summary>Puts an answer that has an id in its place.</summary>
    public void Add(RpcResponse reply)
    {
        var id = reply.Id!.Value;
        if (_closest.Accepts(id, reply.From)) _closest.Add(reply);
        if (ShareOf(reply.From) is { } share && share.Accepts(id, reply.From)) share.Add(reply);
    }

    /// <summary>The share of each path and, in the places left, the closest of all; closest first.</summary>
    public RpcResponse[] ToArray()
    {
        var closest = _closest.ToArray();
        if (closest.Length < KBucket.Size || !HasPaths) return closest;
        var chosen = new List<RpcResponse>(KBucket.Size);
        foreach (var share in _shares) chosen.AddRange(share?.Diverse ?? []);
        if (chosen.TrueForAll(closest.Contains)) return closest;
        chosen.AddRange(closest.Where(reply => !chosen.Contains(reply)).Take(KBucket.Size - chosen.Count));
        return [.. chosen.OrderBy(reply => reply.Id!.Value, Comparer<NodeId>.Create((a, b) => a.CompareDistance(b, target)))];
    }

    /// <summary>
    /// The answers of <see cref="ToArray"/> for whoever stores with the first few only: the closest of each path, then the second of each, and on a path
    /// first one of each public /24. By distance alone they would all be of whoever has the most addresses near the target.
    /// </summary>
    public RpcResponse[] ToSpreadArray()
    {
        var inNetworks = new Dictionary<uint, int>();
        int[] onPaths = new int[paths];
        return [.. ToArray().OrderBy(reply => RankInNetwork(reply.From)).ToArray().OrderBy(reply => RankOnPath(reply.From))]; // closest first within a rank

        int RankInNetwork(in UdpEndPoint address) => NodeDiversity.IsPrivate(address.IPv4) ? 0
            : CollectionsMarshal.GetValueRefOrAddDefault(inNetworks, NodeDiversity.NetworkOf(address), out _)++;

        int RankOnPath(in UdpEndPoint address) => partition.PathOf(address, paths) is { } path ? onPaths[path]++ : 0;
    }

    private ClosestReplies? ShareOf(in UdpEndPoint address) => HasPaths && partition.PathOf(address, paths) is { } path
        ? _shares[path] ??= new(target, maxPerNetwork, _share) : null;
}
