namespace PeopleSwarm.Udx.Protocol;

/// <summary>Packets out: acknowledgements, then what was lost, then what is new.</summary>
internal sealed partial class StreamMachine
{
    private readonly SentPackets _sent;
    private readonly RttEstimator _rtt;
    private readonly LossDetector _loss;
    private readonly MtuDiscovery _mtu;
    private PathModel? _model;

    private long _nextOffset; // of the first byte not sent yet
    private bool _endSent;
    private long _inFlight; // bytes of datagrams neither acknowledged nor lost
    private int _lostPackets;
    private uint _lostFrom; // no lost packet is before this one
    private bool _resendAtOnce; // the first repeat of a recovery or after a timeout waits for neither window nor pace
    private long _transmissions;
    private bool _isPacing; // the budget was used up and has not reached a quantum yet
    private bool _isOversized; // the packet written last was cut for a path that carried more
    private bool _heartbeatDue, _echoDue, _tailProbeDue, _windowProbeDue;

    /// <summary>What the next packet will be.</summary>
    private enum NextPacket
    {
        None,
        Lost,
        New,
    }

    /// <summary>Writes one packet, or as many equal ones as may leave now.</summary>
    internal bool PollTransmit(Timestamp now, Span<byte> buffer, out Transmit transmit)
    {
        transmit = default;
        if (_isClosed || !IsConnected || _relay is not null) return false;
        _isOversized = false;
        int length = WriteNext(now.Microseconds, buffer, out int segmentSize);
        Settle();
        if (length == 0) return false;
        transmit = new(Remote.From, length, Remote.Socket, length > segmentSize ? segmentSize : 0, MayFragment: _isOversized);
        return true;
    }

    private int WriteNext(long now, Span<byte> buffer, out int segmentSize)
    {
        segmentSize = 0;
        if (_ackDue == AckDue.Now) return WriteAck(buffer);
        if (_heartbeatDue) return WriteHeartbeat(buffer);
        if (_echoDue) return WriteEchoRequest(buffer);
        int length = _tailProbeDue ? WriteTailProbe(now, buffer) : 0;
        if (length == 0) length = WriteBurst(now, buffer, out segmentSize);
        if (length > 0) return length;
        if (_heartbeatDue) return WriteHeartbeat(buffer); // the burst found the window closed
        return _ackDue == AckDue.Merged ? WriteAck(buffer) : 0;
    }

    private int WriteAck(Span<byte> buffer)
    {
        var ranges = _reorder?.Ranges;
        WriteHeader(ranges is { Count: > 0 } ? PacketTypes.Sack : PacketTypes.None, 0, _sent.Next, buffer);
        _endpoint.Counters.AcksOut++;
        return UdxHeader.Size + (ranges?.Write(buffer[UdxHeader.Size..]) ?? 0);
    }

    private int WriteHeartbeat(Span<byte> buffer)
    {
        _heartbeatDue = false;
        WriteHeader(PacketTypes.Heartbeat, 0, _sent.Next, buffer);
        return UdxHeader.Size;
    }

    /// <summary>A DATA packet the peer has already: versions that do not know heartbeats answer it too (spec udx, 5.5).</summary>
    private int WriteEchoRequest(Span<byte> buffer)
    {
        _echoDue = false;
        WriteHeader(PacketTypes.Data, 0, _sent.First - 1, buffer);
        return UdxHeader.Size;
    }

    /// <summary>One packet although the window may be full: a new one, or else the one sent last (RFC 8985, 7.3).</summary>
    private int WriteTailProbe(long now, Span<byte> buffer)
    {
        _tailProbeDue = false;
        if (_sent.InFlightCount == 0) return 0;
        _endpoint.Counters.TailLossProbes++;
        if (_lostPackets > 0) return WriteLost(now, FirstLost(), buffer);
        if (TryPrepareNew(now, out int payloadLength, out bool isEnd)) return WriteNew(now, payloadLength, isEnd, 0, buffer);
        _sent.TryGetLatest(out uint seq);
        _sent.Unlink(seq);
        _inFlight -= _sent[seq].Size;
        int length = WriteAgain(now, seq, buffer);
        _sent[seq].IsTailProbe = true;
        return length;
    }

