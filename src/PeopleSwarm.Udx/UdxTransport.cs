using System.Collections.Concurrent;
using System.Diagnostics;
using System.IO.Pipelines;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using PeopleSwarm.Udx.Protocol;

namespace PeopleSwarm.Udx;

/// <summary>The streams of one host: an endpoint driven by its loop, and the signals that come from pipe ends.</summary>
internal sealed class UdxTransport : IReliableTransport, IHostedMachine
{
    private readonly ConcurrentDictionary<uint, UdxStream> _streams = new();
    private readonly UdxMetrics _metrics;
    private readonly IRandomSource _random;
    private readonly PipeBlockPool _blocks;
    private readonly Lock _gate = new();
    private int _streamCount;
    private volatile bool _isDisposed;
    private Task? _disposal;

    public UdxTransport(IDatagramHost host, UdxOptions options, IRandomSource random, PipeScheduler scheduler, UdxMetrics metrics, ILogger<UdxTransport> logger)
    {
        Host = host;
        Options = options;
        Logger = logger;
        _metrics = metrics;
        _random = random;
        Endpoint = new UdxEndpoint(options, random);
        Signals = new SignalStack(host.Wake, host is DatagramHost own ? own.SendNow : host.Wake);
        _blocks = new PipeBlockPool(options.MaxKeptBytes);
        SendPipeOptions = new PipeOptions(_blocks, readerScheduler: PipeScheduler.Inline, writerScheduler: (host as DatagramHost)?.WriterScheduler ?? scheduler,
            minimumSegmentSize: PipeSegments.SmallestWritten, pauseWriterThreshold: 0, resumeWriterThreshold: 0, useSynchronizationContext: false);
        ReceivePipeOptions = new PipeOptions(_blocks, readerScheduler: (host as DatagramHost)?.ReaderScheduler ?? scheduler,
            writerScheduler: PipeScheduler.Inline, minimumSegmentSize: PipeSegments.Smallest,
            pauseWriterThreshold: 0, resumeWriterThreshold: 0, useSynchronizationContext: false);
        host.SocketFailed += OnSocketFailed;
        host.Attach(this);
    }

    public IDatagramHost Host { get; }

    public int StreamCount => Volatile.Read(ref _streamCount);

    public Timestamp? NextTimeout => Timestamp.Earliest(Endpoint.NextTimeout, _blocks.TrimAt(Host.Now));

    internal UdxOptions Options { get; }
    internal ILogger Logger { get; }
    internal UdxEndpoint Endpoint { get; }
    internal SignalStack Signals { get; }
    internal SendShares SendShares { get; } = new();
    internal PipeOptions SendPipeOptions { get; }
    internal PipeOptions ReceivePipeOptions { get; }

