using System.Collections.Concurrent;

namespace PeopleSwarm.Udx;

/// <summary>The last machine of a host: hands what is no UDX packet to a handler, and sends such datagrams.</summary>
internal sealed class RawDatagrams(DatagramHandler? handler) : IDatagramMachine
{
    private const int MaxQueued = 1024;

    private readonly ConcurrentQueue<(Transmit Transmit, byte[] Bytes)> _queue = new();
    private int _queued;

    public Timestamp? NextTimeout => null;

    /// <summary>Any thread; false if the queue is full.</summary>
    public bool TryQueue(ReadOnlySpan<byte> datagram, in Transmit transmit)
    {
        if (Interlocked.Increment(ref _queued) > MaxQueued)
        {
            Interlocked.Decrement(ref _queued);
            return false;
        }
        _queue.Enqueue((transmit, datagram.ToArray()));
        return true;
    }

    public bool Receive(Timestamp now, ReadOnlySpan<byte> datagram, in DatagramSource source)
    {
        if (handler is null) return false;
        handler(datagram, source.From);
        return true;
    }

    public void HandleTimeout(Timestamp now) { }

    public bool PollTransmit(Timestamp now, Span<byte> buffer, out Transmit transmit)
    {
        transmit = default;
        if (!_queue.TryDequeue(out var next)) return false;
        Interlocked.Decrement(ref _queued);
        next.Bytes.CopyTo(buffer);
        transmit = next.Transmit;
        return true;
    }
}
