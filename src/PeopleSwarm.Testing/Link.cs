namespace PeopleSwarm.Testing;

/// <summary>One direction between two places: its queue, its luck and its order.</summary>
internal sealed class Link(SeededRandom random, Func<LinkOptions?> options)
{
    private Timestamp _idleAt, _lastArrival;
    private bool _bad;

    /// <summary>Null passes everything at once.</summary>
    public LinkOptions? Options => options();

    /// <summary>Decides what becomes of a packet that enters now.</summary>
    public LinkFate Enter(Timestamp now, Packet packet)
    {
        if (Options is not { } link) return new(packet, now, null, null);
        if (packet.WireSize > link.Mtu && !packet.MayFragment) return LinkFate.Drop(DropReason.TooLarge);
        var departure = now;
        if (link.BytesPerSecond is { } rate)
        {
            var start = _idleAt > now ? _idleAt : now;
            if ((start - now).TotalSeconds * rate + packet.WireSize > link.QueueBytes) return LinkFate.Drop(DropReason.QueueFull);
            departure = _idleAt = start + TimeSpan.FromSeconds((double)packet.WireSize / rate);
        }
        if (IsLost(link)) return LinkFate.Drop(DropReason.Lost);

        if (random.Chance(link.CorruptionRate)) packet = Corrupt(packet);
        var arrival = departure + link.Latency + random.Next(link.Jitter);
        if (random.Chance(link.ReorderRate)) arrival += random.Next(link.ReorderDelay);
        else arrival = _lastArrival = arrival > _lastArrival ? arrival : _lastArrival;
        Timestamp? again = random.Chance(link.DuplicateRate) ? arrival + random.Next(link.ReorderDelay) : null;
        return new(packet, arrival, again, null);
    }

    private bool IsLost(LinkOptions link)
    {
        if (random.Chance(link.LossRate)) return true;
        if (link.BurstLoss is not { } burst) return false;
        if (random.Chance(_bad ? burst.BadToGood : burst.GoodToBad)) _bad = !_bad;
        return random.Chance(_bad ? burst.LossWhileBad : burst.LossWhileGood);
    }

    private Packet Corrupt(Packet packet)
    {
        if (packet.Data.Length == 0) return packet;
        byte[] data = [.. packet.Data];
        int bit = random.Next(data.Length * 8);
        data[bit / 8] ^= (byte)(1 << bit % 8);
        return packet with { Data = data };
    }
}

/// <summary>When a packet arrives, once or twice, or why it does not.</summary>
internal readonly record struct LinkFate(Packet? Packet, Timestamp Arrival, Timestamp? Again, DropReason? Dropped)
{
    public static LinkFate Drop(DropReason reason) => new(null, default, null, reason);
}
