using PeopleSwarm.Dht.Kademlia;

namespace PeopleSwarm.Dht.Rpc;

/// <summary>Deals the nodes of the public address space to the disjoint paths of a look-up: all nodes of a /16 to one, which one nobody else knows.</summary>
/// <param name="secret">Random, and the same for all queries of a node: what it announces stays where it was.</param>
internal sealed class PathPartition(ulong secret)
{
    /// <summary>The path of a node, 0 to <paramref name="paths"/> - 1; null in private ranges, where one network may hold everybody.</summary>
    public int? PathOf(in UdpEndPoint node, int paths) =>
        NodeDiversity.IsPrivate(node.IPv4) ? null : (int)(Mix(secret ^ (node.IPv4 >> 16)) % (uint)paths);

    /// <summary>The finaliser of SplitMix64: each bit of the outcome depends on each of the secret.</summary>
    private static ulong Mix(ulong value)
    {
        value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9;
        value = (value ^ value >> 27) * 0x94D049BB133111EB;
        return value ^ value >> 31;
    }
}
