using System.Buffers;

namespace PeopleSwarm.Dht.Rpc;

/// <summary>Datagrams waiting for the driver to fetch them; bounded, what does not fit is lost as on the network.</summary>
internal sealed class Outbox(int capacity)
{
    private readonly Queue<Entry> _entries = new();

    /// <summary>Datagrams lost for want of room.</summary>
    public long Lost { get; private set; }

    /// <summary>Queues bytes that stay as they are while they wait: a request, kept for its retries.</summary>
    public void SendKept(byte[] datagram, UdpEndPoint to, SocketId socket, byte ttl) =>
        Enqueue(new(datagram, new(to, datagram.Length, socket, Ttl: ttl), IsPooled: false));

    /// <summary>A buffer for the next <see cref="SendRented"/>.</summary>
    public static byte[] Rent() => ArrayPool<byte>.Shared.Rent(RpcProtocol.MaxDatagramSize);

    /// <summary>Queues the first <paramref name="length"/> bytes of a buffer from <see cref="Rent"/> and takes it over.</summary>
    public void SendRented(byte[] buffer, int length, UdpEndPoint to, SocketId socket) =>
        Enqueue(new(buffer, new(to, length, socket), IsPooled: true));

    /// <summary>Takes as many datagrams of one size and destination as stand in a row and fit: one call of the system sends them.</summary>
    public bool TryTake(Span<byte> destination, out Transmit transmit)
    {
        transmit = default;
        if (!_entries.TryPeek(out var first)) return false;
        int size = first.Transmit.Length, length = 0;
        while (_entries.TryPeek(out var entry) && entry.Transmit with { Length = size } == first.Transmit
            && entry.Transmit.Length <= size && length + entry.Transmit.Length <= destination.Length)
        {
            _entries.Dequeue();
            entry.Buffer.AsSpan(0, entry.Transmit.Length).CopyTo(destination[length..]);
            length += entry.Transmit.Length;
            Free(entry);
            if (entry.Transmit.Length < size) break;
        }
        transmit = first.Transmit with { Length = length, SegmentSize = length > size ? size : 0 };
        return length > 0;
    }

    public void Clear()
    {
        while (_entries.TryDequeue(out var entry)) Free(entry);
    }

    private void Enqueue(in Entry entry)
    {
        if (_entries.Count < capacity)
        {
            _entries.Enqueue(entry);
            return;
        }
        Lost++;
        Free(entry);
    }

    private static void Free(in Entry entry)
    {
        if (entry.IsPooled) ArrayPool<byte>.Shared.Return(entry.Buffer);
    }

    private readonly record struct Entry(byte[] Buffer, Transmit Transmit, bool IsPooled);
}
