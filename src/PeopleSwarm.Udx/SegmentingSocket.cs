using Microsoft.Extensions.Logging;

namespace PeopleSwarm.Udx;

/// <summary>What a socket does with a run of datagrams when the system refuses to cut it.</summary>
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

    protected void ReportRefusal(string direction)
    {
        metrics.SegmentationRefused(direction);
        UdxLog.SegmentationRefused(logger, direction, LocalEndPoint);
    }
}
