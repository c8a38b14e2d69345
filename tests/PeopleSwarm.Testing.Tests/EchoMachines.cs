namespace PeopleSwarm.Testing;

/// <summary>Sends numbered datagrams at an interval and keeps what comes back, with its instant.</summary>
internal sealed class Pinger(Timestamp now, UdpEndPoint to, TimeSpan interval, int count, int size = 4, byte ttl = 0) : IDatagramMachine
{
    private readonly Queue<int> _due = [];
    private int _next;

    public List<(Timestamp At, int Number, UdpEndPoint From)> Received { get; } = [];
    public int Corrupted { get; private set; }
    public Timestamp? NextTimeout { get; private set; } = now;
    public SocketId Socket { get; init; }

    public bool Receive(Timestamp now, ReadOnlySpan<byte> datagram, in DatagramSource source)
    {
        if (datagram.Length != size || datagram[4..].ContainsAnyExcept((byte)0xAB)) Corrupted++;
        Received.Add((now, BitConverter.ToInt32(datagram), source.From));
        return true;
    }

    public void HandleTimeout(Timestamp now)
    {
        if (NextTimeout is not { } due || now < due) return;
        _due.Enqueue(_next++);
        NextTimeout = _next < count ? due + interval : null;
    }

    public bool PollTransmit(Timestamp now, Span<byte> buffer, out Transmit transmit)
    {
        transmit = new(to, size, Socket, Ttl: ttl);
        if (!_due.TryDequeue(out int number)) return false;
        buffer[..size].Fill(0xAB);
        BitConverter.TryWriteBytes(buffer, number);
        return true;
    }
}

/// <summary>Sends back what it gets, through the socket it came in on.</summary>
internal sealed class Echo : IDatagramMachine
{
    private readonly Queue<(byte[] Data, DatagramSource Source)> _answers = [];

    public List<(Timestamp At, byte[] Data, DatagramSource Source)> Received { get; } = [];
    public Predicate<byte[]> Accepts { get; init; } = _ => true;
    public Timestamp? NextTimeout => null;

    public bool Receive(Timestamp now, ReadOnlySpan<byte> datagram, in DatagramSource source)
    {
        byte[] data = datagram.ToArray();
        if (!Accepts(data)) return false;
        Received.Add((now, data, source));
        _answers.Enqueue((data, source));
        return true;
    }

    public void HandleTimeout(Timestamp now) { }

    public bool PollTransmit(Timestamp now, Span<byte> buffer, out Transmit transmit)
    {
        transmit = default;
        if (!_answers.TryDequeue(out var answer)) return false;
        answer.Data.CopyTo(buffer);
        transmit = new(answer.Source.From, answer.Data.Length, answer.Source.Socket);
        return true;
    }
}

/// <summary>Sends what it is told to.</summary>
internal sealed class Sender : IDatagramMachine
{
    private readonly Queue<(byte[] Data, Transmit Transmit)> _queue = [];

    public List<(byte[] Data, DatagramSource Source)> Received { get; } = [];
    public Timestamp? NextTimeout => null;

    public void Send(byte[] data, UdpEndPoint to, int socket = 0, int segmentSize = 0, byte ttl = 0) =>
        _queue.Enqueue((data, new Transmit(to, data.Length, new SocketId(socket), segmentSize, ttl)));

    public bool Receive(Timestamp now, ReadOnlySpan<byte> datagram, in DatagramSource source)
    {
        Received.Add((datagram.ToArray(), source));
        return true;
    }

    public void HandleTimeout(Timestamp now) { }

    public bool PollTransmit(Timestamp now, Span<byte> buffer, out Transmit transmit)
    {
        transmit = default;
        if (!_queue.TryDequeue(out var next)) return false;
        next.Data.CopyTo(buffer);
        transmit = next.Transmit;
        return true;
    }
}