    private int WriteBurst(long now, Span<byte> buffer, out int segmentSize)
    {
        segmentSize = 0;
        long allowed = PacingAllowance(now);
        int length = 0;
        for (int segments = 0; segments < UdxEndpoint.MaxSegments; segments++)
        {
            var next = Prepare(now, out uint seq, out int payloadLength, out bool isEnd, out int padding);
            if (next == NextPacket.None) break;
            int size = UdxHeader.Size + padding + payloadLength;
            bool isOversized = padding == 0 && IsOversized(size);
            if (segments > 0 && (isOversized || size > segmentSize || length + size > buffer.Length)) break;
            if (length >= allowed && !(_resendAtOnce && next == NextPacket.Lost))
            {
                _isPacing = true;
                _timers[StreamTimer.Pacing] = Model.Pacer.NextAt(now);
                break;
            }
            if (segments == 0) segmentSize = size;
            length += next == NextPacket.Lost ? WriteLost(now, seq, buffer[length..])
                : WriteNew(now, payloadLength, isEnd, padding, buffer[length..]);
            if (isOversized || size < segmentSize || padding > 0) break;
        }
        return length;
    }

    private PathModel Model => _model ??= StartModel();

    private PathModel StartModel()
    {
        int packetSize = _endpoint.Options.BaseMtu - HeaderIPv4;
        PathModel model = new(_endpoint.Options.CongestionControl == CongestionControl.Bbr
            ? new Bbr(packetSize, _endpoint.Random) : new NewReno(packetSize), packetSize);
        model.Rate.OnAppLimited(_inFlight); // until now one packet was all there was
        if (!_sent.TryGetEarliest(out uint seq)) return model;
        ref var alone = ref _sent[seq];
        model.Rate.OnSent(ref alone, alone.SentAt, 0);
        return model;
    }

    private long PacingAllowance(long now)
    {
        if (_model is null) return long.MaxValue;
        long available = _model.Pacer.Available(now);
        if (_isPacing && available < _model.Pacer.Quantum) return 0;
        _isPacing = false;
        return Math.Max(0, available);
    }

    /// <summary>Chooses the next packet that the windows let go.</summary>
    private NextPacket Prepare(long now, out uint seq, out int payloadLength, out bool isEnd, out int padding)
    {
        (seq, payloadLength, isEnd, padding) = (0, 0, false, 0);
        if (_lostPackets > 0)
        {
            seq = FirstLost();
            payloadLength = _sent[seq].PayloadLength;
            bool mayLeave = _resendAtOnce || _inFlight == 0 || _inFlight + UdxHeader.Size + payloadLength <= Model.Window;
            return mayLeave ? NextPacket.Lost : NextPacket.None;
        }
        if (!TryPrepareNew(now, out payloadLength, out isEnd))
        {
            if (_model is not null && _inFlight < _model.Window) _model.Rate.OnAppLimited(_inFlight);
            return NextPacket.None;
        }
        if (_mtu.WantsProbe && !_isRecovering && payloadLength == MaxPayload)
            padding = Math.Max(0, Math.Min(_mtu.ProbeSize, UdxPacket.MaxSize + PathHeaders) - _mtu.Mtu);
        return _inFlight == 0 || _inFlight + UdxHeader.Size + payloadLength + padding <= Model.Window
            ? NextPacket.New : NextPacket.None;
    }

    /// <summary>Cuts the next new packet, within the peer's window; an END alone needs no window.</summary>
    private bool TryPrepareNew(long now, out int payloadLength, out bool isEnd)
    {
        long waiting = _send.End - _nextOffset;
        payloadLength = (int)Math.Min(waiting, MaxPayload);
        isEnd = _send.IsEnded && payloadLength == waiting;
        if (_endSent || _sent.Count >= SentPackets.MaxCount || (payloadLength == 0 && !isEnd)) return false;
        if (payloadLength == 0) return true;
        long outstanding = _nextOffset - BytesAcknowledged;
        if (outstanding + payloadLength <= _peerWindow) return true;
        if (_sent.Count > 0) return false;
        if (_windowProbeDue || _peerWindow > 0) return true; // a peer takes one packet more than its window
        if (!_timers.IsSet(StreamTimer.ZeroWindow)) StartZeroWindow(now);
        return false;
    }

