namespace PeopleSwarm.Udx.Protocol;

/// <summary>Decides how much may be in flight and how fast it leaves. Bytes are those of UDP payloads; times are microseconds.</summary>
internal interface ICongestionController
{
    /// <summary>Most bytes in flight.</summary>
    long Window { get; }

    /// <summary>Bytes per second; 0 sends without pacing.</summary>
    double PacingRate { get; }

    /// <summary>A packet leaves; <paramref name="inFlightBefore"/> does not count it.</summary>
    void OnSent(long now, long inFlightBefore, bool isAppLimited);

    /// <summary>Packets were acknowledged, and perhaps others found lost by that.</summary>
    void OnAck(in AckSample sample);

    /// <summary>The first loss since the last recovery ended.</summary>
    void OnCongestion(long now, long inFlight);

    /// <summary>The retransmission timer expired: nothing was heard for long.</summary>
    void OnTimeout(long now, long inFlight);

    /// <summary>Everything sent before the loss was found is acknowledged.</summary>
    void OnRecovered(long now);

    /// <summary>The stream moved to a path of which nothing is known.</summary>
    void OnPathChanged(long now);
}

/// <summary>What an acknowledgement told.</summary>
internal readonly record struct AckSample
{
    public long Now { get; init; }

    /// <summary>Bytes newly delivered, and bytes found lost.</summary>
    public long Acked { get; init; }

    public long Lost { get; init; }

    /// <summary>Bytes in flight before and after.</summary>
    public long InFlightBefore { get; init; }

    public long InFlight { get; init; }

    /// <summary>Bytes delivered since the stream began.</summary>
    public long Delivered { get; init; }

    /// <summary>This sample's round trip, 0 if none; the smoothed and the smallest one.</summary>
    public long Rtt { get; init; }

    public long SmoothedRtt { get; init; }

    public long MinRtt { get; init; }

    /// <summary>Losses are being repaired; not after a timeout, where the window grows from the start.</summary>
    public bool IsInRecovery { get; init; }

    /// <summary>Bytes of a full packet.</summary>
    public int PacketSize { get; init; }

    public RateSample Rate { get; init; }
}