    public IReliableStream CreateStream(ReliableStreamOptions? options = null)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        options ??= new ReliableStreamOptions();
        if (Interlocked.Increment(ref _streamCount) > Options.MaxStreams)
        {
            Interlocked.Decrement(ref _streamCount);
            throw new InvalidOperationException($"The transport holds {Options.MaxStreams} streams, as many as its options allow.");
        }
        var stream = Register(options);
        if (_isDisposed) // meanwhile: nobody would end the stream
        {
            if (_streams.TryRemove(KeyValuePair.Create(stream.LocalId, stream))) Interlocked.Decrement(ref _streamCount);
            throw new ObjectDisposedException(nameof(IReliableTransport));
        }
        _metrics.StreamOpened();
        if (Host.IsCurrent) stream.CreateMachine();
        else Host.Post(static stream => ((UdxStream)stream!).CreateMachine(), stream);
        return stream;
    }

    private UdxStream Register(ReliableStreamOptions options)
    {
        if (options.LocalId is { } id)
        {
            UdxStream stream = new(this, id, options);
            if (_streams.TryAdd(id, stream)) return stream;
            Interlocked.Decrement(ref _streamCount);
            throw new ArgumentException($"The stream id {id} is in use.", nameof(options));
        }
        while (true)
        {
            UdxStream stream = new(this, _random.NextUInt32(), options);
            if (_streams.TryAdd(stream.LocalId, stream)) return stream;
        }
    }

    internal void OnClosed(UdxStream stream, in StreamClose close)
    {
        if (!_streams.TryRemove(KeyValuePair.Create(stream.LocalId, stream))) return;
        Interlocked.Decrement(ref _streamCount);
        _metrics.StreamClosed(close.Reason);
    }

    public bool Receive(Timestamp now, ReadOnlySpan<byte> datagram, in DatagramSource source)
    {
        Debug.Assert(Host.IsCurrent, "The transport belongs to the loop.");
        if (Endpoint.Receive(now, datagram, source)) return true;
        if (!UdxPacket.TryParse(datagram, out var packet) || !_streams.TryGetValue(packet.Header.StreamId, out var stream)) return false;
        stream.CreateMachine(); // made on another thread a moment ago
        return Endpoint.Receive(now, datagram, source);
    }

    public void HandleTimeout(Timestamp now)
    {
        Endpoint.HandleTimeout(now);
        _blocks.Trim(now);
    }

    public bool PollTransmit(Timestamp now, Span<byte> buffer, out Transmit transmit)
    {
        do
        {
            ServeSignals(now);
            if (Endpoint.PollTransmit(now, buffer, out transmit)) return true;
        }
        while (!Signals.IsEmpty);
        return false;
    }

    bool IHostedMachine.Deliver(Timestamp now) => (ServeSignals(now) & StreamSignals.Received) != 0;

    private StreamSignals ServeSignals(Timestamp now)
    {
        var served = StreamSignals.None;
        for (var signal = Signals.TakeAll(); signal is not null;)
        {
            var next = signal.Next; // before Take, which lets the signal be pushed again
            signal.Next = null; // or a quiet stream would hold on to one that closes
            var signals = signal.Take();
            served |= signals;
            try
            {
                signal.Stream.Serve(signals, now);
            }
            catch (Exception error)
            {
                signal.Stream.OnFailed(error); // the other signals are served all the same
            }
            signal = next;
        }
        return served;
    }

    void IHostedMachine.OnHostClosing(Timestamp now)
    {
        _isDisposed = true;
        AbortAll(null);
    }

    private void OnSocketFailed(SocketId socket, Exception error)
    {
        foreach (var stream in _streams.Values)
        {
            if (stream.IsConnected && stream.Remote.Socket == socket) stream.Abort(StreamCloseReason.TransportClosed, error);
        }
    }

    private void AbortAll(Exception? error)
    {
        foreach (var stream in _streams.Values) stream.Abort(StreamCloseReason.TransportClosed, error);
    }

    /// <summary>Ends every stream, waits within the linger time until what they flushed is acknowledged, and aborts the rest.</summary>
    public ValueTask DisposeAsync()
    {
        lock (_gate) return new(_disposal ??= CloseAsync());
    }

    private async Task CloseAsync()
    {
        _isDisposed = true;
        var streams = _streams.Values;
        await Task.WhenAll(streams.Select(stream => stream.EndAsync(Options.Linger))).ConfigureAwait(false);
        AbortAll(null);
        await Task.WhenAll(streams.Select(stream => stream.Closed)).ConfigureAwait(false);
        Host.SocketFailed -= OnSocketFailed;
        Host.Detach(this);
    }
}

/// <summary>Makes UDX transports.</summary>
internal sealed class UdxTransportFactory(IOptions<UdxOptions> options, IRandomSource random, PipeScheduler scheduler, UdxMetrics metrics,
    ILoggerFactory? loggers = null) : IReliableTransportFactory
{
    private readonly UdxOptions _options = options.Value;
    private readonly ILogger<UdxTransport> _logger = (loggers ?? NullLoggerFactory.Instance).CreateLogger<UdxTransport>();

    public IReliableTransport Create(IDatagramHost host)
    {
        ArgumentNullException.ThrowIfNull(host);
        return new UdxTransport(host, _options, random, scheduler, metrics, _logger);
    }
}
