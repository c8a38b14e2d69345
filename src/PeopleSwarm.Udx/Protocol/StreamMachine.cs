namespace PeopleSwarm.Udx.Protocol;

/// <summary>One stream without socket, task or clock: packets and instants in, packets and a deadline out (spec udx).</summary>
/// <remarks>Made by <see cref="UdxEndpoint"/>. One caller at a time; its buffers and events may call it back.</remarks>
internal sealed partial class StreamMachine
{
    private const int MaxHeld = 8; // a handshake and the first request
    private const int CommonMtu = 1500; // of Ethernet, and so of most paths
    internal const int HeaderIPv4 = 20 + 8, HeaderIPv6 = 40 + 8; // IP and UDP

    private readonly UdxEndpoint _endpoint;
    private readonly ISendBuffer _send;
    private readonly IReceiveBuffer _receive;
    private readonly IStreamEvents _events;

    private StreamTimers _timers = StreamTimers.Stopped;
    private bool _isClosed;
    private DatagramSource _previousRemote;
    private long _previousUntil; // how long the path before the last change is still known
    private bool _isPathUnproved;
    private StreamMachine? _relay;
    private RelayFilter? _relayFilter;
    private List<byte[]>? _held; // for the peer of a relaying stream, until it is heard
    private List<StreamMachine>? _relaySources;

    internal StreamMachine(UdxEndpoint endpoint, uint localId, ISendBuffer send, IReceiveBuffer receive, IStreamEvents events)
    {
        ArgumentNullException.ThrowIfNull(send);
        ArgumentNullException.ThrowIfNull(receive);
        ArgumentNullException.ThrowIfNull(events);
        (_endpoint, LocalId, _send, _receive, _events) = (endpoint, localId, send, receive, events);
        var options = endpoint.Options;
        _rtt = new(options);
        _sent = new(endpoint.SpareRings);
        _loss = new(_sent, _rtt);
        _mtu = new(options.BaseMtu, options.MaxMtu);
    }

    public uint LocalId { get; }

    /// <summary>The peer's id; 0 before <see cref="Connect"/>.</summary>
    public uint RemoteId { get; private set; }

    /// <summary>Where packets go, and the socket they leave through.</summary>
    public DatagramSource Remote { get; private set; }

    public bool IsConnected { get; private set; }

    public StreamState State =>
        _isClosed ? StreamState.Closed
        : !IsConnected ? StreamState.Unconnected
        : _endSent ? _peerEnded ? StreamState.Ended : StreamState.LocalEnded
        : _peerEnded ? StreamState.RemoteEnded : StreamState.Open;

    /// <summary>The smoothed round trip; zero before the first sample.</summary>
    public TimeSpan RoundTripTime => TimeSpan.FromMicroseconds(_rtt.Smoothed);

    /// <summary>The smallest recent round trip; zero before the first sample.</summary>
    internal TimeSpan MinimumRoundTrip => TimeSpan.FromMicroseconds(_rtt.Minimum);

    /// <summary>Payload bytes received in order.</summary>
    public long BytesReceived { get; private set; }

    /// <summary>Payload bytes the peer has in order.</summary>
    public long BytesAcknowledged { get; private set; }

    /// <summary>Size of the IP packets in use, headers included.</summary>
    public int Mtu => _mtu.Mtu;

    /// <summary>When <see cref="HandleTimeout"/> wants to be called, in microseconds.</summary>
    internal long Due { get; private set; } = StreamTimers.Never;

    internal int HeapIndex { get; set; } = -1;

    internal bool IsQueued { get; set; }

    /// <summary>The first packet number of each direction, where both sides agreed on others than 0 (spec udx, 4). Before any packet.</summary>
    internal void StartAt(uint sendSeq, uint receiveSeq)
    {
        _sent.StartAt(sendSeq);
        _receiveNext = receiveSeq;
    }

    /// <summary>Names the peer. Sends nothing, but for an acknowledgement of what came before.</summary>
    /// <exception cref="InvalidOperationException">The stream is connected or closed.</exception>
    /// <exception cref="ArgumentException">The port is 0.</exception>
    public void Connect(Timestamp now, SocketId socket, uint remoteId, UdpEndPoint remote)
    {
        if (_isClosed) throw new InvalidOperationException("The stream is closed.");
        if (IsConnected) throw new InvalidOperationException("The stream is connected.");
        ThrowIfNoPort(remote);
        (Remote, RemoteId, IsConnected) = (new(remote, socket), remoteId, true);
        _mtu.OnPathChanged(MaxMtu);
        _lastReceived = Math.Max(_lastReceived, now.Microseconds);
        if (_relay is null) StartKeepAlive(now.Microseconds);
        RelayHeld();
        WakeUp();
    }

    /// <summary>Moves to another path. What was lost on the old one is sent again on the new one (spec udx, 16).</summary>
    /// <exception cref="InvalidOperationException">The stream is not connected, or closed.</exception>
    /// <exception cref="ArgumentException">The port is 0.</exception>
    public void ChangeRemote(Timestamp now, SocketId socket, uint remoteId, UdpEndPoint remote)
    {
        if (_isClosed || !IsConnected) throw new InvalidOperationException("The stream is not connected.");
        ThrowIfNoPort(remote);
        var path = new DatagramSource(remote, socket);
        bool isNew = path != Remote;
        if (isNew)
        {
            (_previousRemote, _previousUntil) = (Remote, now.Microseconds + RttEstimator.Micros(_endpoint.Options.IdleTimeout));
            _isPathUnproved = true;
            _endpoint.Counters.PathChanges++;
        }
        (Remote, RemoteId) = (path, remoteId);
        if (isNew) OnPathChanged(now.Microseconds);
        WakeUp();
    }

