using System.Runtime.InteropServices;
using PeopleSwarm.Dht.Kademlia;

namespace PeopleSwarm.Dht.Rpc;

/// <summary>Which messages may say what our address is (spec dht-rpc, 12.1 and 14).</summary>
/// <remarks>
/// Answers to our own requests may, as in the reference. A request comes from anybody, so only one of each /24 counts in
/// the time a node's word stays fresh; and nothing counts that arrived on another socket than the one in use.
/// Where answers from several networks in a row disagree with what we believe, the belief is dropped: our NAT, or we, have moved.
/// </remarks>
internal sealed class NatSampling(LocalIdentity identity, int bootstrapNodes)
{
    private const int MaxNetworks = 64, DissentersWanted = 3;
    private static readonly TimeSpan s_minBelief = TimeSpan.FromSeconds(30); // a mapping that drifts without end is not judged at every step

    private readonly HashSet<UdpEndPoint> _withoutId = [];
    private readonly List<(uint Network, int Tick)> _networks = []; // at most 64, and when each was heard
    private readonly Dictionary<UdpEndPoint, UdpEndPoint> _dissenters = [];
    private Timestamp? _judgedAt;

    /// <summary>Called when the belief was dropped; the new samples are in place.</summary>
    public Action<Timestamp>? Rejudged { get; set; }

    /// <summary>An answer to our request, from a node of the table (<paramref name="node"/>) or one without a valid id.</summary>
    public void OnResponse(Timestamp now, long tick, KnownNode? node, in UdpEndPoint from, in UdpEndPoint to, bool isExternal)
    {
        if (isExternal || to.Port == 0 || WasRejudged(now, from, to)) return;
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
        int place = IndexOf(network);
        if (place >= 0 ? tick - _networks[place].Tick < Ticks.OldNode : !HasRoom(tick)) return;
        if (place >= 0) _networks[place] = (network, (int)tick);
        else _networks.Add((network, (int)tick));
        if (node is not null) node.Sampled = tick;
        Add(to);
    }

    /// <summary>The samples were replaced: by those of another socket, or by none because we moved.</summary>
    public void Reset()
    {
        _withoutId.Clear();
        _networks.Clear();
        _dissenters.Clear();
    }

    /// <summary>Whether one more network may speak; those that may speak again need not be remembered.</summary>
    private bool HasRoom(long tick)
    {
        if (_networks.Count < MaxNetworks) return true;
        _networks.RemoveAll(n => tick - n.Tick >= Ticks.OldNode);
        return _networks.Count < MaxNetworks;
    }

    private int IndexOf(uint network)
    {
        var networks = CollectionsMarshal.AsSpan(_networks);
        for (int i = 0; i < networks.Length; i++)
            if (networks[i].Network == network) return i;
        return -1;
    }

    private static bool IsDue(long tick, KnownNode node) => node.Sampled is not { } sampled || tick - sampled >= Ticks.OldNode;

    /// <summary>Whether this answer was the last one needed to drop what we believe.</summary>
    private bool WasRejudged(Timestamp now, in UdpEndPoint from, in UdpEndPoint to)
    {
        if (identity.Nat.Result is not { } known) return false;
        if (known.Port == 0 ? known.HasSameAddress(to) : known == to)
        {
            _dissenters.Clear();
            return false;
        }
        // One voice for each network: a /24, or a single node of a private range.
        _dissenters[NodeDiversity.IsPrivate(from.IPv4) ? from : new(NodeDiversity.NetworkOf(from) << 8, 0)] = to;
        if (_dissenters.Count < DissentersWanted || now - _judgedAt < s_minBelief) return false;
        _judgedAt = now;
        identity.Nat = new();
        var samples = _dissenters.Values.ToArray();
        Reset();
        foreach (var sample in samples) Add(sample);
        Rejudged?.Invoke(now);
        return true;
    }

    private void Add(in UdpEndPoint sample)
    {
        if (sample.Port != 0) identity.Nat.Add(sample);
    }
}
