namespace PeopleSwarm.Dht.Rpc;

/// <summary>What an RPC machine knows of itself; compared to tell of changes.</summary>
internal readonly record struct RpcStatus(NodeId? Id, UdpEndPoint? ObservedEndPoint, UdpEndPoint? PublicEndPoint, bool IsEphemeral, bool IsFirewalled,
    bool IsBootstrapped, bool IsOnline, bool IsDegraded, bool IsSuspended);
