namespace PeopleSwarm.Dht.HolePunch;

/// <summary>Opens and closes the sockets that punch; on the loop.</summary>
internal interface IPunchSockets
{
    /// <summary>A new socket on any port; null if the system or a limit refuses.</summary>
    SocketId? Open();

    void Close(SocketId socket);

    /// <summary>
    /// Closes the socket <paramref name="linger"/> after the last stream that uses it has closed; one that is not a punch socket is left alone.
    /// </summary>
    void CloseWith(SocketId socket, IReliableStream stream, TimeSpan linger);
}

/// <summary>The one-byte datagrams of all punchers of a node: takes those that arrive, sends those that are due.</summary>
/// <param name="sockets">Where sockets come from.</param>
/// <param name="random">The ports of random probes.</param>
/// <param name="randomInterval">Pause between two punches that spray, which routers take for a scan.</param>
internal sealed class PunchMachine(IPunchSockets sockets, IRandomSource random, TimeSpan randomInterval) : IDatagramMachine
{
    /// <summary>Time the last words of a stream have to leave and to be asked for again.</summary>
    private static readonly TimeSpan s_linger = TimeSpan.FromSeconds(3);

    private readonly Dictionary<SocketId, Puncher> _bySocket = [];
    private readonly HashSet<Puncher> _punchers = [];
    private readonly Queue<Probe> _probes = new();
    private readonly List<Puncher> _due = [];
    private Timestamp? _lastSpray;
    private bool _isSpraying;

    public Timestamp? NextTimeout
    {
        get
        {
            Timestamp? earliest = null;
            foreach (var puncher in _punchers) earliest = Timestamp.Earliest(earliest, puncher.NextTimeout);
            return earliest;
        }
    }

    /// <summary>Punchers alive.</summary>
    public int Count => _punchers.Count;

    /// <summary>Whether a punch that sprays may begin: one at a time, and not soon after another.</summary>
    public bool MaySpray(Timestamp now) => !_isSpraying && (_lastSpray is not { } last || now - last >= randomInterval);

    /// <summary>How long nobody may spray, at least: somebody who does may go on.</summary>
    public TimeSpan SprayPause(Timestamp now) => MaySpray(now) ? TimeSpan.Zero : _isSpraying ? randomInterval : randomInterval - (now - _lastSpray!.Value);

    /// <summary>Nobody sprays within the pause from now.</summary>
    public void DeferSpray(Timestamp now) => _lastSpray = now;

    /// <summary>A puncher with its first socket; null if there is no socket for it.</summary>
    public Puncher? Create(bool isInitiator)
    {
        var puncher = new Puncher(this, random, isInitiator);
        if (!puncher.TryOpenFirst()) return null;
        _punchers.Add(puncher);
        return puncher;
    }

    public bool Receive(Timestamp now, ReadOnlySpan<byte> datagram, in DatagramSource source)
    {
        if (datagram.Length != 1) return false;
        if (_bySocket.TryGetValue(source.Socket, out var puncher)) puncher.OnProbe(now, source);
        return true; // a probe on another socket only keeps a mapping open
    }

    public void HandleTimeout(Timestamp now)
    {
        foreach (var puncher in _punchers)
            if (puncher.NextTimeout is { } due && due <= now) _due.Add(puncher);
        foreach (var puncher in _due) puncher.HandleTimeout(now);
        _due.Clear();
    }

    public bool PollTransmit(Timestamp now, Span<byte> buffer, out Transmit transmit)
    {
        transmit = default;
        if (!_probes.TryDequeue(out var probe)) return false;
        buffer[0] = 0;
        transmit = new(probe.To, Length: 1, probe.Socket, Ttl: probe.Ttl);
        return true;
    }

    /// <summary>A path was found: its socket lives as long as the stream on it and, for the next one where that is wanted, a while longer.</summary>
    public void HandOver(SocketId socket, IReliableStream stream, TimeSpan? linger = null) => sockets.CloseWith(socket, stream, linger ?? s_linger);

    internal void Send(SocketId socket, in UdpEndPoint to, byte ttl)
    {
        if (to.Port != 0) _probes.Enqueue(new(socket, to, ttl));
    }

    internal SocketId? Open(Puncher puncher)
    {
        if (sockets.Open() is not { } socket) return null;
        _bySocket[socket] = puncher;
        return socket;
    }

    /// <summary>The puncher lets the socket go; a winner stays open for its stream.</summary>
    internal void Release(SocketId socket, bool keepOpen)
    {
        _bySocket.Remove(socket);
        if (!keepOpen) sockets.Close(socket);
    }

    internal void Remove(Puncher puncher) => _punchers.Remove(puncher);

    internal void OnSpray(Timestamp now, bool begins) => (_isSpraying, _lastSpray) = (begins, now);

    private readonly record struct Probe(SocketId Socket, UdpEndPoint To, byte Ttl);
}
