namespace PeopleSwarm.Udx.Protocol;

/// <summary>
/// RACK (RFC 8985): a packet is lost when one sent later has arrived and a reorder window has passed since.
/// The window starts at zero while three packets are ahead, opens to a quarter of the smallest round trip once reordering
/// is seen, and doubles each time a packet proves to have been repeated for nothing.
/// </summary>
internal sealed class LossDetector(SentPackets packets, RttEstimator rtt)
{
    private const int DuplicateThreshold = 3;
    private const int MaxMultiplier = 16;
    private const long MinWindow = 500; // below that, what looks like reordering is the scheduling of threads
    private const long MultiplierLife = 16; // recoveries until a widened window shrinks again

    private long _latestOrder = -1, _latestRtt;
    private uint _highestDelivered;
    private bool _hasDelivered, _reorderingSeen;
    private int _multiplier = 1;
    private long _multiplierLife;
    private uint _pathChangedBefore;
    private bool _onOldPath;

    /// <summary>Whether a packet's second copy came back sooner than a round trip allows: the first was only late.</summary>
    public bool IsSpurious(in SentPacket packet, long now) =>
        packet.IsRetransmitted && rtt.Minimum > 0 && now - packet.SentAt < rtt.Minimum - rtt.Minimum / 8;

    /// <summary>Takes note of a delivered packet; <paramref name="wasLate"/> if it counted as lost already.</summary>
    public void OnDelivered(uint seq, in SentPacket packet, bool wasLate, long now)
    {
        if (_hasDelivered && SeqNumber.IsBefore(seq, _highestDelivered)) _reorderingSeen |= !packet.IsRetransmitted;
        else (_highestDelivered, _hasDelivered) = (seq, true);
        if (wasLate || IsSpurious(packet, now))
        {
            _reorderingSeen = true;
            _multiplier = Math.Min(_multiplier * 2, MaxMultiplier);
            _multiplierLife = MultiplierLife;
            return;
        }
        if (packet.Order <= _latestOrder) return;
        (_latestOrder, _latestRtt) = (packet.Order, now - packet.SentAt);
    }

    public void OnRecovered()
    {
        if (_multiplierLife > 0 && --_multiplierLife == 0) _multiplier = 1;
    }

    /// <summary>Packets on the old path may come in after those on the new one: be patient until they are through.</summary>
    public void OnPathChanged(uint next) => (_pathChangedBefore, _onOldPath) = (next, true);

    /// <summary>Names a packet that must have arrived or been lost by now; false when there is none, with the instant the next may be.</summary>
    public bool TryFindOverdue(long now, bool isRecovering, int selectivelyAcked, out uint seq, out long nextAt)
    {
        nextAt = StreamTimers.Never;
        if (!packets.TryGetEarliest(out seq)) return false;
        ref var packet = ref packets[seq];
        if (packet.Order >= _latestOrder) return false;
        nextAt = packet.SentAt + _latestRtt + Window(isRecovering, selectivelyAcked);
        return nextAt <= now;
    }

    private long Window(bool isRecovering, int selectivelyAcked)
    {
        if (_onOldPath)
        {
            _onOldPath = SeqNumber.IsBefore(packets.First, _pathChangedBefore);
            return Math.Max(rtt.Smoothed, MinWindow);
        }
        if (!_reorderingSeen && (isRecovering || selectivelyAcked >= DuplicateThreshold)) return 0;
        return Math.Max(Math.Min(rtt.Minimum / 4 * _multiplier, rtt.Smoothed), MinWindow);
    }
}
