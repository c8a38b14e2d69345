using Microsoft.Extensions.Logging;
using PeopleSwarm.Dht.Messages;
using PeopleSwarm.Dht.Rpc;

namespace PeopleSwarm.Dht;

/// <summary>Shares the commands out: the peer layer's to it, if it serves, and the others to the overlays registered in the container.</summary>
internal sealed class OverlayCommands(IRpcEngine engine, IRpcHandler peers, bool servesPeers, IReadOnlyList<IDhtCommandHandler> overlays,
    IReadOnlyList<IDhtPlugin> plugins, ILogger logger) : IRpcHandler
{
    public bool TryHandle(Timestamp now, in RpcIncoming request)
    {
        if (servesPeers && request.Command == PeerCommand.Plugin && engine.Id is not null) return TryHandlePlugin(now, request);
        if (servesPeers && request.Command <= PeerCommand.Plugin) return peers.TryHandle(now, request);
        if (overlays.Count == 0) return false;
        var incoming = new DhtIncomingRequest(request.From, request.Id, request.Command, request.Target,
            request.Value is { } value ? new ReadOnlyMemory<byte>(value.ToArray()) : default(ReadOnlyMemory<byte>?), request.HasValidToken);
        foreach (var overlay in overlays)
            if (TryServe(now, request, incoming, overlay)) return true;
        return false;
    }

    /// <summary>Whatever is no request of a plugin of ours is met with silence, as in the reference.</summary>
    private bool TryHandlePlugin(Timestamp now, in RpcIncoming request)
    {
        if (request.Value is not { } bytes || !PluginMessage.TryRead(bytes.Span, out var message) || message.Command > int.MaxValue) return true;
        foreach (var plugin in plugins)
        {
            if (!message.IsFor(plugin)) continue;
            var value = message.HasValue ? new ReadOnlyMemory<byte>(message.Value.ToArray()) : default(ReadOnlyMemory<byte>?);
            TryServe(now, request, new(request.From, request.Id, (int)message.Command, request.Target, value, request.HasValidToken), plugin);
            break;
        }
        return true;
    }

    private bool TryServe(Timestamp now, in RpcIncoming request, DhtIncomingRequest incoming, IDhtCommandHandler handler)
    {
        try
        {
            if (!handler.TryHandle(incoming, out var reply)) return false;
            if (reply is not null) engine.Reply(now, request, new(reply.Value, reply.Error, reply.WithToken, reply.WithCloserNodes));
        }
        catch (Exception error) when (error is not OutOfMemoryException)
        {
            DhtLog.CommandHandlerFailed(logger, error, incoming.Command);
        }
        return true;
    }

    public void OnIdentityChanged(Timestamp now) => peers.OnIdentityChanged(now);
}
