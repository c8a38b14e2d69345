namespace PeopleSwarm.Udx.Protocol;

/// <summary>How far a packet's source is believed.</summary>
/// <remarks>
/// Packets carry no proof of origin (spec udx, 23.12), and peers change paths unannounced (section 16). So: a packet on another
/// socket than the stream's own, or for a stream not yet connected, is processed if <see cref="IStreamEvents.AcceptPath"/> accepts it,
/// and dropped if not (5.3). On the stream's own socket the remote's address, and for a while that of the remote before the last
/// <see cref="StreamMachine.ChangeRemote"/>, are known. Any other address is shown to AcceptPath as well; if it is refused there,
/// the packet's data and acknowledgements still count, since the peer may have moved first, but it can neither destroy the
/// stream nor shrink the window.
/// </remarks>
internal enum PathTrust
{
    Refused,
    Unknown,
    Known,
}

internal sealed partial class StreamMachine
{
    /// <summary>Bytes taken beyond a closed window: older peers probe it with data (spec udx, 21.4).</summary>
    private const int WindowSlack = 64 * 1024;

    private enum AckDue
    {
        No,

        /// <summary>Data in order: any packet of this round will do.</summary>
        Merged,

        /// <summary>A gap, a repeat, an END or a heartbeat: a packet of its own.</summary>
        Now,
    }

    private readonly ReorderBuffer _reorder;
    private uint _receiveNext;
    private bool _peerEnded; // END and all before it were read
    private AckDue _ackDue;
    private long _announcedEdge; // offset up to which the peer was last allowed to send
    private long _lastReceived;

    /// <summary><see cref="IReceiveBuffer.UnreadBytes"/> went down: tells a peer that may be waiting.</summary>
    public void Consumed(Timestamp now)
    {
        if (_isClosed || !IsConnected || _relay is not null || _peerEnded) return;
        long gain = BytesReceived + FreeWindow - _announcedEdge;
        if (_announcedEdge == 0 || gain < Math.Max(_endpoint.Options.ReceiveWindow / 4, 2 * MaxPayload)) return;
        _ackDue = AckDue.Now;
        WakeUp();
    }

    /// <summary>Takes a packet of this stream, in the order of section 6.</summary>
    internal void Receive(Timestamp now, in UdxPacket packet, ReadOnlySpan<byte> datagram, in DatagramSource source)
    {
        var trust = Judge(now, source);
        if (_isClosed) return;
        if (trust == PathTrust.Refused)
        {
            _endpoint.Counters.DroppedPath++;
            return;
        }
        if (_relay is not null)
        {
            Forward(now, packet, datagram, trust);
            return;
        }
        _lastReceived = now.Microseconds;
        OnHeard();
        if (packet.Has(PacketTypes.Heartbeat)) _ackDue = AckDue.Now;
        else if (packet.IsWellFormed) Process(now, packet, trust);
        else _endpoint.Counters.DroppedMalformed++;
        if (_isClosed) return;
        WakeUp();
    }

    private PathTrust Judge(Timestamp now, in DatagramSource source)
    {
        if (IsConnected)
        {
            if (source == Remote) return PathTrust.Known;
            if (source == _previousRemote && now.Microseconds < _previousUntil) return PathTrust.Known;
        }
        bool accepted = _events.AcceptPath(source);
        if (accepted) return PathTrust.Known;
        if (!IsConnected || source.Socket != Remote.Socket) return PathTrust.Refused;
        return source.From.HasSameAddress(Remote.From) ? PathTrust.Known : PathTrust.Unknown;
    }

    private void Forward(Timestamp now, in UdxPacket packet, ReadOnlySpan<byte> datagram, PathTrust trust)
    {
        bool isDestroy = packet.Has(PacketTypes.Destroy);
        if (isDestroy && trust != PathTrust.Known)
        {
            _endpoint.Counters.DroppedPath++;
            return;
        }
        var target = _relay!;
        if (datagram.Length > UdxPacket.MaxSize) datagram = datagram[..UdxPacket.MaxSize];
        if (target.IsConnected && _endpoint.Outbox.TryAdd(target.Remote.From, target.Remote.Socket, datagram.Length, out var copy))
        {
            datagram.CopyTo(copy);
            System.Buffers.Binary.BinaryPrimitives.WriteUInt32LittleEndian(copy[UdxHeader.StreamIdOffset..], target.RemoteId);
            _endpoint.Counters.PacketsRelayed++;
        }
        else _endpoint.Counters.DroppedQueue++;
        if (isDestroy) Close(now, new(StreamCloseReason.RemoteAbort), null);
    }

    private void Process(Timestamp now, in UdxPacket packet, PathTrust trust)
    {
        bool hasNumber = packet.Has(PacketTypes.Data | PacketTypes.End);
        var ackDue = hasNumber ? TakeNumbered(packet) : AckDue.No;
        if (_isClosed) return;
        if (packet.Has(PacketTypes.Destroy) && SeqNumber.Distance(_receiveNext, packet.Header.Seq) >= 0)
        {
            if (trust == PathTrust.Known) Close(now, new(StreamCloseReason.RemoteAbort), null);
            else _endpoint.Counters.DroppedPath++;
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
        OnAck(now, packet, trust);
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
        if (_receive.UnreadBytes + _reorder.PayloadBytes + payload.Length > _endpoint.Options.ReceiveWindow + (long)WindowSlack)
        {
            _endpoint.Counters.DroppedWindow++;
            return AckDue.Now;
        }
        if (distance > 0)
        {
            if (!_reorder.TryAdd(_receiveNext, seq, payload, isEnd, out bool isNew)) _endpoint.Counters.DroppedWindow++;
            else if (!isNew) _endpoint.Counters.Duplicates++;
            return AckDue.Now;
        }
        bool hadGap = _reorder.Ranges.Count > 0;
        _receiveNext++;
        Deliver(payload, isEnd);
        while (!_isClosed && !_peerEnded && _reorder.TryTake(_receiveNext, out byte[]? block, out int length, out isEnd))
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
        _reorder.Clear(); // nothing follows an END
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
