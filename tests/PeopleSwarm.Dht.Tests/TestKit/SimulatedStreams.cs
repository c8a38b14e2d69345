using System.Buffers.Binary;

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

/// <summary>A stream that is connected once it hears the peer.</summary>
internal sealed class SimulatedStream(uint id, ReliableStreamOptions options, Action connected) : FakeStream(id, options)
{
    /// <summary>Whether the peer's packets arrive.</summary>
    public bool IsHeard { get; private set; }

    public bool IsDue { get; set; }

    public bool TryHear(in DatagramSource source)
    {
        if (IsAborted || (!IsConnected || source.Socket != Remote.Socket) && !Hear(source.From, source.Socket)) return false;
        return IsHeard |= IsConnected;
    }

    public override void Connect(SocketId socket, uint remoteId, UdpEndPoint remote)
    {
        base.Connect(socket, remoteId, remote);
        connected();
    }
}
