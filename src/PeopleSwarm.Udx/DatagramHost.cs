using System.Collections.Concurrent;
using System.IO.Pipelines;
using Microsoft.Extensions.Logging;

namespace PeopleSwarm.Udx;

/// <summary>A machine that works hand in hand with the host. Called on the loop.</summary>
internal interface IHostedMachine : IDatagramMachine
{
    /// <summary>Shows readers what came in; true if one of them may answer soon.</summary>
    bool Deliver(Timestamp now);

    /// <summary>The host's last turn: nothing arrives afterwards, and what the machine still has to send is sent once more.</summary>
    void OnHostClosing(Timestamp now);
}

/// <summary>One loop with its sockets and the machines it drives.</summary>
internal sealed partial class DatagramHost : IDatagramHost
{
    private readonly IDatagramSocketFactory _factory;
    private readonly DatagramHostOptions _options;
    private readonly UdxMetrics _metrics;
    private readonly ILogger<DatagramHost> _logger;
    private readonly EventLoop _loop;
    private readonly Func<LoopNext> _sendTurn;
    private readonly ConcurrentDictionary<int, HostSocket> _sockets = new();
    private readonly ConcurrentQueue<HostSocket> _readable = new();
    private readonly ConcurrentQueue<(Action<object?> Work, object? State)> _posted = new();
    private readonly Lock _gate = new();
    private readonly TaskCompletionSource _stopped = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile IDatagramMachine[] _machines = [];
    private Task? _disposal;
    private int _lastSocketId;
    private volatile bool _closing;
    private bool _isStopped;
    private bool _hasYielded;
    private Timestamp _now;

    public DatagramHost(IDatagramSocketFactory factory, PipeScheduler scheduler, TimeProvider time, DatagramHostOptions options,
        UdxMetrics metrics, ILogger<DatagramHost> logger)
    {
        _factory = factory;
        _options = options;
        _metrics = metrics;
        _logger = logger;
        TimeProvider = time;
        _now = Timestamp.Now(time);
        _loop = new EventLoop(scheduler, time, Turn, AfterLoan);
        _busyPoll = new BusyPollPolicy(options.SpinTime);
        _isPollOver = () => _loop.IsRequested || _polled!.HasDatagram;
        ReaderScheduler = new LendingScheduler(this, scheduler, forReaders: true);
        WriterScheduler = new LendingScheduler(this, scheduler, forReaders: false);
        _sendTurn = SendTurn;
    }

    public event Action<SocketId, Exception>? SocketFailed;

    public bool IsCurrent => _loop.IsCurrent;

    public Timestamp Now => _loop.IsCurrent ? _now : Timestamp.Now(TimeProvider);

    public TimeProvider TimeProvider { get; }

    public SocketId Bind(UdpEndPoint local, DatagramSocketOptions? options = null)
    {
        ObjectDisposedException.ThrowIf(_closing, this);
        var entry = new HostSocket(this, new(Interlocked.Increment(ref _lastSocketId)), _factory.Bind(local, options ?? DatagramSocketOptions.Default));
        _sockets[entry.Id.Value] = entry;
        entry.Socket.Start(entry);
        entry.QueueReceive();
        _loop.Wake();
        if (_closing)
        {
            Close(entry.Id);
            throw new ObjectDisposedException(nameof(IDatagramHost));
        }
        UdxLog.SocketBound(_logger, entry.Id.Value, entry.Socket.LocalEndPoint);
        return entry.Id;
    }

    public UdpEndPoint GetLocalEndPoint(SocketId socket) => _sockets.TryGetValue(socket.Value, out var entry)
        ? entry.Socket.LocalEndPoint
        : throw new ArgumentException("No socket with this id is open on the host.", nameof(socket));

    public void Close(SocketId socket)
    {
        if (!_sockets.TryRemove(socket.Value, out var entry)) return;
        _ = CloseAsync(entry);
        _loop.Wake();
    }

    public void Attach(IDatagramMachine machine)
    {
        ArgumentNullException.ThrowIfNull(machine);
        lock (_gate) _machines = [.. _machines, machine];
        _loop.Wake();
    }

    public void Detach(IDatagramMachine machine)
    {
        lock (_gate) _machines = Array.FindAll(_machines, m => !ReferenceEquals(m, machine));
    }

    public void Post(Action<object?> work, object? state)
    {
        ArgumentNullException.ThrowIfNull(work);
        if (_closing && !_loop.IsCurrent) return;
        _posted.Enqueue((work, state));
        _loop.Wake();
    }

    public void Wake() => _loop.Wake();

    /// <summary>Sends what the streams have, on this thread if the loop is at rest: a lone message need not wait for another thread.</summary>
    public void SendNow()
    {
        Volatile.Write(ref _isLoneSent, 1);
        _loop.RunHere(_sendTurn);
    }

    public ValueTask DisposeAsync()
    {
        lock (_gate) return new(_disposal ??= StopAsync());
    }

    private async Task StopAsync()
    {
        _closing = true;
        _loop.Wake();
        await _stopped.Task.ConfigureAwait(false);
        _loop.Dispose();
        foreach (var entry in _sockets.Values) await CloseAsync(entry).ConfigureAwait(false);
        _sockets.Clear();
    }

