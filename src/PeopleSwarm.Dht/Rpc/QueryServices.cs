using PeopleSwarm.Dht.Kademlia;

namespace PeopleSwarm.Dht.Rpc;

/// <summary>What queries use of the node.</summary>
internal sealed record QueryServices(RpcSettings Settings, RequestTable Requests, LocalIdentity Identity, NodeIds Ids, Bootstrapper Bootstrapper,
    DownHints DownHints, Deferred Deferred, RpcCounters Counters, PathPartition Paths)
{
    /// <summary>Queries begun and not finished.</summary>
    public HashSet<QueryMachine> Active { get; } = [];
}
