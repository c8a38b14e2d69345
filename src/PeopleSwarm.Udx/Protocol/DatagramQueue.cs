namespace PeopleSwarm.Udx.Protocol;

/// <summary>Finished datagrams waiting to leave: messages, relayed packets, last words of closed streams. Bounded; the newest is refused.</summary>
internal sealed class DatagramQueue(int capacity, BlockPool blocks)
{
    private readonly record struct Item(UdpEndPoint To, SocketId Socket, byte[] Block, int Length);

    private readonly Queue<Item> _items = new();

    public int Count => _items.Count;

    /// <summary>Room for one datagram of at most <see cref="UdxPacket.MaxSize"/> bytes; false if the queue is full.</summary>
    public bool TryAdd(UdpEndPoint to, SocketId socket, int length, out Span<byte> datagram)
    {
        datagram = default;
        if (_items.Count >= capacity) return false;
        byte[] block = blocks.Rent();
        _items.Enqueue(new(to, socket, block, length));
        datagram = block.AsSpan(0, length);
        return true;
    }

    /// <summary>Takes as many datagrams of one size and destination as stand in a row and fit.</summary>
    public bool TryTake(Span<byte> buffer, out Transmit transmit, out int count)
    {
        (transmit, count) = (default, 0);
        if (!_items.TryPeek(out var first)) return false;
        int length = 0;
        while (count < UdxEndpoint.MaxSegments && _items.TryPeek(out var item) && item.To == first.To && item.Socket == first.Socket
            && item.Length <= first.Length && length + item.Length <= buffer.Length)
        {
            _items.Dequeue();
            item.Block.AsSpan(0, item.Length).CopyTo(buffer[length..]);
            blocks.Return(item.Block);
            (length, count) = (length + item.Length, count + 1);
            if (item.Length < first.Length) break;
        }
        transmit = new(first.To, length, first.Socket, count > 1 ? first.Length : 0);
        return count > 0;
    }
}
