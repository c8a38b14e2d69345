using PeopleSwarm.Dht.Kademlia;

namespace PeopleSwarm.Dht.Rpc;

/// <summary>
/// Holds silence against a node only while the network is there: a node that timed out while nobody else answered stays in the
/// table until somebody does. Otherwise an outage of ours would empty it.
/// </summary>
internal sealed class OutageGuard(RequestTable requests)
{
    private readonly Dictionary<KnownNode, long> _suspects = [];
    private Action<KnownNode>? _remove;
    private Timestamp _lastResponse;
    private bool _isProbing;

    /// <summary>Whether somebody answered after a node was asked for the last time.</summary>
    public bool IsNetworkUp(Timestamp lastSentAt) => _lastResponse > lastSentAt;

    /// <summary>Remembers a silent node and asks the one heard last whether the network is there.</summary>
    public void Suspect(Timestamp now, KnownNode node, NodeAges nodes, Action<KnownNode> remove)
    {
        _remove = remove;
        _suspects[node] = node.TimesHeard;
        if (_isProbing) return;
        var witness = nodes.Newest;
        while (witness is not null && _suspects.ContainsKey(witness)) witness = witness.Older;
        if (witness is null)
        {
            _suspects.Clear();
            return;
        }
        _isProbing = true;
        requests.Send(now, new(witness.EndPoint, RpcCommands.Ping, IsInternal: true), (_, outcome) =>
        {
            _isProbing = false;
            if (outcome.Response is null) _suspects.Clear();
        });
    }

    /// <summary>Somebody answered: the silence of the suspects was their own.</summary>
    public void OnResponse(Timestamp now)
    {
        _lastResponse = now;
        if (_suspects.Count == 0) return;
        var silent = _suspects.Where(suspect => suspect.Key.TimesHeard == suspect.Value).Select(suspect => suspect.Key).ToArray();
        _suspects.Clear();
        foreach (var node in silent) _remove!(node);
    }
}