    private int WriteNew(long now, int payloadLength, bool isEnd, int padding, Span<byte> buffer)
    {
        _windowProbeDue = false;
        if (_sent.Count == 0) StartExpecting(now);
        bool isAppLimited = _model is { Rate.IsAppLimited: true };
        uint seq = _sent.Next;
        ref var packet = ref _sent.Add();
        (packet.Offset, packet.PayloadLength, packet.IsEnd) = (_nextOffset, payloadLength, isEnd);
        _nextOffset += payloadLength;
        _endSent = isEnd;
        if (padding > 0)
        {
            packet.ProbedMtu = (ushort)(_mtu.Mtu + padding);
            _mtu.OnProbeSent();
            _endpoint.Counters.MtuProbes++;
        }
        return Write(now, seq, ref packet, padding, isAppLimited, buffer);
    }

    private int WriteLost(long now, uint seq, Span<byte> buffer)
    {
        _lostPackets--;
        _lostFrom = seq + 1;
        _resendAtOnce = false;
        return WriteAgain(now, seq, buffer);
    }

    private int WriteAgain(long now, uint seq, Span<byte> buffer)
    {
        ref var packet = ref _sent[seq];
        (packet.IsRetransmitted, packet.Fate, packet.ProbedMtu) = (true, PacketFate.InFlight, 0);
        _endpoint.Counters.Retransmits++;
        return Write(now, seq, ref packet, 0, false, buffer);
    }

    private int Write(long now, uint seq, ref SentPacket packet, int padding, bool isAppLimited, Span<byte> buffer)
    {
        int payloadAt = UdxHeader.Size + padding;
        packet.Size = payloadAt + packet.PayloadLength;
        _isOversized = padding == 0 && IsOversized(packet.Size);
        var types = packet.IsEnd ? packet.PayloadLength > 0 ? PacketTypes.Data | PacketTypes.End : PacketTypes.End : PacketTypes.Data;
        WriteHeader(types, (byte)padding, seq, buffer);
        buffer[UdxHeader.Size..payloadAt].Clear();
        if (packet.PayloadLength > 0) _send.CopyTo(packet.Offset, buffer[payloadAt..packet.Size]);
        packet.SentAt = now;
        packet.Order = _transmissions++;
        if (_model is not null || _inFlight > 0) Model.OnSent(ref packet, now, _inFlight, isAppLimited);
        _sent.Append(seq);
        _inFlight += packet.Size;
        _lastSent = now;
        ArmLossTimers(now);
        return packet.Size;
    }

    /// <summary>
    /// A packet's number stands for its bytes, so it cannot be cut anew when the path carries less than it did: the IP layer has to cut it.
    /// </summary>
    private bool IsOversized(int size) => size + PathHeaders > _mtu.Mtu;

    private void WriteHeader(PacketTypes types, byte dataOffset, uint seq, Span<byte> buffer)
    {
        uint window = FreeWindow;
        new UdxHeader(types, dataOffset, RemoteId, window, seq, _receiveNext).Write(buffer);
        _announcedEdge = BytesReceived + window;
        if (types != PacketTypes.Heartbeat) _ackDue = AckDue.No; // a heartbeat's ack is not read
    }

    private uint FirstLost()
    {
        if (SeqNumber.IsBefore(_lostFrom, _sent.First)) _lostFrom = _sent.First;
        while (_sent[_lostFrom].Fate != PacketFate.Lost) _lostFrom++;
        return _lostFrom;
    }

    private void MarkLost(uint seq)
    {
        _sent.Unlink(seq);
        _inFlight -= _sent[seq].Size;
        CountLost(seq);
    }

    private void CountLost(uint seq)
    {
        ref var packet = ref _sent[seq];
        packet.Fate = PacketFate.Lost;
        if (_lostPackets++ == 0 || SeqNumber.IsBefore(seq, _lostFrom)) _lostFrom = seq;
        if (packet.ProbedMtu > 0)
        {
            _mtu.OnProbeLost(packet.ProbedMtu);
            _endpoint.Counters.MtuProbesLost++;
            return;
        }
        _endpoint.Counters.PacketsLost++;
        if (_mtu.OnLost(packet.Size + PathHeaders)) _endpoint.Counters.BlackHoles++;
    }
}
