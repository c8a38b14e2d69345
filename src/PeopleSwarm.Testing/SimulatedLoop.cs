namespace PeopleSwarm.Testing;

/// <summary>
/// A loop of a simulated host: sockets and the machines they feed, driven on the virtual clock.
/// It keeps the contract of <see cref="IDatagramMachine"/> and checks that the machines keep theirs.
/// </summary>
public sealed class SimulatedLoop : IDatagramHost
{
    private const int MaxTransmitsPerTurn = 1_000_000, MaxTimeoutsPerInstant = 10_000;
    private readonly Dictionary<SocketId, SimulatedPort> _sockets = [];
    private readonly Queue<(Action<object?> Work, object? State)> _posted = [];
    private IDatagramMachine[] _machines = [];
    private int _lastSocket = -1, _turnRequested, _timeoutsAtInstant, _thread;
    private Timestamp? _timerAt;
    private Timestamp _instant;
    private bool _disposed;

    internal SimulatedLoop(SimulatedHost host) => Host = host;

    /// <summary>The computer it runs on.</summary>
    public SimulatedHost Host { get; }

    /// <inheritdoc/>
    public bool IsCurrent => Volatile.Read(ref _thread) == Environment.CurrentManagedThreadId;

    /// <inheritdoc/>
    public Timestamp Now => Network.Now;

    /// <inheritdoc/>
    public TimeProvider TimeProvider => Network.TimeProvider;

    /// <inheritdoc/>
    public event Action<SocketId, Exception>? SocketFailed;

    private SimulatedNetwork Network => Host.Network;

    /// <inheritdoc/>
    public SocketId Bind(UdpEndPoint local, DatagramSocketOptions? options = null)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        var id = new SocketId(Interlocked.Increment(ref _lastSocket));
        var port = Host.Open(local, options ?? DatagramSocketOptions.Default, packet => Receive(packet, id), error => Fail(id, error));
        lock (_sockets) _sockets.Add(id, port);
        return id;
    }

    /// <inheritdoc/>
    public UdpEndPoint GetLocalEndPoint(SocketId socket) =>
        Find(socket)?.LocalEndPoint ?? throw new ArgumentException($"No socket {socket.Value} is open.", nameof(socket));

    /// <inheritdoc/>
    public void Close(SocketId socket)
    {
        Find(socket)?.Close();
        lock (_sockets) _sockets.Remove(socket);
    }

    /// <inheritdoc/>
    public void Attach(IDatagramMachine machine)
    {
        ArgumentNullException.ThrowIfNull(machine);
        lock (_sockets) _machines = [.. _machines, machine];
        Wake();
    }

    /// <inheritdoc/>
    public void Detach(IDatagramMachine machine)
    {
        lock (_sockets) _machines = [.. _machines.Where(m => m != machine)];
    }

    /// <inheritdoc/>
    public void Post(Action<object?> work, object? state)
    {
        ArgumentNullException.ThrowIfNull(work);
        if (_disposed) return;
        lock (_posted) _posted.Enqueue((work, state));
        Wake();
    }

    /// <inheritdoc/>
    public void Wake()
    {
        if (Interlocked.Exchange(ref _turnRequested, 1) == 0) Network.Post(new SimulatedEvent(static (loop, _) => ((SimulatedLoop)loop).Turn(), this));
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        _disposed = true;
        SimulatedPort[] open;
        lock (_sockets)
        {
            open = [.. _sockets.Values];
            _sockets.Clear();
            _machines = [];
        }
        foreach (var port in open) port.Close();
        return ValueTask.CompletedTask;
    }

    /// <summary>The host woke: what was asked for while it slept is due.</summary>
    internal void Resume()
    {
        Volatile.Write(ref _turnRequested, 0);
        _timerAt = null;
        Wake();
    }

    private void Fail(SocketId socket, Exception error)
    {
        Close(socket);
        Post(_ => SocketFailed?.Invoke(socket, error), null);
    }

    private SimulatedPort? Find(SocketId socket)
    {
        lock (_sockets) return _sockets.GetValueOrDefault(socket);
    }

    private void Receive(Packet packet, SocketId socket) => OnLoop((packet, socket), static (loop, arrived) =>
    {
        var source = new DatagramSource(arrived.packet.From, arrived.socket);
        foreach (var machine in loop._machines)
            if (machine.Receive(loop.Now, arrived.packet.Data, source)) break;
    });

    /// <summary>Does posted work and lets the machines do what is due.</summary>
    internal void Turn()
    {
        if (Host.IsAsleep) return; // the flag stays up; waking the host asks again
        Volatile.Write(ref _turnRequested, 0);
        OnLoop(0, static (loop, _) =>
        {
            for (int left = loop.PostedCount(); left > 0 && loop.TryTakePosted(out var item); left--) item.Work(item.State);
            if (loop.PostedCount() > 0) loop.Wake();
        });
    }

    private int PostedCount()
    {
        lock (_posted) return _posted.Count;
    }

    private bool TryTakePosted(out (Action<object?> Work, object? State) item)
    {
        lock (_posted) return _posted.TryDequeue(out item);
    }

    private void OnLoop<T>(T argument, Action<SimulatedLoop, T> body)
    {
        Volatile.Write(ref _thread, Environment.CurrentManagedThreadId);
        try
        {
            body(this, argument);
            ApplyTimeouts();
            PollTransmits();
            ArmTimer();
        }
        finally
        {
            Volatile.Write(ref _thread, 0);
        }
    }

    private void ApplyTimeouts()
    {
        foreach (var machine in _machines)
        {
            if (machine.NextTimeout is not { } due || due > Now) continue;
            if (_instant != Now) (_instant, _timeoutsAtInstant) = (Now, 0);
            if (++_timeoutsAtInstant > MaxTimeoutsPerInstant)
                throw Network.Failure($"{machine.GetType().Name} on {Host} still wants a timeout at {due} after {MaxTimeoutsPerInstant} calls.");
            machine.HandleTimeout(Now);
        }
    }

    private void PollTransmits()
    {
        byte[] buffer = Network.TransmitBuffer;
        int count = 0;
        bool any;
        do
        {
            any = false;
            foreach (var machine in _machines)
                while (machine.PollTransmit(Now, buffer, out var transmit))
                {
                    any = true;
                    Check(machine, transmit);
                    if (++count > MaxTransmitsPerTurn) throw Network.Failure($"{machine.GetType().Name} on {Host} never stops sending.");
                    Find(transmit.Socket)?.Send(buffer.AsSpan(0, transmit.Length), transmit);
                }
        }
        while (any);
    }

    private void Check(IDatagramMachine machine, in Transmit transmit)
    {
        string? broken = transmit.To.Port == 0 ? "the port is 0"
            : transmit.Length < 0 || transmit.Length > SimulatedNetwork.MaxTransmit ? "the length is not within the buffer"
            : transmit.SegmentSize < 0 || transmit.SegmentSize > transmit.Length ? "the segment is longer than the whole"
            : null;
        if (broken is not null) throw Network.Failure($"{machine.GetType().Name} on {Host} gave {transmit}: {broken}.");
    }

    private void ArmTimer()
    {
        Timestamp? next = null;
        foreach (var machine in _machines) next = Timestamp.Earliest(next, machine.NextTimeout);
        if (next is not { } at || _timerAt <= at) return; // an earlier timer looks again when it fires
        if (at < Now) at = Now;
        _timerAt = at;
        Network.At(at + Host.TimerLateness(), () =>
        {
            if (_timerAt != at) return;
            _timerAt = null;
            if (!Host.IsAsleep) OnLoop(0, static (_, _) => { });
        });
    }
}
