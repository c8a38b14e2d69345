using PeopleSwarm.Protomux.Protocol;

namespace PeopleSwarm.Protomux;

/// <summary>The machine with a channel below it: one loop reads, whoever has something to send writes.</summary>
internal sealed class Mux : IProtomux, IMuxEvents
{
    private const int MaxWaitingFrames = 1024; // a peer that makes us answer and does not read is not read either

    private static readonly TimeSpan s_goodbyeTimeout = TimeSpan.FromSeconds(5);

    private readonly IMessageChannel _channel;
    private readonly ProtomuxOptions _options;
    private readonly MuxMachine _machine;
    private readonly Lock _gate = new();
    private readonly SemaphoreSlim _writing = new(1, 1);
    private readonly Dictionary<string, Func<ReadOnlyMemory<byte>, ValueTask>> _handlers = [];
    private readonly HashSet<MuxChannel> _channels = [];
    private readonly List<NameState> _peerOpened = [];
    private TaskCompletionSource? _room;
    private IOException? _failure;
    private bool _isClosed, _isRunning;

    public Mux(IMessageChannel channel, ProtomuxOptions options)
    {
        Require(options.MaxChannels, 1, 1_048_576, nameof(options.MaxChannels));
        Require(options.MaxPendingOpens, 1, 65_536, nameof(options.MaxPendingOpens));
        Require(options.MaxBufferedBytes, 1024, 1 << 30, nameof(options.MaxBufferedBytes));
        Require(options.MaxBatchMessages, 1, 16 * 1024 * 1024, nameof(options.MaxBatchMessages));
        Require(options.MaxBatchBytes, 64, 16_000_000, nameof(options.MaxBatchBytes));
        (_channel, _options) = (channel, options);
        _machine = new(options, this);

        static void Require(int value, int min, int max, string name)
        {
            if (value < min || value > max) throw new ArgumentOutOfRangeException(nameof(options), value, $"{name} is {min} to {max}.");
        }
    }

    public async Task RunAsync(CancellationToken cancellationToken = default)
    {
        lock (_gate)
        {
            if (_isRunning) throw new InvalidOperationException("The multiplexer runs already.");
            _isRunning = true;
        }
        try
        {
            while (true)
            {
                await WaitForRoomAsync(cancellationToken).ConfigureAwait(false);
                if (await _channel.ReadMessageAsync(cancellationToken).ConfigureAwait(false) is not { } message) break;
                Receive(message.Span);
            }
            Shut(null);
        }
        catch (IOException error)
        {
            Shut(error);
            throw;
        }
        catch (OperationCanceledException)
        {
            Shut(new IOException("The multiplexer was stopped."));
            throw;
        }
    }

    public IProtomuxChannel Open(string protocol, ReadOnlyMemory<byte> id = default, ReadOnlyMemory<byte> handshake = default, bool isUnique = true)
    {
        ArgumentException.ThrowIfNullOrEmpty(protocol);
        MuxChannel channel;
        lock (_gate)
        {
            ThrowIfClosed();
            channel = new(this, protocol, id.ToArray());
            channel.State = _machine.Open(new(protocol, id.ToArray()), handshake.Span, isUnique, channel)
                ?? throw new InvalidOperationException("A channel of the name is open, or there are too many channels.");
            _channels.Add(channel);
            channel.TakeOpening();
        }
        Pump();
        return channel;
    }

    public void OnOpen(string protocol, Func<ReadOnlyMemory<byte>, ValueTask>? opened)
    {
        ArgumentException.ThrowIfNullOrEmpty(protocol);
        lock (_gate)
        {
            if (opened is null) _handlers.Remove(protocol);
            else _handlers[protocol] = opened;
        }
    }

    public IDisposable Cork()
    {
        lock (_gate) _machine.Cork();
        return new Corking(this);
    }

    public async ValueTask DisposeAsync()
    {
        lock (_gate)
        {
            if (!_isClosed)
                foreach (var channel in _channels.ToArray()) _machine.Close(channel.State!);
        }
        try
        {
            await SayGoodbyeAsync().WaitAsync(s_goodbyeTimeout).ConfigureAwait(false);
        }
        catch (TimeoutException error)
        {
            _channel.Abort(error); // a peer that does not read
        }
        Shut(null);
        await _channel.DisposeAsync().ConfigureAwait(false);
    }

    void IMuxEvents.OnOpened(LocalChannel channel, byte[] handshake) => ((MuxChannel)channel.Owner).OnOpened(handshake);

    void IMuxEvents.OnMessage(LocalChannel channel) => ((MuxChannel)channel.Owner).Signal();

    void IMuxEvents.OnClosed(LocalChannel channel) => Remove((MuxChannel)channel.Owner);

    void IMuxEvents.OnPeerOpened(NameState name) => _peerOpened.Add(name);

