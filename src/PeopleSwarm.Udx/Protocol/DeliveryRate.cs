namespace PeopleSwarm.Udx.Protocol;

/// <summary>How fast one flight of packets was delivered.</summary>
/// <param name="Delivered">Bytes delivered during the interval; 0 if there is no valid sample.</param>
/// <param name="IntervalMicros">The longer of the time it took to send and to acknowledge them.</param>
/// <param name="PriorDelivered">Bytes delivered in all when the packet of the sample was sent.</param>
/// <param name="IsAppLimited">The application had too little to send.</param>
/// <param name="InFlightAtSend">Bytes in flight when the packet of the sample was sent, itself included.</param>
internal readonly record struct RateSample(long Delivered, long IntervalMicros, long PriorDelivered, bool IsAppLimited, long InFlightAtSend)
{
    public bool IsValid => Delivered > 0 && IntervalMicros > 0;

    public double BytesPerSecond => Delivered * 1e6 / IntervalMicros;
}

/// <summary>Delivery-rate estimation (draft-cheng-iccrg-delivery-rate-estimation).</summary>
internal sealed class DeliveryRate
{
    private long _deliveredAt, _firstSentAt, _appLimitedUntil;
    private long _priorDelivered = -1, _priorAt, _sendElapsed, _inFlightAtSend;
    private bool _priorAppLimited;

    /// <summary>Bytes delivered so far.</summary>
    public long Delivered { get; private set; }

    public bool IsAppLimited => _appLimitedUntil > 0;

    public void OnSent(ref SentPacket packet, long now, long inFlightBefore)
    {
        if (inFlightBefore == 0) _firstSentAt = _deliveredAt = now;
        packet.FirstSentAt = _firstSentAt;
        packet.DeliveredAt = _deliveredAt;
        packet.Delivered = Delivered;
        packet.IsAppLimited = _appLimitedUntil > 0;
        packet.InFlight = inFlightBefore + packet.Size;
    }

    public void OnDelivered(in SentPacket packet, long now)
    {
        Delivered += packet.Size;
        _deliveredAt = now;
        if (packet.Delivered < _priorDelivered || (packet.Delivered == _priorDelivered && packet.SentAt < _firstSentAt)) return;
        _priorDelivered = packet.Delivered;
        _priorAt = packet.DeliveredAt;
        _priorAppLimited = packet.IsAppLimited;
        _inFlightAtSend = packet.InFlight;
        _sendElapsed = packet.SentAt - packet.FirstSentAt;
        _firstSentAt = packet.SentAt;
    }

    /// <summary>The sample of the packets delivered since the last call.</summary>
    public RateSample Take(long minRtt)
    {
        if (_appLimitedUntil > 0 && Delivered > _appLimitedUntil) _appLimitedUntil = 0;
        if (_priorDelivered < 0) return default;
        long interval = Math.Max(_sendElapsed, _deliveredAt - _priorAt);
        long delivered = interval < minRtt ? 0 : Delivered - _priorDelivered;
        var sample = new RateSample(delivered, interval, _priorDelivered, _priorAppLimited, _inFlightAtSend);
        _priorDelivered = -1;
        return sample;
    }

    /// <summary>There is nothing to send although there could be: samples of what is in flight say little about the path.</summary>
    public void OnAppLimited(long inFlight) => _appLimitedUntil = Math.Max(1, Delivered + inFlight);
}
