namespace PeopleSwarm.Udx.Protocol;

/// <summary>Rings that no stream of an endpoint uses now, all of the smallest size: a stream with nothing in flight needs none.</summary>
internal sealed class SpareRings
{
    public const int RingSize = 2;
    private const int MaxKept = 1024;

    private readonly Stack<SentPacket[]> _kept = new();

    public SentPacket[] Rent() => _kept.TryPop(out var ring) ? ring : new SentPacket[RingSize];

    public void Return(SentPacket[] ring)
    {
        if (_kept.Count < MaxKept) _kept.Push(ring);
    }
}
