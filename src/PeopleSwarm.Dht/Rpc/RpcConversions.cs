namespace PeopleSwarm.Dht.Rpc;

/// <summary>From the machine's values to the public ones, and back.</summary>
internal static class RpcConversions
{
    public static DhtResponse ToPublic(this RpcResponse response) =>
        new(response.From, response.Id, response.To, response.Token, response.CloserNodes, response.Error, response.Value, response.RoundTrip);

    public static RpcCallRequest ToCall(this DhtRequest request, UdpEndPoint to) =>
        new(to, request.Command, request.Target, request.Value, request.Token, request.IsInternal);

    public static DhtException ToException(this RpcFailure failure) => failure switch
    {
        RpcFailure.TimedOut => new(DhtError.RequestTimedOut, "Nobody answered in time."),
        RpcFailure.Suspended => new(DhtError.Suspended, "The node is suspended."),
        RpcFailure.LimitReached => new(DhtError.LimitReached, "Too many requests are under way."),
        _ => new(DhtError.Destroyed, "The operation was given up."),
    };
}
