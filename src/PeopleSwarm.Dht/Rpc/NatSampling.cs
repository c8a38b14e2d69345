using PeopleSwarm.Dht.Kademlia;

namespace PeopleSwarm.Dht.Rpc;

/// <summary>Which messages may say what our address is (spec dht-rpc, 12.1 and 14).</summary>
/// <remarks>
/// Answers to our own requests may, as in the reference. A request comes from anybody, so only one of each /24 counts in
/// the time a node's word stays fresh; and nothing counts that arrived on another socket than the one in use.
/// </remarks>
internal sealed class NatSampling(LocalIdentity identity, int bootstrapNodes)
{
    private const int MaxNetworks = 64;

    private readonly HashSet<UdpEndPoint> _withoutId = [];
    private readonly Dictionary<uint, long> _networks = [];

    /// <summary>An answer to our request, from a node of the table (<paramref name="node"/>) or one without a valid id.</summary>
    public void OnResponse(long tick, KnownNode? node, in UdpEndPoint from, in UdpEndPoint to, bool isExternal)
    {
        if (isExternal) return;
        if (node is null)
        {
            if (_withoutId.Count < Math.Max(1, bootstrapNodes) && _withoutId.Add(from)) Add(to);
        }
        else if (IsDue(tick, node))
        {
            node.Sampled = tick;
            Add(to);
        }
    }

    /// <summary>A request of a node with a valid id, in the table (<paramref name="node"/>) or not.</summary>
    public void OnRequest(long tick, KnownNode? node, in UdpEndPoint from, in UdpEndPoint to, bool isExternal)
    {
        if (isExternal || node is not null && !IsDue(tick, node)) return;
        uint network = NodeDiversity.NetworkOf(from);
        if (_networks.TryGetValue(network, out long last) ? tick - last < Ticks.OldNode : _networks.Count >= MaxNetworks) return;
        _networks[network] = tick;
        if (node is not null) node.Sampled = tick;
        Add(to);
    }

    /// <summary>The samples were replaced by those of another socket.</summary>
    public void Reset()
    {
        _withoutId.Clear();
        _networks.Clear();
    }

    private static bool IsDue(long tick, KnownNode node) => node.Sampled is not { } sampled || tick - sampled >= Ticks.OldNode;

    private void Add(in UdpEndPoint sample)
    {
        if (sample.Port != 0) identity.Nat.Add(sample);
    }
}
