namespace PeopleSwarm.Udx.Protocol;

/// <summary>All streams of one transport, on whatever sockets: routing, deadlines, and turns at sending.</summary>
/// <remarks>One caller at a time. An idle stream costs nothing: streams with something to send stand in a queue, deadlines in a heap.</remarks>
internal sealed class UdxEndpoint : IDatagramMachine
{
    /// <summary>Most datagrams of one <see cref="PollTransmit"/>: what the system takes in one segmented send.</summary>
    public const int MaxSegments = 64;

    /// <summary>Most bytes of one <see cref="PollTransmit"/>: the longest UDP payload.</summary>
    public const int MaxTransmitBytes = 65_507;

    private readonly Dictionary<uint, StreamMachine> _streams = [];
    private readonly Queue<StreamMachine> _working = new();
    private readonly TimerHeap _deadlines = new();
    private readonly TimeWaitTable _timeWait;

    public UdxEndpoint(UdxOptions options, IRandomSource random)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(random);
        (Options, Random) = (options, random);
        Blocks = new(Math.Max(options.MaxReorderBytes, options.ReceiveWindow) / BlockPool.BlockSize);
        Outbox = new(options.MaxQueuedDatagrams, Blocks);
        _timeWait = new(options.MaxTimeWaitStreams, RttEstimator.Micros(options.TimeWait));
    }

    public UdxCounters Counters { get; } = new();

    /// <summary>Streams not closed.</summary>
    public int StreamCount => _streams.Count;

    internal UdxOptions Options { get; }

    /// <summary>When a stream last had a retransmission timeout, in microseconds.</summary>
    internal long LastTimeoutAt { get; set; } = long.MinValue / 2;

    internal IRandomSource Random { get; }

    internal BlockPool Blocks { get; }

    internal SpareRings SpareRings { get; } = new();

    internal DatagramQueue Outbox { get; }

    /// <summary>Makes a stream that receives at once and sends once connected.</summary>
    /// <exception cref="ArgumentException">A living stream has the id.</exception>
    /// <exception cref="InvalidOperationException">There are as many streams as the options allow.</exception>
    public StreamMachine CreateStream(uint localId, ISendBuffer send, IReceiveBuffer receive, IStreamEvents events)
    {
        if (_streams.ContainsKey(localId)) throw new ArgumentException($"A stream with the id {localId} exists.", nameof(localId));
        if (_streams.Count >= Options.MaxStreams)
            throw new InvalidOperationException($"The transport holds {Options.MaxStreams} streams, the most its options allow.");
        var stream = new StreamMachine(this, localId, send, receive, events);
        _streams.Add(localId, stream);
        _timeWait.Remove(localId);
        Counters.StreamsOpened++;
        return stream;
    }

    /// <summary>A random id that no stream has, nor had lately.</summary>
    public uint NextLocalId()
    {
        uint id;
        do id = Random.NextUInt32();
        while (_streams.ContainsKey(id) || _timeWait.Contains(id));
        return id;
    }

    /// <summary>Whether a stream with the id is not closed.</summary>
    public bool Contains(uint localId) => _streams.ContainsKey(localId);

    public Timestamp? NextTimeout
    {
        get
        {
            long due = Math.Min(_deadlines.First?.Due ?? StreamTimers.Never, _timeWait.NextExpiry);
            return due == StreamTimers.Never ? null : new Timestamp(due);
        }
    }

    public bool Receive(Timestamp now, ReadOnlySpan<byte> datagram, in DatagramSource source)
    {
        if (!UdxPacket.TryParse(datagram, out var packet)) return false;
        uint id = packet.Header.StreamId;
        if (_streams.TryGetValue(id, out var stream))
        {
            Counters.PacketsIn++;
            Counters.BytesIn += datagram.Length;
            stream.Receive(now, packet, datagram, source);
            return true;
        }
        if (!_timeWait.Contains(id)) return false;
        if (_timeWait.TryAnswer(id, packet.Header.Types, source, out var words) && TryQueue(words.Remote, words.Header)) Counters.TimeWaitAnswers++;
        return true;
    }

    public void HandleTimeout(Timestamp now)
    {
        _timeWait.Expire(now.Microseconds);
        while (_deadlines.First is { } stream && stream.Due <= now.Microseconds) stream.HandleTimeout(now);
    }

    public bool PollTransmit(Timestamp now, Span<byte> buffer, out Transmit transmit)
    {
        if (buffer.Length > MaxTransmitBytes) buffer = buffer[..MaxTransmitBytes];
        if (Outbox.TryTake(buffer, out transmit, out int count))
        {
            Counters.PacketsOut += count;
            Counters.BytesOut += transmit.Length;
            return true;
        }
        while (_working.TryDequeue(out var stream))
        {
            stream.IsQueued = false;
            if (!stream.PollTransmit(now, buffer, out transmit)) continue;
            Counters.PacketsOut += transmit.SegmentSize == 0 ? 1 : (transmit.Length + transmit.SegmentSize - 1) / transmit.SegmentSize;
            Counters.BytesOut += transmit.Length;
            Enqueue(stream); // behind the others
            return true;
        }
        return false;
    }

    /// <summary>Gives a stream its turn at sending.</summary>
    internal void Enqueue(StreamMachine stream)
    {
        if (stream.IsQueued) return;
        stream.IsQueued = true;
        _working.Enqueue(stream);
    }

    /// <summary>The stream's deadline changed.</summary>
    internal void Schedule(StreamMachine stream) => _deadlines.Update(stream);

    /// <summary>A packet without payload that leaves even if its stream closes now.</summary>
    internal bool TryQueue(in DatagramSource remote, in UdxHeader header)
    {
        if (!Outbox.TryAdd(remote.From, remote.Socket, UdxHeader.Size, out var datagram)) return false;
        header.Write(datagram);
        return true;
    }

    internal void Remove(StreamMachine stream, long now, LastWords? words)
    {
        _streams.Remove(stream.LocalId);
        Counters.StreamsClosed++;
        if (words is { } last) _timeWait.Add(now, stream.LocalId, last);
    }
}
