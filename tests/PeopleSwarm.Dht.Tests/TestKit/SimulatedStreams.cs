using System.Buffers.Binary;
using System.IO.Pipelines;

namespace PeopleSwarm.Dht.TestKit;

/// <summary>
/// Streams that only meet: once connected, a stream sends its peer's id every half second until it has heard the peer.
/// Enough to see which paths a connection finds.
/// </summary>
internal sealed class SimulatedStreams(IRandomSource random) : IDatagramMachine
{
    private const int Size = 20;
    private static readonly TimeSpan s_interval = TimeSpan.FromMilliseconds(500);
    private readonly Dictionary<uint, SimulatedStream> _streams = [];

    public Timestamp? NextTimeout { get; private set; }

    public IReliableStream CreateStream(ReliableStreamOptions options)
    {
        var stream = new SimulatedStream(options.LocalId ?? random.NextUInt32(), options, () => NextTimeout = new(0));
        _streams.Add(stream.LocalId, stream);
        return stream;
    }

    public bool Receive(Timestamp now, ReadOnlySpan<byte> datagram, in DatagramSource source)
    {
        if (datagram.Length != Size || datagram[0] != 0xff) return false;
        if (_streams.TryGetValue(BinaryPrimitives.ReadUInt32LittleEndian(datagram[4..]), out var stream) && stream.TryHear(source)) stream.IsDue = true;
        HandleTimeout(now);
        return true;
    }

    public void HandleTimeout(Timestamp now)
    {
        bool isWaiting = false;
        foreach (var stream in _streams.Values.Where(s => s.IsConnected && !s.IsAborted))
        {
            stream.IsDue |= !stream.IsHeard;
            isWaiting |= !stream.IsHeard;
        }
        NextTimeout = isWaiting ? now + s_interval : null;
    }

    public bool PollTransmit(Timestamp now, Span<byte> buffer, out Transmit transmit)
    {
        transmit = default;
        if (_streams.Values.FirstOrDefault(s => s is { IsDue: true, IsConnected: true, IsAborted: false }) is not { } stream) return false;
        stream.IsDue = false;
        buffer[..Size].Clear();
        (buffer[0], buffer[1]) = (0xff, 1);
        BinaryPrimitives.WriteUInt32LittleEndian(buffer[4..], stream.RemoteId);
        transmit = new(stream.Remote.From, Size, stream.Remote.Socket);
        return true;
    }
}

internal sealed class SimulatedStream(uint id, ReliableStreamOptions options, Action connected) : IReliableStream
{
    private readonly TaskCompletionSource<StreamClose> _closed = new();
    private readonly Pipe _pipe = new();

    /// <summary>Whether the peer's packets arrive.</summary>
    public bool IsHeard { get; private set; }

    public bool IsDue { get; set; }
    public bool IsAborted { get; private set; }
    public uint LocalId => id;
    public uint RemoteId { get; private set; }
    public DatagramSource Remote { get; private set; }
    public bool IsConnected { get; private set; }
    public long BytesReceived => 0;
    public long BytesAcknowledged => 0;
    public TimeSpan RoundTripTime => TimeSpan.Zero;
    public Task<StreamClose> Closed => _closed.Task;
    public PipeReader Input => _pipe.Reader;
    public PipeWriter Output => _pipe.Writer;

    public bool TryHear(in DatagramSource source)
    {
        if (IsAborted || (!IsConnected || source.Socket != Remote.Socket) && !options.AcceptPath!(this, source)) return false;
        return IsHeard |= IsConnected;
    }

    public void Connect(SocketId socket, uint remoteId, UdpEndPoint remote)
    {
        (IsConnected, RemoteId, Remote) = (true, remoteId, new(remote, socket));
        connected();
    }

    public void ChangeRemote(SocketId socket, uint remoteId, UdpEndPoint remote) => (RemoteId, Remote) = (remoteId, new(remote, socket));

    public void RelayTo(IReliableStream destination, RelayFilter? filter = null) => throw new NotSupportedException("These streams carry nothing.");

    public bool TryProbe(SocketId socket, UdpEndPoint remote) => false;

    public bool TrySendMessage(ReadOnlySpan<byte> message) => false;

    public ValueTask FlushAcknowledgedAsync(CancellationToken cancellationToken = default) => default;

    public void Abort(Exception? error = null)
    {
        IsAborted = true;
        _closed.TrySetResult(new(StreamCloseReason.LocalAbort, error));
    }

    public ValueTask DisposeAsync()
    {
        Abort();
        return default;
    }
}
