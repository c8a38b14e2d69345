namespace PeopleSwarm.Testing;

/// <summary>Binds sockets of a simulated host for code that asks for <see cref="IDatagramSocketFactory"/>.</summary>
/// <param name="host">Whose ports they are.</param>
/// <param name="maxSegments">How many equal datagrams one send may carry, 1 to 64.</param>
public sealed class SimulatedDatagramSocketFactory(SimulatedHost host, int maxSegments = 1) : IDatagramSocketFactory
{
    /// <inheritdoc/>
    public IDatagramSocket Bind(UdpEndPoint local, DatagramSocketOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return new SimulatedDatagramSocket(host, local, options, maxSegments);
    }
}

/// <summary>A socket of a simulated host. What waits is bounded by the receive buffer, as it is in a system.</summary>
internal sealed class SimulatedDatagramSocket : IDatagramSocket
{
    private readonly Lock _gate = new();
    private readonly Queue<Packet> _waiting = [];
    private readonly SimulatedNetwork _network;
    private readonly SimulatedPort _port;
    private readonly int _capacity;
    private IDatagramReceiver? _receiver;
    private int _waitingBytes;
    private bool _isClosed;

    public SimulatedDatagramSocket(SimulatedHost host, UdpEndPoint local, DatagramSocketOptions options, int maxSegments)
    {
        _network = host.Network;
        _capacity = options.ReceiveBufferSize;
        MaxSegments = maxSegments;
        _port = host.Open(local, options, Deliver, Fail);
    }

    public UdpEndPoint LocalEndPoint => _port.LocalEndPoint;

    public int MaxSegments { get; }

    public void Start(IDatagramReceiver receiver)
    {
        ArgumentNullException.ThrowIfNull(receiver);
        if (Interlocked.CompareExchange(ref _receiver, receiver, null) is not null) throw new InvalidOperationException("The socket was started before.");
        receiver.OnReadable();
    }

    public bool Receive(int maxDatagrams)
    {
        for (int i = 0; i < maxDatagrams; i++)
        {
            Packet packet;
            lock (_gate)
            {
                if (_isClosed || !_waiting.TryDequeue(out packet!)) return false;
                _waitingBytes -= packet.WireSize;
            }
            _receiver!.OnDatagram(packet.Data, packet.From);
        }
        return true;
    }

    public bool TrySend(ReadOnlySpan<byte> datagrams, in Transmit transmit)
    {
        if (_isClosed || transmit.To.Port == 0) return true;
        if (_network.IsRunningHere)
        {
            _port.Send(datagrams, transmit);
            return true;
        }
        byte[] copy = datagrams.ToArray();
        var later = transmit;
        _network.Post(() => _port.Send(copy, later));
        return true;
    }

    public ValueTask DisposeAsync()
    {
        if (Close()) _receiver?.OnClosed(null);
        return ValueTask.CompletedTask;
    }

    private void Deliver(Packet packet)
    {
        lock (_gate)
        {
            if (_isClosed || _waitingBytes + packet.WireSize > _capacity)
            {
                _network.Drop(packet, DropReason.NoSocket);
                return;
            }
            _waiting.Enqueue(packet);
            _waitingBytes += packet.WireSize;
        }
        Volatile.Read(ref _receiver)?.OnReadable();
    }

    private void Fail(Exception error)
    {
        if (Close()) _receiver?.OnClosed(error);
    }

    private bool Close()
    {
        lock (_gate)
        {
            if (_isClosed) return false;
            _isClosed = true;
            _waiting.Clear();
        }
        _port.Close();
        return true;
    }
}
