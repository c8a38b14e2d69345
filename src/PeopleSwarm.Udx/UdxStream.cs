using System.IO.Pipelines;
using PeopleSwarm.Udx;
using PeopleSwarm.Udx.Protocol;

namespace PeopleSwarm;

/// <summary>A UDX stream: reliable, ordered, both ways, over UDP.</summary>
/// <remarks>
/// <para>Writes are kept until the peer has acknowledged them; a flush waits while a megabyte is unacknowledged, or, on
/// a path that holds more, while half a megabyte is unsent or <see cref="UdxOptions.SendBuffer"/> bytes are unacknowledged; while more than
/// eight streams of a transport send, each holds less.
/// A reader that stops costs at most <see cref="UdxOptions.ReceiveWindow"/> bytes; bytes it has examined without consuming them
/// count as read, so a long message can be waited for. <see cref="Input"/> completed early drops what still comes and lets the peer go on to its end.</para>
/// <para>Spec: udx, 5, 8, 14 and 16. Safe on any thread; each pipe end takes one caller.</para>
/// </remarks>
public sealed partial class UdxStream : IReliableStream
{
    private const int IPv4Overhead = StreamMachine.HeaderIPv4 + UdxHeader.Size, IPv6Overhead = StreamMachine.HeaderIPv6 + UdxHeader.Size;

    private sealed record Path(uint RemoteId, DatagramSource Remote);

    private readonly UdxTransport _transport;
    private readonly ReliableStreamOptions _options;
    private readonly StreamSignal _signal;
    private readonly SendPipe _send;
    private readonly ReceivePipe _receive;
    private readonly Lock _gate = new();
    private readonly TaskCompletionSource<StreamClose> _closed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private StreamMachine? _machine;
    private volatile Path? _path;
    private volatile bool _isClosed;
    private volatile bool _isRelaying;
    private int _postedMessages;
    private Task? _disposal;
    private volatile Task? _lingering; // disposed, and the peer has not ended yet

    internal UdxStream(UdxTransport transport, uint localId, ReliableStreamOptions options)
    {
        _transport = transport;
        _options = options;
        LocalId = localId;
        _signal = new StreamSignal(transport.Signals, this);
        _send = new SendPipe(transport.SendPipeOptions, _signal, transport.SendShares, transport.Options.SendBuffer);
        _receive = new ReceivePipe(transport.ReceivePipeOptions, _signal, transport.Options.ReceiveWindow / 8);
    }

    /// <inheritdoc/>
    public uint LocalId { get; }

    /// <inheritdoc/>
    public uint RemoteId => _path?.RemoteId ?? 0;

    /// <inheritdoc/>
    public DatagramSource Remote => _path?.Remote ?? default;

    /// <inheritdoc/>
    public bool IsConnected => _path is not null;

    /// <inheritdoc/>
    public PipeReader Input => _receive.Input;

    /// <inheritdoc/>
    public PipeWriter Output => _send.Output;

    /// <inheritdoc/>
    public long BytesReceived => _machine?.BytesReceived ?? 0;

    /// <inheritdoc/>
    public long BytesAcknowledged => Volatile.Read(ref _acknowledged);

    /// <inheritdoc/>
    public TimeSpan RoundTripTime => _machine?.RoundTripTime ?? TimeSpan.Zero;

    /// <inheritdoc/>
    public Task<StreamClose> Closed => _closed.Task;

    /// <summary>The size of IP packets that the path is known to carry, headers included, in bytes.</summary>
    public int Mtu => _machine?.Mtu ?? _transport.Options.BaseMtu;

    private IDatagramHost Host => _transport.Host;

    private int MaxMessage => Mtu - (Remote.From.IsIPv4 ? IPv4Overhead : IPv6Overhead);

    /// <inheritdoc/>
    public void Connect(SocketId socket, uint remoteId, UdpEndPoint remote)
    {
        ThrowIfNoPath(socket, remote);
        lock (_gate)
        {
            ThrowIfClosed();
            if (_path is not null) throw new InvalidOperationException("The stream is connected already.");
            _path = new Path(remoteId, new DatagramSource(remote, socket));
        }
        Run(static (stream, path) =>
        {
            stream.Machine.Connect(stream.Host.Now, path.Remote.Socket, path.RemoteId, path.Remote.From);
            UdxLog.StreamConnected(stream._transport.Logger, stream.LocalId, path.RemoteId, path.Remote.From);
        }, _path);
    }

    /// <inheritdoc/>
    public void ChangeRemote(SocketId socket, uint remoteId, UdpEndPoint remote)
    {
        ThrowIfNoPath(socket, remote);
        Path path = new(remoteId, new DatagramSource(remote, socket));
        lock (_gate)
        {
            ThrowIfClosed();
            if (_path is null) throw new InvalidOperationException("The stream is not connected.");
            _path = path;
        }
        Run(static (stream, path) => stream.Machine.ChangeRemote(stream.Host.Now, path.Remote.Socket, path.RemoteId, path.Remote.From), path);
    }

    /// <inheritdoc/>
    public void RelayTo(IReliableStream destination, RelayFilter? filter = null)
    {
        ArgumentNullException.ThrowIfNull(destination);
        if (ReferenceEquals(destination, this)) throw new ArgumentException("A stream cannot relay to itself.", nameof(destination));
        if (destination is not UdxStream target || !ReferenceEquals(target._transport, _transport))
            throw new ArgumentException("Both streams must be of one transport.", nameof(destination));
        if (target._isClosed) throw new InvalidOperationException("The destination is closed.");
        lock (_gate)
        {
            ThrowIfClosed();
            if (_isRelaying) throw new InvalidOperationException("The stream relays already.");
            _isRelaying = true;
        }
        Run(static (stream, relay) =>
        {
            if (relay.Target._isClosed) stream.Machine.Abort(stream.Host.Now, StreamCloseReason.LocalAbort, null);
            else stream.Machine.RelayTo(stream.Host.Now, relay.Target.Machine, relay.Filter);
        }, new Relaying(target, filter));
    }

