using PeopleSwarm.Dht.Messages;

namespace PeopleSwarm.Dht.Rpc;

/// <summary>Our requests in flight: transaction ids, sends, retries, timeouts, and that each completes exactly once (spec dht-rpc, 9).</summary>
internal sealed class RequestTable(
    Timestamp now, RpcSettings settings, LocalIdentity identity, IRandomSource random, Outbox outbox, Deferred deferred, RpcCounters counters)
{
    private readonly Dictionary<ushort, RpcCall> _pending = [];
    private readonly PriorityQueue<(RpcCall Call, int Send), Timestamp> _timers = new();
    private readonly Queue<RpcCall> _waiting = new();
    private readonly RequestWindow _window = new(settings.MaxWindow, now);
    private readonly AdaptiveTimeout? _adaptiveTimeout = settings.AdaptiveTimeout ? new(random) : null;

    public int Count => _pending.Count;

    public bool IsSuspended { get; private set; }

    /// <summary>Called when a request was not answered at all, before its own callback.</summary>
    public Action<Timestamp, RpcCall>? TimedOut { get; set; }

    /// <summary>When a timer is due or waiting requests may leave.</summary>
    public Timestamp? NextTimeout
    {
        get
        {
            Timestamp? due = _timers.TryPeek(out _, out var timer) ? timer : null;
            return _waiting.Count == 0 ? due : Timestamp.Earliest(due, _window.NextSlot);
        }
    }

    /// <summary>Sends a request; <paramref name="done"/> follows exactly once, never inline.</summary>
    /// <exception cref="ArgumentException">The request cannot be sent: its address is not IPv4, has no port, or the datagram would be too large.</exception>
    public RpcCall Send(Timestamp now, in RpcCallRequest request, Action<Timestamp, RpcOutcome> done)
    {
        RequestRules.Check(request, nameof(request));
        bool accepted = !IsSuspended && _pending.Count < settings.MaxRequests;
        var socket = request.Socket ?? identity.DefaultSocket;
        ushort tid = accepted ? NewTid() : (ushort)0;
        var call = new RpcCall(this, tid, request, Encode(tid, request, socket), socket, now, done);
        if (!accepted)
        {
            Settle(call, new(null, IsSuspended ? RpcFailure.Suspended : RpcFailure.LimitReached));
            return call;
        }
        _pending.Add(tid, call);
        counters.Requests++;
        TrySend(now, call);
        return call;
    }

    /// <summary>The request a response belongs to: same id and from the address asked. It stays pending.</summary>
    public RpcCall? Match(ushort tid, in UdpEndPoint from) => _pending.TryGetValue(tid, out var call) && call.To == from ? call : null;

    /// <summary>Takes a matched request out; the caller completes it.</summary>
    public void Complete(Timestamp now, RpcCall call)
    {
        counters.Responses++;
        _adaptiveTimeout?.Learn(now, call.To, now - call.CreatedAt, call.Sends);
        Remove(call);
    }

    public void Cancel(RpcCall call)
    {
        if (call.IsOver) return;
        Remove(call);
        Settle(call, new(null, RpcFailure.Cancelled));
    }

    /// <summary>Fails everything in flight, and what comes until <see cref="Resume"/>.</summary>
    public void Suspend(RpcFailure failure = RpcFailure.Suspended)
    {
        IsSuspended = true;
        FailAll(failure);
        _window.Clear();
    }

    public void Resume() => IsSuspended = false;

    private void FailAll(RpcFailure failure)
    {
        foreach (var call in _pending.Values.ToArray())
        {
            Remove(call);
            Settle(call, new(null, failure));
        }
        _timers.Clear();
        _waiting.Clear();
    }

    public void HandleTimeout(Timestamp now)
    {
        while (_timers.TryPeek(out var timer, out var due) && (due <= now || IsStale(timer)))
        {
            _timers.Dequeue();
            if (!IsStale(timer)) OnSilence(now, timer.Call);
        }
        _window.Advance(now);
        while (!_window.IsFull && _waiting.TryDequeue(out var call))
        {
            if (!call.IsOver) SendNow(now, call);
        }
    }

    private void OnSilence(Timestamp now, RpcCall call)
    {
        if (call.Slow is { } slow)
        {
            call.Slow = null;
            slow(now);
            if (call.IsOver) return;
        }
        if (call.Sends <= call.Retries)
        {
            counters.Retries++;
            TrySend(now, call);
            return;
        }
        Remove(call);
        counters.Timeouts++;
        TimedOut?.Invoke(now, call);
        call.Done(now, new(null, RpcFailure.TimedOut));
    }

    private void TrySend(Timestamp now, RpcCall call)
    {
        _window.Advance(now);
        if (_window.IsFull && !call.Force) _waiting.Enqueue(call);
        else SendNow(now, call);
    }

    private void SendNow(Timestamp now, RpcCall call)
    {
        call.Sends++;
        call.LastSentAt = now;
        _window.Sent();
        outbox.SendKept(call.Datagram, call.To, call.Socket, call.Ttl);
        _timers.Enqueue((call, call.Sends), now + (call.Timeout ?? _adaptiveTimeout?.For(now, call.To, call.Sends) ?? RpcProtocol.RequestTimeout));
    }

    private static bool IsStale((RpcCall Call, int Send) timer) => timer.Call.IsOver || timer.Call.Sends != timer.Send;

    private void Remove(RpcCall call)
    {
        call.IsOver = true;
        _pending.Remove(call.Tid);
        if (call.Sends > 0) _window.Settled();
        while (_timers.TryPeek(out var timer, out _) && IsStale(timer)) _timers.Dequeue();
    }

    private void Settle(RpcCall call, RpcOutcome outcome)
    {
        call.IsOver = true;
        deferred.Post(now => call.Done(now, outcome));
    }

    /// <summary>Random, so that a stranger cannot guess it, and in use by no other request.</summary>
    private ushort NewTid()
    {
        while (true)
        {
            ushort tid = (ushort)random.NextUInt32();
            if (!_pending.ContainsKey(tid)) return tid;
        }
    }

    private byte[] Encode(ushort tid, in RpcCallRequest request, SocketId socket)
    {
        var message = new RpcRequestMessage
        {
            Tid = tid,
            To = request.To,
            Id = identity.IdOn(socket),
            Token = request.Token is { } token ? token.Span : default,
            IsInternal = request.IsInternal,
            Command = request.Command,
            Target = request.Target,
            HasValue = request.Value is not null,
            Value = request.Value is { } value ? value.Span : default,
        };
        var datagram = new byte[message.Size];
        message.Write(datagram);
        return datagram;
    }
}