    internal async ValueTask SendAsync(MuxChannel channel, int type, ReadOnlyMemory<byte> body, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            ThrowIfClosed();
            if (!_machine.TrySend(channel.State!, type, body.Span)) throw new IOException("The channel is closed.");
        }
        try
        {
            await WriteWaitingAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            Pump(); // who waits no longer has sent the message all the same
            throw;
        }
    }

    internal async ValueTask<ProtomuxMessage?> ReceiveAsync(MuxChannel channel, CancellationToken cancellationToken)
    {
        while (true)
        {
            Task signal;
            lock (_gate)
            {
                if (_machine.TryTake(channel.State!, out var message))
                {
                    SignalRoom();
                    return message;
                }
                if (channel.State!.State == ChannelState.Closed || _isClosed)
                {
                    if (_failure is { } failure) throw new IOException(failure.Message, failure);
                    return null;
                }
                signal = channel.NextSignal();
            }
            await signal.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    internal void Close(MuxChannel channel)
    {
        lock (_gate)
        {
            if (_isClosed) return;
            _machine.Close(channel.State!);
            Remove(channel);
            SignalRoom();
        }
        Pump();
    }

    private void Receive(ReadOnlySpan<byte> message)
    {
        MuxFault fault;
        lock (_gate)
        {
            _machine.Cork(); // answers to one message are one message
            fault = _machine.Receive(message);
            foreach (var name in _peerOpened)
            {
                if (_handlers.TryGetValue(name.Name.Protocol, out var handler)) _ = DecideAsync(name, handler);
                else _machine.Decided(name);
            }
            _peerOpened.Clear();
            _machine.Uncork();
        }
        if (fault == MuxFault.None)
        {
            Pump();
            return;
        }
        var error = new ProtomuxException(fault switch
        {
            MuxFault.InvalidOpen => "The peer opened a channel out of turn.",
            MuxFault.InvalidReject => "The peer rejected what was not asked.",
            MuxFault.TooManyChannels => $"The peer opened more than {_options.MaxChannels} channels.",
            MuxFault.TooManyMessages => $"The peer sent more than {_options.MaxBatchMessages} messages in one batch.",
            _ => "A message of the peer is malformed.",
        });
        _channel.Abort(error);
        throw error;
    }

    private async Task DecideAsync(NameState name, Func<ReadOnlyMemory<byte>, ValueTask> handler)
    {
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding); // not under the lock
        try
        {
            await handler(name.Name.Id).ConfigureAwait(false);
        }
        catch (Exception error) // the application's: as in the reference, the connection does not survive it
        {
            _channel.Abort(error);
        }
        lock (_gate)
        {
            if (!_isClosed) _machine.Decided(name);
        }
        Pump();
    }

    private Task WaitForRoomAsync(CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            if (_isClosed) throw new IOException("The multiplexer is closed.");
            if (HasRoom) return Task.CompletedTask;
            _room = new(TaskCreationOptions.RunContinuationsAsynchronously);
            return _room.Task.WaitAsync(cancellationToken);
        }
    }

    private bool HasRoom => _machine.BufferedBytes <= _options.MaxBufferedBytes && _machine.FrameCount <= MaxWaitingFrames;

    private void SignalRoom()
    {
        if (_room is null || !(HasRoom || _isClosed)) return;
        _room.TrySetResult();
        _room = null;
    }

    /// <summary>Writes what waits without anybody waiting for it.</summary>
    private void Pump() => _ = PumpAsync();

    private async Task PumpAsync()
    {
        try
        {
            await WriteWaitingAsync(CancellationToken.None).ConfigureAwait(false);
        }
        catch (IOException error)
        {
            Shut(error);
        }
    }

    private async Task WriteWaitingAsync(CancellationToken cancellationToken)
    {
        await _writing.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            while (TryTakeFrame(out byte[] frame)) await _channel.WriteMessageAsync(frame, CancellationToken.None).ConfigureAwait(false);
        }
        catch (Exception error) when (error is InvalidOperationException or ArgumentException)
        {
            throw new IOException("The channel below does not take the message.", error);
        }
        finally
        {
            _writing.Release();
        }
    }

    /// <summary>Writes what waits; its end may come after nobody waits for it any more, so it never faults.</summary>
    private async Task SayGoodbyeAsync()
    {
        try
        {
            await WriteWaitingAsync(CancellationToken.None).ConfigureAwait(false);
        }
        catch (IOException error)
        {
            _channel.Abort(error); // broken already
        }
    }

    private bool TryTakeFrame(out byte[] frame)
    {
        lock (_gate)
        {
            bool any = _machine.TryTakeFrame(out frame);
            SignalRoom();
            return any;
        }
    }

    private void Remove(MuxChannel channel)
    {
        if (_channels.Remove(channel)) channel.OnClosed();
    }

    private void Shut(IOException? failure)
    {
        lock (_gate)
        {
            if (_isClosed) return;
            (_isClosed, _failure) = (true, failure);
            foreach (var channel in _channels.ToArray()) Remove(channel);
            SignalRoom();
        }
    }

    private void ThrowIfClosed()
    {
        if (_isClosed) throw new IOException("The multiplexer is closed.", _failure);
    }

    private sealed class Corking(Mux mux) : IDisposable
    {
        private int _isDisposed;

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _isDisposed, 1) != 0) return;
            lock (mux._gate) mux._machine.Uncork();
            mux.Pump();
        }
    }
}