    /// <inheritdoc/>
    public bool TryProbe(SocketId socket, UdpEndPoint remote)
    {
        ThrowIfNoPath(socket, remote);
        if (_isClosed || _path is null || _isRelaying) return false;
        Run(static (stream, path) => stream.Machine.TryProbe(path.Remote), new Path(0, new DatagramSource(remote, socket)));
        return true;
    }

    /// <inheritdoc/>
    public bool TrySendMessage(ReadOnlySpan<byte> message)
    {
        if (_isClosed || _path is null) return false;
        if (Host.IsCurrent)
        {
            bool isSent = Machine.TrySendMessage(Host.Now, message);
            Host.Wake();
            return isSent;
        }
        if (message.Length > MaxMessage) return false;
        if (Interlocked.Increment(ref _postedMessages) > _transport.Options.MaxPostedMessages)
        {
            Interlocked.Decrement(ref _postedMessages);
            return false;
        }
        Host.Post(static state =>
        {
            var (stream, message) = ((UdxStream, byte[]))state!;
            Interlocked.Decrement(ref stream._postedMessages);
            if (!stream._isClosed) stream.Machine.TrySendMessage(stream.Host.Now, message);
        }, (this, message.ToArray()));
        return true;
    }

    /// <inheritdoc/>
    public void Abort(Exception? error = null) => Abort(StreamCloseReason.LocalAbort, error);

    /// <summary>Ends our direction and waits until the peer has acknowledged that and all that was flushed; unread bytes are dropped. It does not wait for
    /// the peer's own end: the stream sees to that by itself, <see cref="Closed"/> tells when. What is not done within <see cref="UdxOptions.Linger"/> is
    /// cut off.</summary>
    public ValueTask DisposeAsync()
    {
        lock (_gate) return new(_disposal ??= CloseAsync());
    }

    private async Task CloseAsync()
    {
        _receive.Input.Discard();
        EndOutput(StreamCloseReason.LocalAbort);
        _lingering = LingerAsync();
        await Task.WhenAny(WaitForEndAcknowledgedAsync(), _lingering).ConfigureAwait(false);
    }

    private async Task LingerAsync()
    {
        try
        {
            await _closed.Task.WaitAsync(_transport.Options.Linger, Host.TimeProvider).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            Abort();
            await _closed.Task.ConfigureAwait(false);
        }
    }

    /// <summary>
    /// The transport ends: our direction does, and the peer has acknowledged all that was flushed, or the stream has closed, or the time is over.
    /// A stream that was disposed may wait for its peer's end as long as it would have.
    /// </summary>
    internal async Task EndAsync(TimeSpan limit)
    {
        if (_lingering is { } lingering)
        {
            await lingering.ConfigureAwait(false);
            return;
        }
        EndOutput(StreamCloseReason.TransportClosed);
        try
        {
            using (CancellationTokenSource timeout = new(limit, Host.TimeProvider)) await FlushAcknowledgedAsync(timeout.Token).ConfigureAwait(false);
            // The peer has everything; that it ends in order, too, is worth one repetition.
            var patience = 2 * (RoundTripTime + _transport.Options.MinRto);
            if (RoundTripTime == default || patience > limit) return;
            await Task.WhenAny(WaitForEndAcknowledgedAsync(), _closed.Task).WaitAsync(patience, Host.TimeProvider).ConfigureAwait(false);
        }
        catch (Exception error) when (error is OperationCanceledException or TimeoutException or UdxException)
        {
            UdxLog.FlushGivenUp(_transport.Logger, LocalId, _send.Output.Flushed - BytesAcknowledged);
        }
    }

    /// <param name="reason">What a writer that goes on is told, and why a stream closes that cannot end in order because it has no peer.</param>
    private void EndOutput(StreamCloseReason reason)
    {
        _send.Output.End(reason);
        if (_path is null || _isRelaying) Abort(reason, null);
    }

    internal void Abort(StreamCloseReason reason, Exception? error)
    {
        if (_isClosed) return;
        Run(static (stream, close) => stream.Machine.Abort(stream.Host.Now, close.Reason, close.Error), new Closing(reason, error));
    }

    private sealed record Relaying(UdxStream Target, RelayFilter? Filter);

    private sealed record Closing(StreamCloseReason Reason, Exception? Error);

    /// <summary>Runs on the loop: now if we are there, else posted. Nothing is done once the stream is closed.</summary>
    private void Run<T>(Action<UdxStream, T> command, T argument) where T : class
    {
        if (Host.IsCurrent)
        {
            if (!_isClosed) command(this, argument);
            Host.Wake();
            return;
        }
        Host.Post(static state =>
        {
            var (stream, command, argument) = ((UdxStream, Action<UdxStream, T>, T))state!;
            if (!stream._isClosed) command(stream, argument);
        }, (this, command, argument));
    }

    private void ThrowIfNoPath(SocketId socket, UdpEndPoint remote)
    {
        if (remote.Port == 0) throw new ArgumentException("The port of a peer is never 0.", nameof(remote));
        Host.GetLocalEndPoint(socket);
    }

    private void ThrowIfClosed()
    {
        if (_isClosed) throw new InvalidOperationException("The stream is closed.");
    }
}
