using System.IO.Pipelines;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using PeopleSwarm.Udx;

namespace PeopleSwarm;

/// <summary>Hosts on real loopback sockets.</summary>
internal static class HostKit
{
    /// <summary>How long a test waits for what is to come at once, also on a machine that is busy with other things.</summary>
    public static TimeSpan Limit { get; } = TimeSpan.FromMinutes(1);

    public static UdxMetrics Metrics { get; } = new();

    public static DatagramHost Create(IDatagramSocketFactory? sockets = null, TimeProvider? time = null, DatagramHostOptions? options = null) =>
        new(sockets ?? new UdpDatagramSocketFactory(Options.Create(options ?? new DatagramHostOptions()), Metrics), PipeScheduler.ThreadPool, time ?? TimeProvider.System,
            options ?? new DatagramHostOptions(), Metrics, NullLogger<DatagramHost>.Instance);

    public static UdpEndPoint AnyLoopback => UdpEndPoint.Loopback(0);

    /// <summary>Runs <paramref name="work"/> on the loop and waits for it.</summary>
    public static Task OnLoop(this IDatagramHost host, Action work)
    {
        TaskCompletionSource done = new(TaskCreationOptions.RunContinuationsAsynchronously);
        host.Post(_ =>
        {
            try
            {
                work();
                done.SetResult();
            }
            catch (Exception error)
            {
                done.SetException(error);
            }
        }, null);
        return done.Task.WaitAsync(HostKit.Limit);
    }
}

/// <summary>A machine that records what it gets and sends what it is given.</summary>
internal sealed class ScriptedMachine : IDatagramMachine
{
    private readonly Lock _gate = new();
    private readonly Queue<(byte[] Bytes, Transmit Transmit)> _outbox = new();
    private readonly List<(byte[] Bytes, DatagramSource Source)> _received = [];
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public Func<byte[], bool> Takes { get; init; } = _ => true;
    public Action<Timestamp>? OnTimeout { get; init; }
    public Timestamp? NextTimeout { get; set; }

    public int Count
    {
        get { lock (_gate) return _received.Count; }
    }

    public (byte[] Bytes, DatagramSource Source) this[int index]
    {
        get { lock (_gate) return _received[index]; }
    }

    /// <summary>Transmits not polled yet.</summary>
    public int Waiting
    {
        get { lock (_gate) return _outbox.Count; }
    }

    public void Queue(byte[] bytes, Transmit transmit)
    {
        lock (_gate) _outbox.Enqueue((bytes, transmit with { Length = bytes.Length }));
    }

    public async Task WaitForCount(int count)
    {
        using CancellationTokenSource timeout = new(HostKit.Limit);
        while (true)
        {
            Task changed;
            lock (_gate)
            {
                if (_received.Count >= count) return;
                changed = _changed.Task;
            }
            await changed.WaitAsync(timeout.Token);
        }
    }

    public bool Receive(Timestamp now, ReadOnlySpan<byte> datagram, in DatagramSource source)
    {
        byte[] bytes = datagram.ToArray();
        if (!Takes(bytes)) return false;
        lock (_gate)
        {
            _received.Add((bytes, source));
            _changed.SetResult();
            _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
        }
        return true;
    }

    public void HandleTimeout(Timestamp now)
    {
        NextTimeout = null;
        OnTimeout?.Invoke(now);
    }

    public bool PollTransmit(Timestamp now, Span<byte> buffer, out Transmit transmit)
    {
        lock (_gate)
        {
            transmit = default;
            if (!_outbox.TryDequeue(out var next)) return false;
            next.Bytes.CopyTo(buffer);
            transmit = next.Transmit;
            return true;
        }
    }
}
