namespace PeopleSwarm.Udx.Protocol;

internal sealed partial class StreamMachine
{
    /// <summary>Bytes taken beyond a closed window: older peers probe it with data (spec udx, 21).</summary>
    private const int WindowSlack = 64 * 1024;

    private enum AckDue
    {
        No,

        /// <summary>Data in order: any packet of this round will do.</summary>
        Merged,

        /// <summary>A gap, a repeat, an END or a heartbeat: a packet of its own.</summary>
        Now,
    }

    private const uint MaxRelayedLag = 1 << 16; // packets under way through a relay: 80 MB
    private const long SilenceBeforeFollowing = 1_000_000; // µs: longer than reordering and a burst of losses, shorter than a user's patience

    private ReorderBuffer? _reorder; // since the last gap, until the stream is quiet
    private uint _receiveNext;
    private bool _isHeard; // since it was connected
    private bool _peerEnded; // END and all before it were read
    private AckDue _ackDue;
    private long _announcedEdge; // offset up to which the peer was last allowed to send
    private long _lastReceived, _lastFromRemote; // of the two, the second counts only the path we write to
    private uint? _lastForwarded; // of the packets relayed for this stream's peer, the highest number

    /// <summary>Memory held for packets ahead of a gap, in bytes.</summary>
    internal int ReorderBytes => _reorder?.Bytes ?? 0;

    /// <summary><see cref="IReceiveBuffer.UnreadBytes"/> went down: tells a peer that may be waiting.</summary>
    public void Consumed(Timestamp now)
    {
        if (_isClosed || !IsConnected || _relay is not null || _peerEnded) return;
        long gain = BytesReceived + FreeWindow - _announcedEdge;
        if (_announcedEdge == 0 || gain < Math.Max(_endpoint.Options.ReceiveWindow / 4, 2 * MaxPayload)) return;
        _ackDue = AckDue.Now;
        WakeUp();
    }

    /// <summary>Takes a packet of this stream, in the order of spec udx, 6.</summary>
    internal void Receive(Timestamp now, in UdxPacket packet, ReadOnlySpan<byte> datagram, in DatagramSource source)
    {
        bool isKnown = IsKnownPath(now, source);
        if (_isClosed) return;
        if (!isKnown)
        {
            _endpoint.Counters.DroppedPath++;
            return;
        }
        FollowPeer(now, packet.Header, source);
        if (_relay is not null)
        {
            Forward(now, packet, datagram);
            return;
        }
        _lastReceived = now.Microseconds;
        if (!_isHeard && IsConnected)
        {
            _isHeard = true;
            _events.OnHeard();
        }
        OnHeard();
        if (_isPathUnproved && source != _previousRemote && packet.Has(PacketTypes.Data | PacketTypes.Message))
        {
            _isPathUnproved = false;
            _events.OnPathProved(source);
            if (_isClosed) return;
        }
        if (packet.Has(PacketTypes.Heartbeat)) _ackDue = AckDue.Now;
        else if (packet.IsWellFormed) Process(now, packet);
        else _endpoint.Counters.DroppedMalformed++;
        if (_isClosed) return;
        WakeUp();
    }

    /// <summary>
    /// Whether a packet from there is processed. Packets carry no proof of origin, and whoever guesses an id could move, stall or reset
    /// the stream (spec udx, 23): so only the remote's host, on the stream's socket, and for a while the remote before the last
    /// <see cref="ChangeRemote"/> are known by themselves. Peers do change paths unannounced (spec udx, 16), and streams begin with the
    /// peer's packet (spec udx, 5.3): any other path is for <see cref="IStreamEvents.AcceptPath"/> to judge, each time.
    /// </summary>
    private bool IsKnownPath(Timestamp now, in DatagramSource source)
    {
        if (IsConnected)
        {
            if (source == Remote) return true;
            if (source == _previousRemote && now.Microseconds < _previousUntil) return true;
        }
        if (_events.AcceptPath(source)) return true;
        return IsConnected && source.Socket == Remote.Socket && source.From.HasSameAddress(Remote.From);
    }

    /// <summary>
    /// The peer's NAT gave it another port: once the old one is silent, we write to the one its packets come from. No host but the peer's
    /// gets that far, and it has to know what we sent.
    /// </summary>
    private void FollowPeer(Timestamp now, in UdxHeader header, in DatagramSource source)
    {
        if (!IsConnected) return;
        if (source == Remote) _lastFromRemote = now.Microseconds;
        else if (now.Microseconds - _lastFromRemote >= SilenceBeforeFollowing && source != _previousRemote
            && source.Socket == Remote.Socket && source.From.HasSameAddress(Remote.From) && MayAcknowledge(header.Ack))
        {
            var before = Remote;
            if (_relay is null) ChangeRemote(now, source.Socket, RemoteId, source.From);
            else (Remote, _lastFromRemote) = (source, now.Microseconds);
            _events.OnFollowed(before, source);
        }
    }

    /// <summary>Whether the peer can have sent that: it acknowledges what we sent, or what we relayed to it.</summary>
    private bool MayAcknowledge(uint ack) => _relay is null
        ? !SeqNumber.IsAfter(_sent.First, ack) && !SeqNumber.IsAfter(ack, _sent.Next)
        : _relay._lastForwarded is { } last && !SeqNumber.IsAfter(ack, last + 1) && last + 1 - ack < MaxRelayedLag;

