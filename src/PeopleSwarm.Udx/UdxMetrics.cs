using System.Diagnostics.Metrics;

namespace PeopleSwarm.Udx;

/// <summary>The meter <c>PeopleSwarm.Udx</c>. Counts are gathered on the loop and reported once a turn.</summary>
internal sealed class UdxMetrics : IDisposable
{
    public const string MeterName = "PeopleSwarm.Udx";

    private readonly Meter _meter;
    private readonly Counter<long> _datagramsReceived, _bytesReceived, _unclaimed, _tooLong;
    private readonly Counter<long> _datagramsSent, _bytesSent, _sendCalls, _blocked, _dropped, _refused;
    private readonly Counter<long> _segmentationRefused;
    private readonly UpDownCounter<long> _streams;
    private readonly Counter<long> _streamsClosed;

    public UdxMetrics(IMeterFactory? meters = null)
    {
        _meter = meters?.Create(MeterName) ?? new Meter(MeterName);
        _datagramsReceived = _meter.CreateCounter<long>("peopleswarm.udx.datagrams.received", "{datagram}");
        _bytesReceived = _meter.CreateCounter<long>("peopleswarm.udx.bytes.received", "By");
        _unclaimed = _meter.CreateCounter<long>("peopleswarm.udx.datagrams.unclaimed", "{datagram}", "Datagrams that no machine took.");
        _tooLong = _meter.CreateCounter<long>("peopleswarm.udx.datagrams.too_long", "{datagram}", "Datagrams longer than a receive buffer.");
        _datagramsSent = _meter.CreateCounter<long>("peopleswarm.udx.datagrams.sent", "{datagram}");
        _bytesSent = _meter.CreateCounter<long>("peopleswarm.udx.bytes.sent", "By");
        _sendCalls = _meter.CreateCounter<long>("peopleswarm.udx.sends", "{call}", "Sends handed to sockets; one may carry many datagrams.");
        _blocked = _meter.CreateCounter<long>("peopleswarm.udx.sends.blocked", "{call}", "Sends that had to wait for a full system buffer.");
        _dropped = _meter.CreateCounter<long>("peopleswarm.udx.sends.dropped", "{call}", "Sends for a socket that is closed.");
        _refused = _meter.CreateCounter<long>("peopleswarm.udx.sends.refused", "{call}", "Sends that the system refused; they count as lost.");
        _segmentationRefused = _meter.CreateCounter<long>("peopleswarm.udx.segmentation.refused", "{socket}",
            "Sockets that went back to one datagram a call.");
        _streams = _meter.CreateUpDownCounter<long>("peopleswarm.udx.streams", "{stream}", "Streams not yet closed.");
        _streamsClosed = _meter.CreateCounter<long>("peopleswarm.udx.streams.closed", "{stream}", "Closed streams by reason.");
    }

    public void Dispose() => _meter.Dispose();

    public void ReportReceived(ref ReceiveCounts counts)
    {
        if (counts.Datagrams == 0) return;
        _datagramsReceived.Add(counts.Datagrams);
        _bytesReceived.Add(counts.Bytes);
        if (counts.Unclaimed != 0) _unclaimed.Add(counts.Unclaimed);
        counts = default;
    }

    public void ReportSent(ref TransmitCounts counts)
    {
        if (counts.Calls != 0)
        {
            _sendCalls.Add(counts.Calls);
            _datagramsSent.Add(counts.Datagrams);
            _bytesSent.Add(counts.Bytes);
        }
        if (counts.Blocked != 0) _blocked.Add(counts.Blocked);
        if (counts.Dropped != 0) _dropped.Add(counts.Dropped);
        counts = default;
    }

    public void DatagramTooLong() => _tooLong.Add(1);

    public void SendRefused() => _refused.Add(1);

    public void SegmentationRefused(string direction) => _segmentationRefused.Add(1, new KeyValuePair<string, object?>("direction", direction));

    public void StreamOpened() => _streams.Add(1);

    public void StreamClosed(StreamCloseReason reason)
    {
        _streams.Add(-1);
        _streamsClosed.Add(1, new KeyValuePair<string, object?>("reason", reason.ToString()));
    }
}

/// <summary>What came in since the last report.</summary>
internal struct ReceiveCounts
{
    public long Datagrams, Bytes, Unclaimed;
}

/// <summary>What went out since the last report.</summary>
internal struct TransmitCounts
{
    public long Calls, Datagrams, Bytes, Blocked, Dropped;
}
