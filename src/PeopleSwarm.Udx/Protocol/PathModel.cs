namespace PeopleSwarm.Udx.Protocol;

/// <summary>
/// How much a path takes, and how fast: the pace follows what the controller makes of what happens. A stream has none before a second packet joins
/// one in flight: one that sends lone packets, or nothing, needs neither window nor pace.
/// </summary>
internal sealed class PathModel(ICongestionController congestion, int packetSize)
{
    /// <summary>Bytes that may be in flight.</summary>
    public long Window => congestion.Window;

    public DeliveryRate Rate { get; } = new();

    public Pacer Pacer { get; } = new(packetSize);

    public void OnSent(ref SentPacket packet, long now, long inFlight, bool isAppLimited)
    {
        Rate.OnSent(ref packet, now, inFlight);
        congestion.OnSent(now, inFlight, isAppLimited);
        Pacer.OnSent(packet.Size);
    }

    /// <param name="sample">What was acknowledged.</param>
    /// <param name="isCongested">Whether it shows a loss that was repaired already.</param>
    public void OnAck(in AckSample sample, bool isCongested)
    {
        if (isCongested) congestion.OnCongestion(sample.Now, sample.InFlight);
        congestion.OnAck(sample);
        UpdatePace(sample.Now);
    }

    public void OnCongestion(long now, long inFlight)
    {
        congestion.OnCongestion(now, inFlight);
        UpdatePace(now);
    }

    public void OnRecovered(long now) => congestion.OnRecovered(now);

    public void OnTimeout(long now, long inFlight)
    {
        congestion.OnTimeout(now, inFlight);
        UpdatePace(now);
    }

    public void OnPathChanged(long now)
    {
        congestion.OnPathChanged(now);
        UpdatePace(now);
    }

    private void UpdatePace(long now) => Pacer.SetRate(now, congestion.PacingRate);
}
