using Microsoft.Extensions.Logging;

namespace PeopleSwarm.Udx;

/// <summary>What sockets do with runs of datagrams: those that the system refuses to cut, and those that came together.</summary>
internal abstract class SegmentingSocket(UdxMetrics metrics, ILogger logger)
{
    protected UdxMetrics Metrics => metrics;

    public abstract UdpEndPoint LocalEndPoint { get; }

    protected abstract void SendOne(ReadOnlySpan<byte> datagram, in Transmit transmit);

    protected void SendOneByOne(ReadOnlySpan<byte> datagrams, in Transmit transmit)
    {
        while (!datagrams.IsEmpty)
        {
            var datagram = datagrams[..Math.Min(transmit.SegmentSize, datagrams.Length)];
            SendOne(datagram, transmit with { Length = datagram.Length, SegmentSize = 0 });
            datagrams = datagrams[datagram.Length..];
        }
    }

    /// <summary>Hands on what came together, one datagram after the other; returns how many.</summary>
    /// <param name="receiver">Who gets them.</param>
    /// <param name="bytes">All of them; an empty datagram is one.</param>
    /// <param name="segmentSize">Bytes of each but the last; 0 or less for a single one.</param>
    /// <param name="from">Who sent them.</param>
    protected int Deliver(IDatagramReceiver receiver, ReadOnlySpan<byte> bytes, int segmentSize, in UdpEndPoint from)
    {
        if (segmentSize <= 0) segmentSize = bytes.Length;
        int datagrams = 0;
        do
        {
            var datagram = bytes[..Math.Min(segmentSize, bytes.Length)];
            bytes = bytes[datagram.Length..];
            datagrams++;
            if (datagram.Length > UdpDatagramSocket.MaxDatagram) metrics.DatagramTooLong();
            else receiver.OnDatagram(datagram, from);
        }
        while (!bytes.IsEmpty);
        return datagrams;
    }

    protected void ReportRefusal(string direction)
    {
        metrics.SegmentationRefused(direction);
        UdxLog.SegmentationRefused(logger, direction, LocalEndPoint);
    }
}
