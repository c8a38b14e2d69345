using PeopleSwarm.Dht.Kademlia;
using PeopleSwarm.Dht.Messages;

namespace PeopleSwarm.Dht.Rpc;

/// <summary>Makes and sends responses and forwarded requests (spec dht-rpc, 5 and 9.7).</summary>
internal sealed class Replier(LocalIdentity identity, TokenIssuer tokens, ReplyBudget budget, Outbox outbox, RpcCounters counters)
{
    private readonly KnownNode[] _closest = new KnownNode[KBucket.Size];
    private readonly UdpEndPoint[] _addresses = new UdpEndPoint[KBucket.Size];

    public void Reply(Timestamp now, in RpcIncoming request, in RpcReply reply)
    {
        var to = reply.To ?? request.From;
        if (!to.IsIPv4 || to.Port == 0) return;
        var socket = reply.Socket ?? request.Socket;
        Span<byte> token = stackalloc byte[RpcProtocol.TokenSize];
        if (reply.WithToken) tokens.Issue(now, to, token);
        var message = new RpcResponseMessage
        {
            Tid = request.Tid,
            To = to,
            Id = identity.IdOn(socket),
            Token = reply.WithToken ? token : default,
            Error = reply.Error,
            HasValue = reply.Value is not null,
            Value = reply.Value is { } value ? value.Span : default,
        };
        int size = RpcResponseMessage.SizeOf(message.Id is not null, reply.WithToken, 0, reply.Error, reply.Value?.Length);
        int closerNodes = reply.WithCloserNodes && request.Target is { } target ? FindCloserNodes(target, RpcProtocol.MaxDatagramSize - size) : 0;
        if (closerNodes > 0) size += CompactWriter.SizeOfAddresses(closerNodes);
        if (size > RpcProtocol.MaxDatagramSize)
        {
            counters.Oversized++;
            return;
        }
        if (!budget.TrySpend(now, to, size, request.Size)) return;
        var buffer = Outbox.Rent();
        int written = message.Write(buffer, _addresses.AsSpan(0, closerNodes));
        outbox.SendRented(buffer, written, to, socket);
    }

    public void Forward(Timestamp now, in RpcIncoming request, UdpEndPoint to, ReadOnlyMemory<byte> value, SocketId? socket)
    {
        if (!to.IsIPv4 || to.Port == 0) return;
        var through = socket ?? request.Socket;
        var message = new RpcRequestMessage
        {
            Tid = request.Tid,
            To = to,
            Id = identity.IdOn(through),
            IsInternal = request.IsInternal,
            Command = request.Command,
            Target = request.Target,
            HasValue = true,
            Value = value.Span,
        };
        if (message.Size > RpcProtocol.MaxDatagramSize)
        {
            counters.Oversized++;
            return;
        }
        var buffer = Outbox.Rent();
        message.Write(buffer);
        outbox.SendRented(buffer, message.Size, to, through);
    }

    /// <summary>Collects as many of the closest nodes as fit.</summary>
    private int FindCloserNodes(in NodeId target, int room)
    {
        int count = Math.Clamp((room - 1) / AddressArray.ItemSize, 0, KBucket.Size);
        count = identity.Table.Closest(target, _closest.AsSpan(0, count));
        for (int i = 0; i < count; i++) _addresses[i] = _closest[i].EndPoint;
        return count;
    }
}
