using System.Diagnostics;
using PeopleSwarm.Udx;
using PeopleSwarm.Udx.Protocol;

namespace PeopleSwarm;

/// <summary>What happens on the loop.</summary>
public sealed partial class UdxStream : IStreamEvents
{
    private List<AcknowledgementWaiter>? _waiters; // since somebody waited for the first time
    private int _waiterCount;
    private TaskCompletionSource? _heard; // while somebody waits for the peer
    private bool _isHeard;
    private TaskCompletionSource? _endAcknowledged; // while somebody waits for it
    private bool _isEndAcknowledged;
    private StreamCloseReason _closeReason; // once closed
    private long _acknowledged;

    private sealed class AcknowledgementWaiter(long offset) : TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)
    {
        public long Offset { get; } = offset;
    }

    /// <summary>The machine, made when the loop first needs it.</summary>
    private StreamMachine Machine
    {
        get
        {
            Debug.Assert(Host.IsCurrent, "Stream machines belong to the loop.");
            return _machine ??= _transport.Endpoint.CreateStream(LocalId, _send, _receive, this);
        }
    }

    /// <inheritdoc/>
    public ValueTask FlushAcknowledgedAsync(CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        long offset = _send.Output.Flushed;
        if (BytesAcknowledged >= offset) return ValueTask.CompletedTask;
        AcknowledgementWaiter waiter = new(offset);
        lock (_gate)
        {
            if (_isClosed) return ValueTask.FromException(ClosedEarly());
            (_waiters ??= []).Add(waiter);
            Interlocked.Increment(ref _waiterCount);
        }
        if (BytesAcknowledged >= offset) waiter.TrySetResult();
        return new(WaitAsync(waiter, cancellationToken));
    }

    private async Task WaitAsync(AcknowledgementWaiter waiter, CancellationToken cancellationToken)
    {
        try
        {
            await waiter.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            lock (_gate)
            {
                if (_waiters!.Remove(waiter)) _waiterCount--;
            }
        }
    }

    /// <inheritdoc/>
    public ValueTask WaitForPeerAsync(CancellationToken cancellationToken = default)
    {
        lock (_gate)
        {
            if (_isHeard) return ValueTask.CompletedTask;
            if (_isClosed) return ValueTask.FromException(ClosedEarly());
            _heard ??= new(TaskCreationOptions.RunContinuationsAsynchronously);
            return new(_heard.Task.WaitAsync(cancellationToken));
        }
    }

    void IStreamEvents.OnHeard()
    {
        lock (_gate)
        {
            _isHeard = true;
            _heard?.TrySetResult();
            _heard = null;
        }
    }

    internal void CreateMachine()
    {
        if (_isClosed || _machine is not null) return;
        try
        {
            _ = Machine;
        }
        catch (ArgumentException error)
        {
            // The id is one that a closed stream still answers to, or was made on the endpoint directly.
            OnClosed(new StreamClose(StreamCloseReason.TransportClosed, error));
        }
    }

    /// <summary>Does what the pipe ends or the machine asked for.</summary>
    internal void Serve(StreamSignals signals, Timestamp now)
    {
        if ((signals & StreamSignals.Received) != 0) _receive.Flush();
        if (_isClosed) return;
        if ((signals & (StreamSignals.Written | StreamSignals.Acknowledged)) != 0 && _send.Refresh(_machine?.MinimumRoundTrip ?? default)) Machine.Written(now);
        if ((signals & StreamSignals.Consumed) != 0) Machine.Consumed(now);
    }

    bool IStreamEvents.AcceptPath(in DatagramSource source)
    {
        if (_options.AcceptPath is not { } accept) return false;
        try
        {
            return accept(this, source);
        }
        catch (Exception error)
        {
            OnFailed(error);
            return false;
        }
    }

    void IStreamEvents.OnPathProved(in DatagramSource source)
    {
        try
        {
            _options.OnPathProved?.Invoke(this, source);
        }
        catch (Exception error)
        {
            OnFailed(error);
        }
    }

    void IStreamEvents.OnFollowed(in DatagramSource before, in DatagramSource remote)
    {
        lock (_gate)
        {
            if (_path is { } path && path.Remote == before) _path = path with { Remote = remote }; // unless a change is on its way to the loop
        }
    }

    void IStreamEvents.OnMessage(ReadOnlySpan<byte> message)
    {
        try
        {
            _options.OnMessage?.Invoke(message);
        }
        catch (Exception error)
        {
            OnFailed(error);
        }
    }

    /// <summary>Something threw on the loop: the stream is aborted, later and not from inside a machine's call.</summary>
    internal void OnFailed(Exception error)
    {
        UdxLog.StreamFailed(_transport.Logger, error, LocalId);
        Host.Post(static state =>
        {
            var (stream, error) = ((UdxStream, Exception))state!;
            stream.Abort(error);
        }, (this, error));
    }

    void IStreamEvents.OnAcknowledged(long offset)
    {
        Interlocked.Exchange(ref _acknowledged, offset);
        _signal.RaiseOnLoop(StreamSignals.Acknowledged);
        if (Volatile.Read(ref _waiterCount) == 0) return;
        lock (_gate)
        {
            foreach (var waiter in _waiters!)
            {
                if (waiter.Offset <= offset) waiter.TrySetResult();
            }
        }
    }

    private Task WaitForEndAcknowledgedAsync()
    {
        lock (_gate)
        {
            if (_isEndAcknowledged) return Task.CompletedTask;
            return (_endAcknowledged ??= new(TaskCreationOptions.RunContinuationsAsynchronously)).Task;
        }
    }

    void IStreamEvents.OnEndAcknowledged()
    {
        lock (_gate)
        {
            _isEndAcknowledged = true;
            _endAcknowledged?.TrySetResult();
        }
    }

    void IStreamEvents.OnClosed(in StreamClose close) => OnClosed(close);

    private void OnClosed(in StreamClose close)
    {
        bool isClean = close.Reason == StreamCloseReason.Completed;
        var error = isClean ? null : new UdxException(close.Reason, close.Error);
        lock (_gate)
        {
            if (_isClosed) return;
            _closeReason = close.Reason;
            _isClosed = true;
            if (_heard?.TrySetException(error ?? new UdxException(close.Reason)) == true) _ = _heard.Task.Exception; // who waited may have given up
            _heard = null;
            foreach (var waiter in _waiters ?? [])
            {
                if (error is null || waiter.Offset <= BytesAcknowledged) waiter.TrySetResult();
                else waiter.TrySetException(error);
            }
        }
        _receive.Flush();
        _receive.Close(error);
        _send.Close(error);
        _transport.OnClosed(this, close);
        UdxLog.StreamClosed(_transport.Logger, close.Error, LocalId, close.Reason);
        _closed.TrySetResult(close);
    }

    private UdxException ClosedEarly() => new(_closeReason);
}
