using PeopleSwarm.Dht.Messages;

namespace PeopleSwarm.Dht.Rpc;

/// <summary>What a request must keep to be sent.</summary>
internal static class RequestRules
{
    /// <summary>Checks a request whatever socket it will leave through.</summary>
    /// <exception cref="ArgumentException">The address is not IPv4 or has no port, the token is not 32 bytes, or the datagram would be too large.</exception>
    public static void Check(in RpcCallRequest request, string argument)
    {
        if (!request.To.IsIPv4 || request.To.Port == 0) throw new ArgumentException($"Requests go to IPv4 addresses with a port, not to {request.To}.", argument);
        if (request.Command < 0) throw new ArgumentException("A command is not negative.", argument);
        if (request.Token is { Length: not RpcProtocol.TokenSize }) throw new ArgumentException($"A token is {RpcProtocol.TokenSize} bytes.", argument);
        var largest = new RpcRequestMessage
        {
            Id = default(NodeId),
            Token = request.Token is { } token ? token.Span : default,
            Command = request.Command,
            Target = request.Target,
            HasValue = request.Value is not null,
            Value = request.Value is { } value ? value.Span : default,
        };
        if (largest.Size > RpcProtocol.MaxDatagramSize)
            throw new ArgumentException($"The request takes up to {largest.Size} bytes, a datagram at most {RpcProtocol.MaxDatagramSize}.", argument);
    }
}
