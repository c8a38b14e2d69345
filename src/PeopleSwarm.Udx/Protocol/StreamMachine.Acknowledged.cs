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
    private bool _isRecovering, _isAfterTimeout;
    private bool _hasHorizon; // the peer has more gaps than one packet tells
    private uint _horizon; // the last gap it told of ends here; what lies beyond is unknown
    private int _hiddenPackets;
    private uint _hiddenFrom; // no hidden packet is before this one
    private uint _recoveryEnd; // recovery is over when everything before this is acknowledged

    /// <summary>What one acknowledgement brought.</summary>
    private ref struct AckEffect
    {
        public long Bytes, NewestSentAt;
        public bool TailLossRepaired;

        /// <summary>The horizon before: packets beyond it may have arrived long ago.</summary>
        public bool HadHorizon;
        public uint Horizon;
    }

    private void OnAck(Timestamp now, in UdxPacket packet)
    {
        UpdateWindow(packet.Header);
        long micros = now.Microseconds, inFlightBefore = _inFlight, acknowledgedBefore = BytesAcknowledged;
        AckEffect effect = new() { NewestSentAt = -1, HadHorizon = _hasHorizon, Horizon = _horizon };
        while (SeqNumber.IsBefore(_sent.First, packet.Header.Ack)) AdvanceFirst(micros, ref effect);
        if (packet.Has(PacketTypes.Sack)) OnSelectiveAck(micros, packet.SackArea, ref effect);
        else if (effect.Bytes > 0 && packet.Header.Types == PacketTypes.None) _hasHorizon = false; // data may leave the gaps out
        if (effect.Bytes == 0) return;

        OnProgress(micros);
        if (effect.NewestSentAt >= 0) _rtt.AddSample(micros, micros - effect.NewestSentAt);
        if (_isRecovering && !SeqNumber.IsBefore(_sent.First, _recoveryEnd))
        {
            _isRecovering = _isAfterTimeout = false;
            _loss.OnRecovered();
            _model?.OnRecovered(micros);
        }
        if (_hiddenPackets > 0) RevealHidden(_hasHorizon ? _horizon : _sent.Next);
        long lost = DetectLosses(micros);
        if (_model is not null) UpdateModel(micros, _model, effect, lost, inFlightBefore);
        RestartLossTimers(micros);
        if (BytesAcknowledged != acknowledgedBefore)
        {
            _endpoint.Counters.PayloadBytesOut += BytesAcknowledged - acknowledgedBefore;
            _send.Release(BytesAcknowledged);
            _events.OnAcknowledged(BytesAcknowledged);
        }
        if (_endSent && _sent.Count == 0) _events.OnEndAcknowledged();
    }

    private void UpdateModel(long now, PathModel model, in AckEffect effect, long lost, long inFlightBefore)
    {
        model.OnAck(new()
        {
            Now = now,
            Acked = effect.Bytes,
            Lost = lost,
            InFlightBefore = inFlightBefore,
            InFlight = _inFlight,
            Delivered = model.Rate.Delivered,
            Rtt = effect.NewestSentAt >= 0 ? _rtt.Latest : 0,
            SmoothedRtt = _rtt.Smoothed,
            MinRtt = _rtt.Minimum,
            IsInRecovery = _isRecovering && !_isAfterTimeout,
            PacketSize = UdxHeader.Size + MaxPayload,
            Rate = model.Rate.Take(_rtt.Minimum),
        }, isCongested: effect.TailLossRepaired && !_isRecovering);
    }

    private void UpdateWindow(in UdxHeader header)
    {
        if (SeqNumber.IsBefore(header.Ack, _sent.First)) return;
        if (Math.Abs((long)SeqNumber.Distance(_receiveNext, header.Seq)) > PlausibleSeqDistance) return;
        bool isNewer = !_hasWindow || SeqNumber.IsAfter(header.Seq, _windowSeq)
            || (header.Seq == _windowSeq && !SeqNumber.IsBefore(header.Ack, _windowAck));
        if (!isNewer) return;
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
        int blocks = area.Length / SackRange.Size;
        _hasHorizon = blocks >= SackRanges.MaxBlocks;
        if (_hasHorizon) _horizon = SackRange.Read(area[((blocks - 1) * SackRange.Size)..]).End;
        for (; area.Length >= SackRange.Size; area = area[SackRange.Size..])
        {
            var block = SackRange.Read(area);
            if (!SeqNumber.IsBefore(block.Start, block.End) || SeqNumber.IsAfter(block.End, _sent.Next)
                || SeqNumber.IsBefore(block.Start, _sent.First) || !SeqNumber.IsBefore(block.Start, _sent.Next))
            {
                _endpoint.Counters.BadSackBlocks++;
                continue;
            }
            for (uint seq = block.Start; SeqNumber.IsBefore(seq, block.End); seq = _sent[seq].DeliveredUpTo)
            {
                ref var packet = ref _sent[seq];
                if (packet.Fate == PacketFate.Delivered) continue;
                _selectivelyAcked++;
                OnDelivered(now, seq, ref packet, ref effect);
                packet.DeliveredUpTo = seq + 1;
            }
            ref uint known = ref _sent[block.Start].DeliveredUpTo;
            if (SeqNumber.IsAfter(block.End, known)) known = block.End;
        }
    }

    private void OnDelivered(long now, uint seq, ref SentPacket packet, ref AckEffect effect)
    {
        bool wasLate = packet.Fate == PacketFate.Lost, wasHidden = packet.Fate == PacketFate.Hidden;
        bool isStale = wasHidden || (effect.HadHorizon && !SeqNumber.IsBefore(seq, effect.Horizon));
        if (wasLate) _lostPackets--;
        else if (wasHidden) _hiddenPackets--;
        else
        {
            _sent.Unlink(seq);
            _inFlight -= packet.Size;
        }
        if (wasLate || (!isStale && _loss.IsSpurious(packet, now))) _endpoint.Counters.SpuriousRetransmits++;
        else effect.TailLossRepaired |= packet.IsTailProbe;
        packet.Fate = PacketFate.Delivered;
        if (!isStale) // when a stale one arrived is not known, so it says nothing about rate and round trip
        {
            _model?.Rate.OnDelivered(packet, now);
            _loss.OnDelivered(seq, packet, wasLate, now);
        }
        if (packet.ProbedMtu > 0) _mtu.OnProbeDelivered(packet.ProbedMtu);
        _mtu.OnDelivered(packet.Size + PathHeaders);
        if (!packet.IsRetransmitted && !wasLate && !isStale) effect.NewestSentAt = Math.Max(effect.NewestSentAt, packet.SentAt);
        effect.Bytes += packet.Size;
    }

    /// <summary>Hidden packets before the horizon, of which the peer says nothing, are lost.</summary>
    private void RevealHidden(uint horizon)
    {
        if (SeqNumber.IsBefore(_hiddenFrom, _sent.First)) _hiddenFrom = _sent.First;
        for (; _hiddenPackets > 0 && SeqNumber.IsBefore(_hiddenFrom, horizon); _hiddenFrom++)
        {
            if (_sent[_hiddenFrom].Fate != PacketFate.Hidden) continue;
            _hiddenPackets--;
            CountLost(_hiddenFrom);
        }
    }

    private void Hide(uint seq)
    {
        ref var packet = ref _sent[seq];
        _sent.Unlink(seq);
        _inFlight -= packet.Size;
        packet.Fate = PacketFate.Hidden;
        if (_hiddenPackets++ == 0 || SeqNumber.IsBefore(seq, _hiddenFrom)) _hiddenFrom = seq;
    }

    /// <summary>Marks what RACK finds lost; returns the bytes, those of MTU probes aside.</summary>
    private long DetectLosses(long now)
    {
        long lost = 0;
        long next;
        while (_loss.TryFindOverdue(now, _isRecovering, _selectivelyAcked, out uint seq, out next))
        {
            if (_hasHorizon && !SeqNumber.IsBefore(seq, _horizon))
            {
                Hide(seq);
                continue;
            }
            if (_sent[seq].ProbedMtu == 0) lost += _sent[seq].Size;
            MarkLost(seq);
        }
        _timers[StreamTimer.Reorder] = next;
        if (lost > 0 && !_isRecovering) EnterRecovery(now, lost);
        return lost;
    }

    private void EnterRecovery(long now, long lost)
    {
        (_isRecovering, _recoveryEnd, _resendAtOnce) = (true, _sent.Next, true);
        _endpoint.Counters.LossEpisodes++;
        _model?.OnCongestion(now, _inFlight + lost);
    }
}
