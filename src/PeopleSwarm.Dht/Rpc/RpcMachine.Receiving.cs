using System.Buffers;
using PeopleSwarm.Dht.Messages;

namespace PeopleSwarm.Dht.Rpc;

/// <summary>Datagrams in: requests are served, answers go to whoever asked.</summary>
internal sealed partial class RpcMachine
{
    private byte[] _scratch = []; // rented while a request is served

    public bool Receive(Timestamp now, ReadOnlySpan<byte> datagram, in DatagramSource source)
    {
        if (datagram.Length < 2 || datagram[0] is not (RpcRequestMessage.Header or RpcResponseMessage.Header)) return false;
        if (_requests.IsSuspended || datagram.Length > RpcProtocol.MaxDatagramSize || !source.From.IsIPv4 || source.From.Port == 0)
        {
            Counters.Malformed++;
            return true;
        }
        if (datagram[0] == RpcRequestMessage.Header) ReceiveRequest(now, datagram, source);
        else ReceiveResponse(now, datagram, source);
        EndTurn(now);
        return true;
    }

    private void ReceiveRequest(Timestamp now, ReadOnlySpan<byte> datagram, in DatagramSource source)
    {
        if (!_requestLimit.TryTake(now, source.From)) return;
        _scratch = ArrayPool<byte>.Shared.Rent(RpcProtocol.MaxDatagramSize);
        ServeRequest(now, datagram, source);
        ArrayPool<byte>.Shared.Return(_scratch);
        _scratch = [];
    }

    private void ServeRequest(Timestamp now, ReadOnlySpan<byte> datagram, in DatagramSource source)
    {
        datagram.CopyTo(_scratch); // handlers get memory, borrowed until they return
        if (!RpcRequestMessage.TryRead(datagram, out var message))
        {
            Counters.Malformed++;
            return;
        }
        var id = ValidId(message.Id, source.From);
        bool hasToken = !message.Token.IsEmpty;
        bool isProved = hasToken && _tokens.Verify(now, source.From, message.Token);
        var request = new RpcIncoming(source.Socket, message.Tid, source.From, message.To, id, isProved, Borrow(datagram, message.Token), message.Command,
            message.Target, message.HasValue ? Borrow(datagram, message.Value) : (ReadOnlyMemory<byte>?)null, message.IsInternal, datagram.Length);
        Counters.Served++;
        if (hasToken && !isProved)
        {
            _replier.Reply(now, request, new(null, RpcErrors.InvalidToken));
            return;
        }
        if (isProved) _budget.Prove(now, source.From);
        if (id is { } known) _table.OnRequest(now, source.From, known, message.To, source.Socket != DefaultSocket);
        if (message.IsInternal) _internalCommands.Serve(now, request);
        else if (Handler?.TryHandle(now, request) != true) _replier.Reply(now, request, new(null, RpcErrors.UnknownCommand, WithToken: false));
    }

    private void ReceiveResponse(Timestamp now, ReadOnlySpan<byte> datagram, in DatagramSource source)
    {
        if (!RpcResponseMessage.TryRead(datagram, out var message))
        {
            Counters.Malformed++;
            return;
        }
        if (_requests.Match(message.Tid, source.From) is not { } call)
        {
            Counters.Unexpected++;
            return;
        }
        var id = ValidId(message.Id, source.From);
        _requests.Complete(now, call);
        _budget.OnAnswer(now, source.From);
        _table.OnResponse(now, source.From, id, message.To, source.Socket != DefaultSocket);
        var response = new RpcResponse(message.Tid, source.Socket, source.From, id, message.To, Copy(message.Token, !message.Token.IsEmpty),
            message.CloserNodes.ToArray(), message.Error, Copy(message.Value, message.HasValue), now - call.CreatedAt);
        call.Done(now, new(response, RpcFailure.None));
    }

    /// <summary>An id counts only if it is the hash of the address it came from.</summary>
    private NodeId? ValidId(NodeId? claimed, in UdpEndPoint from) => claimed is { } id && _ids.Of(from) == id ? id : null;

    private static ReadOnlyMemory<byte>? Copy(ReadOnlySpan<byte> bytes, bool exists) =>
        exists ? new ReadOnlyMemory<byte>(bytes.ToArray()) : default(ReadOnlyMemory<byte>?);

    /// <summary>The part of the scratch copy that <paramref name="part"/> is of the datagram.</summary>
    private ReadOnlyMemory<byte> Borrow(ReadOnlySpan<byte> datagram, ReadOnlySpan<byte> part) =>
        datagram.Overlaps(part, out int offset) ? _scratch.AsMemory(offset, part.Length) : default;
}
