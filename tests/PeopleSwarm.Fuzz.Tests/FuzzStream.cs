using PeopleSwarm.Udx.Protocol;

namespace PeopleSwarm.Fuzz;

/// <summary>One end of a stream with an application that checks every byte at the moment it arrives.</summary>
internal sealed class FuzzStream : ISendBuffer, IReceiveBuffer, IStreamEvents
{
    private readonly int _salt;
    private long _received, _acknowledged, _released;

    public FuzzStream(UdxEndpoint endpoint, uint id, int salt)
    {
        (Endpoint, _salt) = (endpoint, salt);
        Machine = endpoint.CreateStream(id, this, this, this);
    }

    public UdxEndpoint Endpoint { get; }
    public StreamMachine Machine { get; }

    /// <summary>The other end.</summary>
    public FuzzStream Peer { get; set; } = null!;

    public long End { get; private set; }
    public bool IsEnded { get; private set; }
    public long UnreadBytes { get; private set; }
    public long MaxUnread { get; private set; }
    public bool IsReading { get; private set; } = true;
    public bool PeerEnded { get; private set; }
    public StreamClose? Closed { get; private set; }
    public bool GotEverything => PeerEnded && _received == Peer.End;

    public override string ToString() =>
        $"stream {Machine.LocalId} {Machine.State}, wrote {End}{(IsEnded ? " and ended" : "")}, acknowledged {_acknowledged}, got {_received} of {Peer.End}, {Closed?.Reason.ToString() ?? "open"}";

    public void Write(Timestamp now, int bytes)
    {
        if (IsEnded || Closed is not null) return;
        End += bytes;
        Machine.Written(now);
    }

    public void EndWriting(Timestamp now)
    {
        if (IsEnded || Closed is not null) return;
        IsEnded = true;
        Machine.Written(now);
    }

    public void SetReading(Timestamp now, bool reading)
    {
        IsReading = reading;
        if (!reading || UnreadBytes == 0) return;
        UnreadBytes = 0;
        Machine.Consumed(now);
    }

    void ISendBuffer.CopyTo(long offset, Span<byte> destination)
    {
        Assert.True(offset >= _released && offset + destination.Length <= End, $"copies {offset}+{destination.Length} of {_released} to {End}");
        for (int i = 0; i < destination.Length; i++) destination[i] = ByteAt(_salt, offset + i);
    }

    void ISendBuffer.Release(long offset)
    {
        Assert.True(offset >= _released && offset <= End, $"releases {offset} of {_released} to {End}");
        _released = offset;
    }

    void IReceiveBuffer.Write(ReadOnlySpan<byte> payload)
    {
        Assert.True(Closed is null && !PeerEnded, "bytes after the end");
        Assert.True(_received + payload.Length <= Peer.End, "bytes nobody wrote");
        foreach (byte b in payload)
        {
            if (b != ByteAt(Peer._salt, _received)) Assert.Fail($"another byte at {_received}");
            _received++;
        }
        if (IsReading) return;
        UnreadBytes += payload.Length;
        MaxUnread = Math.Max(MaxUnread, UnreadBytes);
    }

    void IReceiveBuffer.End()
    {
        Assert.False(PeerEnded, "two ends");
        Assert.True(Peer.IsEnded && _received == Peer.End, "an end before its time");
        PeerEnded = true;
    }

    bool IStreamEvents.AcceptPath(in DatagramSource source) => Peer.Endpoint != Endpoint && UdxScenario.IsOurs(source.From);

    void IStreamEvents.OnHeard() { }

    void IStreamEvents.OnPathProved(in DatagramSource source) { }

    void IStreamEvents.OnFollowed(in DatagramSource before, in DatagramSource remote) { }

    void IStreamEvents.OnMessage(ReadOnlySpan<byte> message) => Assert.True(message.IsEmpty || message[0] == (byte)Peer._salt, "a message nobody sent");

    void IStreamEvents.OnEndAcknowledged() => Assert.True(Peer.PeerEnded, "acknowledged an end that has not come");

    void IStreamEvents.OnAcknowledged(long offset)
    {
        Assert.True(offset > _acknowledged && offset <= Peer._received, $"acknowledged {offset}, received {Peer._received}");
        _acknowledged = offset;
    }

    void IStreamEvents.OnClosed(in StreamClose close)
    {
        Assert.Null(Closed);
        Closed = close;
    }

    private static byte ByteAt(int salt, long offset) => (byte)((offset * 0x9E37_79B1 + salt * 0x85EB_CA6BL) >> 13 ^ offset >> 21);
}