    private async Task CloseAsync(HostSocket entry)
    {
        try
        {
            await entry.Socket.DisposeAsync().ConfigureAwait(false);
            UdxLog.SocketClosed(_logger, entry.Id.Value);
        }
        catch (Exception error)
        {
            UdxLog.SocketCloseFailed(_logger, error, entry.Id.Value);
        }
    }

    private LoopNext Turn()
    {
        if (_isStopped) return LoopNext.Rest;
        ReadClock();
        bool more = ReceiveSome();
        HandleTimeouts();
        more |= RunPosted();
        if (_closing)
        {
            Stop();
            return LoopNext.Rest;
        }
        // Readers go first, once: an answer written at once carries the acknowledgement that would else be a packet of its own.
        if (!_hasYielded && DeliverToReaders() is { } next)
        {
            _hasYielded = next == LoopNext.Yield;
            if (next == LoopNext.Lend && !_busyPoll.IsOn) Send(more); // in a transfer the peer need not wait for our reader
            return next;
        }
        _hasYielded = false;
        return Send(more);
    }

    /// <summary>A turn on the thread of a writer, who may hold locks: it calls nobody else's code.</summary>
    private LoopNext SendTurn()
    {
        if (_isStopped) return LoopNext.Rest;
        if (_closing) return LoopNext.Turn;
        ReadClock();
        return Send(more: false, hostedOnly: true);
    }

    private LoopNext Send(bool more, bool hostedOnly = false)
    {
        NoteLoneMessage();
        more |= SendSome(hostedOnly);
        if (!more && !_loop.IsTurnComing && EarliestTimeout() is { } due)
        {
            bool isBlocked = _keptLength > 0;
            if (due <= _now && isBlocked) due = _now + TimeSpan.FromMilliseconds(1);
            if (due <= _now) more = true;
            else _loop.Arm(due, _now);
        }
        return more ? LoopNext.Turn : LoopNext.Rest;
    }

    private void ReadClock() => _now = Timestamp.Now(TimeProvider);

    /// <summary>Whether turns follow until it is done; a send that waits for its socket is not such work.</summary>
    private bool HasOtherWork => _keptLength == 0 && (!_posted.IsEmpty || EarliestTimeout() <= _now);

    private bool ReceiveSome()
    {
        int budget = _options.ReceiveBatch;
        _takenInTurn = 0;
        bool hasOtherWork = !_readable.IsEmpty && HasOtherWork;
        for (int sockets = _readable.Count; sockets > 0 && budget > 0 && _readable.TryDequeue(out var entry); sockets--)
        {
            if (hasOtherWork && entry.HasNothing)
            {
                _readable.Enqueue(entry); // it is looked at again after that work; until then nobody need watch it
                continue;
            }
            int taken = entry.Receive(budget);
            _takenInTurn += taken;
            budget -= taken;
            _latest = entry;
            ReadClock();
        }
        _metrics.ReportReceived(ref _received);
        return !_readable.IsEmpty;
    }

    private bool Deliver()
    {
        bool mayAnswer = false;
        foreach (var machine in _machines)
        {
            if (machine is not IHostedMachine hosted) continue;
            try
            {
                mayAnswer |= hosted.Deliver(_now);
            }
            catch (Exception error)
            {
                UdxLog.MachineFailed(_logger, error, machine.GetType().Name);
            }
        }
        return mayAnswer;
    }

    private void HandleTimeouts()
    {
        foreach (var machine in _machines)
        {
            if (machine.NextTimeout is not { } due || due > _now) continue;
            try
            {
                machine.HandleTimeout(_now);
            }
            catch (Exception error)
            {
                UdxLog.MachineFailed(_logger, error, machine.GetType().Name);
            }
        }
    }

    private bool RunPosted()
    {
        for (int budget = _options.PostedBatch; budget > 0; budget--)
        {
            if (!_posted.TryDequeue(out var item)) return false;
            try
            {
                item.Work(item.State);
            }
            catch (Exception error)
            {
                UdxLog.PostedWorkFailed(_logger, error);
            }
            SendIfLate();
        }
        return !_posted.IsEmpty;
    }

    private Timestamp? EarliestTimeout()
    {
        Timestamp? earliest = null;
        foreach (var machine in _machines) earliest = Timestamp.Earliest(earliest, machine.NextTimeout);
        return earliest;
    }

    private void Stop()
    {
        _isStopped = true;
        while (RunPosted()) { }
        foreach (var machine in _machines)
        {
            if (machine is not IHostedMachine hosted) continue;
            try
            {
                hosted.OnHostClosing(_now);
            }
            catch (Exception error)
            {
                UdxLog.MachineFailed(_logger, error, machine.GetType().Name);
            }
        }
        SendSome();
        _stopped.TrySetResult();
    }

    private void OnSocketClosed(HostSocket entry, Exception error)
    {
        if (!_sockets.TryRemove(entry.Id.Value, out _)) return;
        UdxLog.SocketFailed(_logger, error, entry.Id.Value);
        _ = CloseAsync(entry);
        Post(static state =>
        {
            var (host, id, error) = ((DatagramHost, SocketId, Exception))state!;
            host.SocketFailed?.Invoke(id, error);
        }, (this, entry.Id, error));
    }
}
