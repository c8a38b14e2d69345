namespace PeopleSwarm.Udx.Protocol;

/// <summary>What became of a packet that was sent.</summary>
internal enum PacketFate : byte
{
    InFlight,

    /// <summary>To be sent again.</summary>
    Lost,

    /// <summary>No longer under way; the peer had too many gaps to tell whether it arrived.</summary>
    Hidden,

    /// <summary>Acknowledged, selectively or not.</summary>
    Delivered,
}

/// <summary>One packet sent and not yet acknowledged in order. Its bytes stay in the send buffer.</summary>
internal struct SentPacket
{
    /// <summary>Where its payload stands in the stream.</summary>
    public long Offset;

    public int PayloadLength;

    /// <summary>Bytes of the datagram, header and padding included.</summary>
    public int Size;

    /// <summary>When it was sent last, in microseconds.</summary>
    public long SentAt;

    /// <summary>Counts transmissions of the stream, so that those of one instant have an order.</summary>
    public long Order;

    /// <summary>The state of the delivery-rate estimator when it was sent.</summary>
    public long Delivered, DeliveredAt, FirstSentAt, InFlight;

    /// <summary>Neighbours in the list of packets in flight, by time sent.</summary>
    public uint Earlier, Later;

    /// <summary>Once delivered: all before this one, from this packet on, are as well. So a block told again is not walked again.</summary>
    public uint DeliveredUpTo;

    public PacketFate Fate;
    public bool IsEnd, IsAppLimited, IsRetransmitted, IsTailProbe;

    /// <summary>The path MTU it probes for; 0 if it is no probe.</summary>
    public ushort ProbedMtu;
}

/// <summary>Packets in flight: a ring by number, and a list by time sent of those whose fate is open (RFC 8985 walks it).</summary>
internal sealed class SentPackets(SpareRings spareRings)
{
    /// <summary>Most packets in flight at once.</summary>
    public const int MaxCount = 1 << 18;

    private SentPacket[] _ring = [];
    private uint _earliest, _latest;

    /// <summary>The oldest number kept, and the one behind the newest.</summary>
    public uint First { get; private set; }

    public uint Next { get; private set; }

    public int Count => (int)(Next - First);

    /// <summary>Packets in the list by time sent.</summary>
    public int InFlightCount { get; private set; }

    public ref SentPacket this[uint seq] => ref _ring[seq & (uint)(_ring.Length - 1)];

    public void StartAt(uint seq) => First = Next = seq;

    /// <summary>Room for the next packet, all zero.</summary>
    public ref SentPacket Add()
    {
        if (Count == _ring.Length) Grow();
        ref var packet = ref this[Next++];
        packet = default;
        return ref packet;
    }

    public void RemoveFirst()
    {
        First++;
        if (Count > 0 || _ring.Length != SpareRings.RingSize) return;
        spareRings.Return(_ring);
        _ring = [];
    }

    public bool TryGetEarliest(out uint seq)
    {
        seq = _earliest;
        return InFlightCount > 0;
    }

    public bool TryGetLatest(out uint seq)
    {
        seq = _latest;
        return InFlightCount > 0;
    }

    /// <summary>Puts a packet at the end of the list by time sent.</summary>
    public void Append(uint seq)
    {
        if (InFlightCount++ == 0) _earliest = seq;
        else
        {
            this[_latest].Later = seq;
            this[seq].Earlier = _latest;
        }
        _latest = seq;
    }

    /// <summary>Takes a packet out of the list by time sent.</summary>
    public void Unlink(uint seq)
    {
        ref var packet = ref this[seq];
        if (seq == _earliest) _earliest = packet.Later;
        else this[packet.Earlier].Later = packet.Later;
        if (seq == _latest) _latest = packet.Earlier;
        else this[packet.Later].Earlier = packet.Earlier;
        InFlightCount--;
    }

    /// <summary>Gives the memory of an empty ring back.</summary>
    public void Trim()
    {
        if (Count == 0) _ring = [];
    }

    private void Grow()
    {
        if (_ring.Length == 0)
        {
            _ring = spareRings.Rent();
            return;
        }
        var ring = new SentPacket[_ring.Length * 2];
        for (uint seq = First; seq != Next; seq++) ring[seq & (uint)(ring.Length - 1)] = this[seq];
        _ring = ring;
    }
}