    private void Forward(Timestamp now, in UdxPacket packet, ReadOnlySpan<byte> datagram)
    {
        var target = _relay!;
        if (_lastForwarded is not { } last || SeqNumber.IsAfter(packet.Header.Seq, last)) _lastForwarded = packet.Header.Seq;
        if (datagram.Length > UdxPacket.MaxSize) datagram = datagram[..UdxPacket.MaxSize];
        if (_relayFilter?.Invoke(datagram.Length) == false) _endpoint.Counters.DroppedRelay++;
        else if (target.IsConnected) target.Relay(datagram);
        else target.Hold(datagram);
        if (packet.Has(PacketTypes.Destroy)) Close(now, new(StreamCloseReason.RemoteAbort), null);
    }

    private void Relay(ReadOnlySpan<byte> datagram)
    {
        if (!_endpoint.Outbox.TryAdd(Remote.From, Remote.Socket, datagram.Length, out var copy))
        {
            _endpoint.Counters.DroppedQueue++;
            return;
        }
        datagram.CopyTo(copy);
        System.Buffers.Binary.BinaryPrimitives.WriteUInt32LittleEndian(copy[UdxHeader.StreamIdOffset..], RemoteId);
        _endpoint.Counters.PacketsRelayed++;
    }

    /// <summary>Keeps what comes before the other side has shown where it is, so that a relayed stream need not wait for a repeat.</summary>
    private void Hold(ReadOnlySpan<byte> datagram)
    {
        _held ??= new(MaxHeld);
        if (_held.Count < MaxHeld) _held.Add(datagram.ToArray());
        else _endpoint.Counters.DroppedQueue++;
    }

    private void RelayHeld()
    {
        if (_held is null) return;
        foreach (byte[] datagram in _held) Relay(datagram);
        _held = null;
    }

    private void Process(Timestamp now, in UdxPacket packet)
    {
        bool hasNumber = packet.Has(PacketTypes.Data | PacketTypes.End);
        var ackDue = hasNumber ? TakeNumbered(packet) : AckDue.No;
        if (_isClosed) return;
        if (packet.Has(PacketTypes.Destroy) && SeqNumber.Distance(_receiveNext, packet.Header.Seq) >= 0)
        {
            Close(now, new(StreamCloseReason.RemoteAbort), null);
            return;
        }
        if (packet.Has(PacketTypes.Message))
        {
            _endpoint.Counters.MessagesIn++;
            _events.OnMessage(packet.Payload);
            if (_isClosed) return;
        }
        if (SeqNumber.IsAfter(packet.Header.Ack, _sent.Next))
        {
            _endpoint.Counters.DroppedMalformed++;
            return;
        }
        if (ackDue > _ackDue) _ackDue = ackDue;
        OnAck(now, packet);
        if (!_isClosed) FinishIfEnded(now);
    }

    /// <summary>Takes DATA and END: in order, ahead, or again.</summary>
    private AckDue TakeNumbered(in UdxPacket packet)
    {
        uint seq = packet.Header.Seq;
        bool isEnd = packet.Has(PacketTypes.End);
        var payload = packet.Has(PacketTypes.Data) ? packet.Payload : default;
        int distance = SeqNumber.Distance(_receiveNext, seq);
        if (distance < 0 || _peerEnded)
        {
            _endpoint.Counters.Duplicates++;
            return AckDue.Now;
        }
        // What waits behind a gap must not keep out the packet that closes it.
        long held = _receive.UnreadBytes + (distance > 0 ? _reorder?.PayloadBytes ?? 0 : 0);
        if (held + payload.Length > _endpoint.Options.ReceiveWindow + (long)WindowSlack)
        {
            _endpoint.Counters.DroppedWindow++;
            return AckDue.Now;
        }
        if (distance > 0)
        {
            _reorder ??= new(_endpoint.Blocks, Math.Max(_endpoint.Options.MaxReorderBytes, _endpoint.Options.ReceiveWindow));
            if (!_reorder.TryAdd(_receiveNext, seq, payload, isEnd, out bool isNew)) _endpoint.Counters.DroppedWindow++;
            else if (!isNew) _endpoint.Counters.Duplicates++;
            return AckDue.Now;
        }
        bool hadGap = _reorder is { Ranges.Count: > 0 };
        _receiveNext++;
        Deliver(payload, isEnd);
        while (!_isClosed && !_peerEnded && _reorder is not null && _reorder.TryTake(_receiveNext, out byte[]? block, out int length, out isEnd))
        {
            _receiveNext++;
            Deliver(block.AsSpan(0, length), isEnd);
            _reorder.Return(block, length);
        }
        return hadGap || _peerEnded ? AckDue.Now : AckDue.Merged;
    }

    private void Deliver(ReadOnlySpan<byte> payload, bool isEnd)
    {
        BytesReceived += payload.Length;
        _endpoint.Counters.PayloadBytesIn += payload.Length;
        _peerEnded = isEnd;
        if (payload.Length > 0) _receive.Write(payload);
        if (!isEnd || _isClosed) return;
        _reorder?.Clear(); // nothing follows an END
        _receive.End();
    }

    /// <summary>Bytes the peer may still send.</summary>
    private uint FreeWindow => (uint)Math.Max(0, _endpoint.Options.ReceiveWindow - _receive.UnreadBytes);

    /// <summary>Closes once both directions ended and are acknowledged; our last acknowledgement is repeated on demand.</summary>
    private void FinishIfEnded(Timestamp now)
    {
        if (!_peerEnded || !_endSent || _sent.Count > 0 || !IsConnected) return;
        var words = HeaderOf(PacketTypes.None);
        if (_ackDue != AckDue.No) _endpoint.TryQueue(Remote, words);
        Close(now, new(StreamCloseReason.Completed), new LastWords(Remote, words));
    }
}
