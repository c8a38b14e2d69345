using System.Buffers;

namespace PeopleSwarm.Udx.Protocol;

/// <summary>A stream with its application: what it writes, what it read, what it was told.</summary>
internal sealed class TestStream : ISendBuffer, IReceiveBuffer, IStreamEvents
{
    private const int LongestLogged = 16;
    private readonly ArrayBufferWriter<byte> _written = new(), _received = new();
    private long _released;

    public TestStream(UdxEndpoint endpoint, uint id) => (Endpoint, Machine) = (endpoint, endpoint.CreateStream(id, this, this, this));

    public UdxEndpoint Endpoint { get; }

    public StreamMachine Machine { get; }

    /// <summary>Whether the application takes what arrives at once.</summary>
    public bool IsReading { get; set; } = true;

    /// <summary>Answers <see cref="IStreamEvents.AcceptPath"/>; by default every path is fine.</summary>
    public Func<DatagramSource, bool> Accept { get; set; } = static _ => true;

    public List<DatagramSource> AskedPaths { get; } = [];

    public List<string> Events { get; } = [];

    /// <summary>How often it was told that the peer is there.</summary>
    public int TimesHeard { get; private set; }

    public StreamClose? Closed { get; private set; }

    public bool PeerEnded { get; private set; }

    public long Acknowledged { get; private set; }

    public bool IsEndAcknowledged { get; private set; }

    public ReadOnlySpan<byte> Written => _written.WrittenSpan;

    public ReadOnlySpan<byte> Received => _received.WrittenSpan;

    public long ReceivedLength => _received.WrittenCount;

    public long MaxUnread { get; private set; }

    public long End => _written.WrittenCount;

    public bool IsEnded { get; private set; }

    public long UnreadBytes { get; private set; }

    public void Write(Timestamp now, ReadOnlySpan<byte> bytes, bool end = false)
    {
        _written.Write(bytes);
        IsEnded |= end;
        Machine.Written(now);
    }

    public void EndWriting(Timestamp now) => Write(now, default, end: true);

    /// <summary>The application reads everything that waits.</summary>
    public void ReadAll(Timestamp now)
    {
        UnreadBytes = 0;
        Machine.Consumed(now);
    }

    void ISendBuffer.CopyTo(long offset, Span<byte> destination)
    {
        Assert.True(offset >= _released, "asked for released bytes");
        Assert.True(offset + destination.Length <= End, "asked for bytes not written");
        _written.WrittenSpan.Slice((int)offset, destination.Length).CopyTo(destination);
    }

    void ISendBuffer.Release(long offset)
    {
        Assert.True(offset >= _released && offset <= End);
        _released = offset;
    }

    void IReceiveBuffer.Write(ReadOnlySpan<byte> payload)
    {
        Assert.False(PeerEnded, "bytes after the end");
        Assert.Null(Closed);
        _received.Write(payload);
        if (payload.Length <= LongestLogged) Events.Add("data " + Convert.ToHexStringLower(payload));
        if (!IsReading) UnreadBytes += payload.Length;
        MaxUnread = Math.Max(MaxUnread, UnreadBytes);
    }

    void IReceiveBuffer.End()
    {
        Assert.False(PeerEnded, "two ends");
        PeerEnded = true;
        Events.Add("end");
    }

    bool IStreamEvents.AcceptPath(in DatagramSource source)
    {
        AskedPaths.Add(source);
        return Accept(source);
    }

    void IStreamEvents.OnHeard() => TimesHeard++;

    void IStreamEvents.OnPathProved(in DatagramSource source) => Events.Add($"proved {source.From}");

    void IStreamEvents.OnFollowed(in DatagramSource before, in DatagramSource remote) => Events.Add($"followed from {before.From} to {remote.From}");

    void IStreamEvents.OnMessage(ReadOnlySpan<byte> message) => Events.Add("message " + Convert.ToHexStringLower(message));

    void IStreamEvents.OnEndAcknowledged() => IsEndAcknowledged = true;

    void IStreamEvents.OnAcknowledged(long offset)
    {
        Assert.True(offset > Acknowledged);
        Acknowledged = offset;
    }

    void IStreamEvents.OnClosed(in StreamClose close)
    {
        Assert.Null(Closed);
        Closed = close;
        Events.Add("close " + close.Reason);
    }
}
