namespace PeopleSwarm.Dht.BlindRelay;

/// <summary>Bytes a second, and as many at once.</summary>
internal sealed class ByteBudget(long perSecond)
{
    private double _left = perSecond;
    private Timestamp? _at;

    public bool Has(Timestamp now, int bytes)
    {
        if (_at is { } at && now > at) _left = Math.Min(perSecond, _left + (now - at).TotalSeconds * perSecond);
        _at = now;
        return _left >= bytes;
    }

    public void Take(int bytes) => _left -= bytes;
}
