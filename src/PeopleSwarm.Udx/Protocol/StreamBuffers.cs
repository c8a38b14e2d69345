namespace PeopleSwarm.Udx.Protocol;

/// <summary>Bytes the application wrote, by their offset in the stream; also the resend buffer. On the loop.</summary>
internal interface ISendBuffer
{
    /// <summary>Offset behind the last byte that may be sent.</summary>
    long End { get; }

    /// <summary>Whether no byte will follow <see cref="End"/>.</summary>
    bool IsEnded { get; }

    /// <summary>Copies bytes from <paramref name="offset"/>, which is not released and lies before <see cref="End"/>.</summary>
    void CopyTo(long offset, Span<byte> destination);

    /// <summary>Everything before <paramref name="offset"/> is acknowledged and will not be asked for again.</summary>
    void Release(long offset);
}

/// <summary>Where in-order payload goes. On the loop.</summary>
internal interface IReceiveBuffer
{
    /// <summary>Bytes not yet consumed by the application.</summary>
    long UnreadBytes { get; }

    /// <summary>Takes the next payload in order; borrowed until the call returns.</summary>
    void Write(ReadOnlySpan<byte> payload);

    /// <summary>The peer ended its direction and everything before was written.</summary>
    void End();
}

/// <summary>What a stream machine tells its shell. On the loop; the shell may call the machine back.</summary>
internal interface IStreamEvents
{
    /// <summary>A packet came from another path than the stream's own (spec udx, 5.3).</summary>
    bool AcceptPath(in DatagramSource source);

    /// <summary>The first packet since the stream was connected; once.</summary>
    void OnHeard();

    /// <summary>An unordered message, borrowed until the call returns.</summary>
    void OnMessage(ReadOnlySpan<byte> message);

    /// <summary>Data or a message came by another way than the path before the last change; once for each change.</summary>
    void OnPathProved(in DatagramSource source);

    /// <summary>The peer's packets come from another port of its host, and ours go there now.</summary>
    void OnFollowed(in DatagramSource before, in DatagramSource remote);

    /// <summary>The peer acknowledged everything before this offset.</summary>
    void OnAcknowledged(long offset);

    /// <summary>The peer acknowledged our end, and so everything.</summary>
    void OnEndAcknowledged();

    /// <summary>The stream is over; the last call.</summary>
    void OnClosed(in StreamClose close);
}
