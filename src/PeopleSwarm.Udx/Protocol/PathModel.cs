namespace PeopleSwarm.Udx.Protocol;

/// <summary>
/// How much a path takes, and how fast. A stream has none before a second packet joins one in flight: one that sends lone packets, or nothing,
/// needs neither window nor pace.
/// </summary>
internal sealed class PathModel(ICongestionController congestion, int packetSize)
{
    public ICongestionController Congestion { get; } = congestion;

    public DeliveryRate Rate { get; } = new();

    public Pacer Pacer { get; } = new(packetSize);
}
