using PeopleSwarm.Dht.Messages;

namespace PeopleSwarm.Dht.Rpc;

/// <summary>Serves the commands of the RPC layer itself (spec dht-rpc, 10).</summary>
internal sealed class InternalCommands(Replier replier, TableMaintenance table, DelayedPings delayedPings)
{
    private static readonly RpcReply s_pong = new(null, WithToken: false, WithCloserNodes: false);

    public void Serve(Timestamp now, in RpcIncoming request)
    {
        var value = new CompactReader(request.Value is { } memory ? memory.Span : default);
        switch (request.Command)
        {
            case RpcCommands.Ping:
                replier.Reply(now, request, s_pong);
                break;
            case RpcCommands.PingNat:
                if (value.TryReadUInt16(out ushort port) && port != 0) replier.Reply(now, request, s_pong with { To = request.From.WithPort(port) });
                break;
            case RpcCommands.FindNode:
                if (request.Target is not null) replier.Reply(now, request, new(null, WithToken: false));
                break;
            case RpcCommands.DownHint:
                if (!value.TryReadBytes(AddressArray.ItemSize, out var address)) break;
                table.OnDownHint(now, address);
                replier.Reply(now, request, s_pong);
                break;
            case RpcCommands.DelayedPing:
                if (value.TryReadUInt32(out uint delayMs)) delayedPings.Add(now, request, delayMs);
                break;
            default:
                replier.Reply(now, request, new(null, RpcErrors.UnknownCommand, WithToken: false));
                break;
        }
    }

    /// <summary>Sends the delayed answers that are due.</summary>
    public void HandleTimeout(Timestamp now)
    {
        while (delayedPings.TryTake(now, out var request)) replier.Reply(now, request, s_pong);
    }
}
