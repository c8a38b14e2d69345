using Microsoft.Extensions.Logging;
using PeopleSwarm.Dht.Messages;
using PeopleSwarm.Dht.Rpc;

namespace PeopleSwarm.Dht;

/// <summary>Shares the commands out: the peer layer's to it, if it serves, and the others to the overlays registered in the container.</summary>
internal sealed class OverlayCommands(IRpcEngine engine, IRpcHandler peers, bool servesPeers, IReadOnlyList<IDhtCommandHandler> overlays, ILogger logger) : IRpcHandler
{
    public bool TryHandle(Timestamp now, in RpcIncoming request)
    {
        if (servesPeers && request.Command <= PeerCommand.Plugin) return peers.TryHandle(now, request);
        if (overlays.Count == 0) return false;
        var incoming = new DhtIncomingRequest(request.From, request.Id, request.Command, request.Target,
            request.Value is { } value ? new ReadOnlyMemory<byte>(value.ToArray()) : default(ReadOnlyMemory<byte>?), request.HasValidToken);
        foreach (var overlay in overlays)
        {
            try
            {
                if (!overlay.TryHandle(incoming, out var reply)) continue;
                if (reply is not null) engine.Reply(now, request, new(reply.Value, reply.Error, reply.WithToken, reply.WithCloserNodes));
            }
            catch (Exception error) when (error is not OutOfMemoryException)
            {
                DhtLog.CommandHandlerFailed(logger, error, request.Command);
            }
            return true;
        }
        return false;
    }

    public void OnIdentityChanged(Timestamp now) => peers.OnIdentityChanged(now);
}
