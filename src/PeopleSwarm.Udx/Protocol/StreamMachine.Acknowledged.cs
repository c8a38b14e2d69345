namespace PeopleSwarm.Udx.Protocol;

/// <summary>What the peer's acknowledgements and windows mean for what was sent.</summary>
internal sealed partial class StreamMachine
{
    private const uint InitialPeerWindow = 4 * 1024 * 1024; // assumed until the first packet (spec udx, 5.1)
    private const int PlausibleSeqDistance = 1 << 20; // a stray number must not freeze the window

    private long _peerWindow = InitialPeerWindow;
    private bool _hasWindow;
    private uint _windowSeq, _windowAck;
    private int _selectivelyAcked; // packets delivered behind a gap
    private bool _isRecovering;
    private uint _recoveryEnd; // recovery is over when everything before this is acknowledged

    /// <summary>What one acknowledgement brought.</summary>
    private ref struct AckEffect
    {
        public long Bytes, NewestSentAt;
        public bool TailLossRepaired;
    }

    private void OnAck(Timestamp now, in UdxPacket packet, PathTrust trust)
    {
        UpdateWindow(packet.Header, trust);
        long micros = now.Microseconds, inFlightBefore = _inFlight, acknowledgedBefore = BytesAcknowledged;
        AckEffect effect = new() { NewestSentAt = -1 };
        while (SeqNumber.IsBefore(_sent.First, packet.Header.Ack)) AdvanceFirst(micros, ref effect);
        if (packet.Has(PacketTypes.Sack)) OnSelectiveAck(micros, packet.SackArea, ref effect);
        if (effect.Bytes == 0) return;

        OnProgress(micros);
        if (effect.NewestSentAt >= 0) _rtt.AddSample(micros, micros - effect.NewestSentAt);
        if (_isRecovering && !SeqNumber.IsBefore(_sent.First, _recoveryEnd))
        {
            _isRecovering = false;
            _loss.OnRecovered();
            _congestion.OnRecovered(micros);
        }
        long lost = DetectLosses(micros);
        if (effect.TailLossRepaired && !_isRecovering) _congestion.OnCongestion(micros, _inFlight);
        _congestion.OnAck(new()
        {
            Now = micros,
            Acked = effect.Bytes,
            Lost = lost,
            InFlightBefore = inFlightBefore,
            InFlight = _inFlight,
            Delivered = _rate.Delivered,
            Rtt = effect.NewestSentAt >= 0 ? _rtt.Latest : 0,
            SmoothedRtt = _rtt.Smoothed,
            MinRtt = _rtt.Minimum,
            IsInRecovery = _isRecovering,
            PacketSize = UdxHeader.Size + MaxPayload,
            Rate = _rate.Take(_rtt.Minimum),
        });
        _pacer.SetRate(micros, _congestion.PacingRate);
        RestartLossTimers(micros);
        if (BytesAcknowledged == acknowledgedBefore) return;
        _endpoint.Counters.PayloadBytesOut += BytesAcknowledged - acknowledgedBefore;
        _send.Release(BytesAcknowledged);
        _events.OnAcknowledged(BytesAcknowledged);
    }

    private void UpdateWindow(in UdxHeader header, PathTrust trust)
    {
        if (SeqNumber.IsBefore(header.Ack, _sent.First)) return;
        if (Math.Abs((long)SeqNumber.Distance(_receiveNext, header.Seq)) > PlausibleSeqDistance) return;
        bool isNewer = !_hasWindow || SeqNumber.IsAfter(header.Seq, _windowSeq)
            || (header.Seq == _windowSeq && !SeqNumber.IsBefore(header.Ack, _windowAck));
        if (!isNewer || (trust != PathTrust.Known && header.ReceiveWindow < _peerWindow)) return;
        (_peerWindow, _hasWindow, _windowSeq, _windowAck) = (header.ReceiveWindow, true, header.Seq, header.Ack);
        if (_peerWindow == 0) return;
        _timers.Stop(StreamTimer.ZeroWindow);
        (_windowProbes, _windowProbeDue) = (0, false);
    }

    private void AdvanceFirst(long now, ref AckEffect effect)
    {
        uint seq = _sent.First;
        ref var packet = ref _sent[seq];
        if (packet.Fate == PacketFate.Delivered) _selectivelyAcked--;
        else OnDelivered(now, seq, ref packet, ref effect);
        BytesAcknowledged = packet.Offset + packet.PayloadLength;
        _sent.RemoveFirst();
    }

    private void OnSelectiveAck(long now, ReadOnlySpan<byte> area, ref AckEffect effect)
    {
        for (; area.Length >= SackRange.Size; area = area[SackRange.Size..])
        {
            var block = SackRange.Read(area);
            if (!SeqNumber.IsBefore(block.Start, block.End) || SeqNumber.IsAfter(block.End, _sent.Next)
                || SeqNumber.IsBefore(block.Start, _sent.First) || !SeqNumber.IsBefore(block.Start, _sent.Next))
            {
                _endpoint.Counters.BadSackBlocks++;
                continue;
            }
            for (uint seq = block.Start; seq != block.End; seq++)
            {
                ref var packet = ref _sent[seq];
                if (packet.Fate == PacketFate.Delivered) continue;
                _selectivelyAcked++;
                OnDelivered(now, seq, ref packet, ref effect);
            }
        }
    }

    private void OnDelivered(long now, uint seq, ref SentPacket packet, ref AckEffect effect)
    {
        bool wasLate = packet.Fate == PacketFate.Lost;
        if (wasLate) _lostPackets--;
        else
        {
            _sent.Unlink(seq);
            _inFlight -= packet.Size;
        }
        if (wasLate || _loss.IsSpurious(packet, now)) _endpoint.Counters.SpuriousRetransmits++;
        else effect.TailLossRepaired |= packet.IsTailProbe;
        packet.Fate = PacketFate.Delivered;
        _rate.OnDelivered(packet, now);
        _loss.OnDelivered(seq, packet, wasLate, now);
        if (packet.ProbedMtu > 0) _mtu.OnProbeDelivered(packet.ProbedMtu);
        _mtu.OnDelivered(packet.Size + PathHeaders);
        if (!packet.IsRetransmitted && !wasLate) effect.NewestSentAt = Math.Max(effect.NewestSentAt, packet.SentAt);
        effect.Bytes += packet.Size;
    }

    /// <summary>Marks what RACK finds lost; returns the bytes, those of MTU probes aside.</summary>
    private long DetectLosses(long now)
    {
        long lost = 0;
        long next;
        while (_loss.TryFindLost(now, _isRecovering, _selectivelyAcked, out uint seq, out next))
        {
            if (_sent[seq].ProbedMtu == 0) lost += _sent[seq].Size;
            MarkLost(seq);
        }
        _timers[StreamTimer.Reorder] = next;
        if (lost > 0 && !_isRecovering) EnterRecovery(now, lost);
        return lost;
    }

    private void EnterRecovery(long now, long lost)
    {
        (_isRecovering, _recoveryEnd) = (true, _sent.Next);
        _endpoint.Counters.LossEpisodes++;
        _congestion.OnCongestion(now, _inFlight + lost);
        _pacer.SetRate(now, _congestion.PacingRate);
    }
}