    /// <summary>From now on every packet for this stream is passed on to <paramref name="destination"/>'s peer (spec udx, 15).</summary>
    /// <exception cref="InvalidOperationException">The stream relays already, or one of the two is closed.</exception>
    public void RelayTo(Timestamp now, StreamMachine destination, RelayFilter? filter = null)
    {
        ArgumentNullException.ThrowIfNull(destination);
        if (_isClosed || destination._isClosed) throw new InvalidOperationException("The stream is closed.");
        if (_relay is not null) throw new InvalidOperationException("The stream relays already.");
        (_relay, _relayFilter) = (destination, filter);
        (destination._relaySources ??= []).Add(this);
        _timers = StreamTimers.Stopped;
        Settle();
    }

    /// <summary><see cref="ISendBuffer.End"/> or <see cref="ISendBuffer.IsEnded"/> changed.</summary>
    public void Written(Timestamp now)
    {
        if (IsConnected && !_isClosed) WakeUp();
    }

    /// <summary>Sends an unordered, unreliable message; false if it is longer than one packet, or the stream or queue cannot take it.</summary>
    public bool TrySendMessage(Timestamp now, ReadOnlySpan<byte> message)
    {
        if (_isClosed || !IsConnected || _relay is not null || message.Length > MaxPayload) return false;
        if (!_endpoint.Outbox.TryAdd(Remote.From, Remote.Socket, UdxHeader.Size + message.Length, out var datagram))
        {
            _endpoint.Counters.DroppedQueue++;
            return false;
        }
        HeaderOf(PacketTypes.Message).Write(datagram);
        message.CopyTo(datagram[UdxHeader.Size..]);
        _endpoint.Counters.MessagesOut++;
        return true;
    }

    /// <summary>Sends an empty message along another path; false if the stream or queue cannot take it.</summary>
    public bool TryProbe(in DatagramSource path)
    {
        if (_isClosed || !IsConnected || _relay is not null || path.From.Port == 0) return false;
        return _endpoint.TryQueue(path, HeaderOf(PacketTypes.Message));
    }

    /// <summary>Ends the stream at once; a connected peer is told by one packet. Nothing if it is closed.</summary>
    public void Abort(Timestamp now, StreamCloseReason reason, Exception? error)
    {
        if (_isClosed) return;
        LastWords? words = null;
        if (IsConnected && _relay is null)
        {
            words = new(Remote, HeaderOf(PacketTypes.Destroy));
            _endpoint.TryQueue(Remote, words.Value.Header);
        }
        Close(now, new(reason, error), words);
    }

    internal void HandleTimeout(Timestamp now)
    {
        long micros = now.Microseconds;
        if (_timers.TakeDue(StreamTimer.Idle, micros)) OnIdle(now);
        if (!_isClosed && _timers.TakeDue(StreamTimer.Reorder, micros)) OnReorderTimeout(micros);
        if (!_isClosed && _timers.TakeDue(StreamTimer.Retransmission, micros)) OnRetransmissionTimeout(now);
        if (!_isClosed && _timers.TakeDue(StreamTimer.TailLoss, micros)) OnTailLossTimeout(micros);
        if (!_isClosed && _timers.TakeDue(StreamTimer.Pacing, micros)) _endpoint.Enqueue(this);
        if (!_isClosed && _timers.TakeDue(StreamTimer.ZeroWindow, micros)) OnZeroWindowTimeout(micros);
        if (!_isClosed && _timers.TakeDue(StreamTimer.KeepAlive, micros)) OnKeepAlive(micros);
        Settle();
    }

    /// <summary>Has the stream polled, and its deadline known.</summary>
    private void WakeUp()
    {
        if (_isClosed) return;
        _endpoint.Enqueue(this);
        Settle();
    }

    /// <summary>Tells the endpoint of a changed deadline.</summary>
    private void Settle()
    {
        long due = _timers.Earliest;
        if (due == Due) return;
        Due = due;
        _endpoint.Schedule(this);
    }

    private void Close(Timestamp now, StreamClose close, LastWords? words)
    {
        if (_isClosed) return;
        _isClosed = true;
        _timers = StreamTimers.Stopped;
        Settle();
        _reorder?.Clear();
        _held = null;
        _relay?._relaySources?.Remove(this);
        _endpoint.Remove(this, now.Microseconds, words);
        if (close.Reason == StreamCloseReason.TimedOut) _endpoint.Counters.StreamsTimedOut++;
        _events.OnClosed(close);
        if (_relaySources is null) return;
        foreach (var source in _relaySources.ToArray()) source.Close(now, close with { Error = null }, null);
    }

    private UdxHeader HeaderOf(PacketTypes types) => new(types, 0, RemoteId, FreeWindow, _sent.Next, _receiveNext);

    private int PathHeaders => Remote.From.IsIPv4 ? HeaderIPv4 : HeaderIPv6;

    /// <summary>A loopback carries whatever a peer takes; elsewhere larger packets are not worth the loss of probes for them.</summary>
    private int MaxMtu => Remote.From.IsLoopback && _endpoint.Options.MaxMtu >= CommonMtu ? UdxPacket.MaxSize + PathHeaders : _endpoint.Options.MaxMtu;

    private int MaxPayload => Math.Min(_mtu.Mtu - PathHeaders, UdxPacket.MaxSize) - UdxHeader.Size;

    private static void ThrowIfNoPort(UdpEndPoint remote)
    {
        if (remote.Port == 0) throw new ArgumentException("The remote's port is 0.", nameof(remote));
    }
}
