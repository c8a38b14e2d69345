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

    public bool TryTake(Span<byte> destination, out Transmit transmit)
    {
        if (!_entries.TryDequeue(out var entry))
        {
            transmit = default;
            return false;
        }
        transmit = entry.Transmit;
        entry.Buffer.AsSpan(0, transmit.Length).CopyTo(destination);
        Free(entry);
        return true;
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
