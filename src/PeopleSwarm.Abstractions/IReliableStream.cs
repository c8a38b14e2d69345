using System.IO.Pipelines;

namespace PeopleSwarm;

/// <summary>
/// One reliable, ordered, bidirectional stream. <see cref="IDuplexPipe.Output"/> completed without an error ends our direction
/// after all that was written; completed with one it aborts the stream. <see cref="IDuplexPipe.Input"/> completes when the peer
/// has ended its direction, or throws why the stream broke. A reader that stops reading stops the peer.
/// </summary>
/// <remarks>Members are safe on any thread; the two pipe ends take one caller each, as pipes do.</remarks>
public interface IReliableStream : IDuplexPipe, IAsyncDisposable
{
    /// <summary>Our id: what the peer writes into its packets.</summary>
    uint LocalId { get; }

    /// <summary>The peer's id; 0 before <see cref="Connect"/>.</summary>
    uint RemoteId { get; }

    /// <summary>Where packets go; default before <see cref="Connect"/>.</summary>
    DatagramSource Remote { get; }

    /// <summary>Whether <see cref="Connect"/> was called.</summary>
    bool IsConnected { get; }

    /// <summary>Payload bytes received in order so far.</summary>
    long BytesReceived { get; }

    /// <summary>Payload bytes acknowledged by the peer so far.</summary>
    long BytesAcknowledged { get; }

    /// <summary>The smoothed round trip; zero before the first sample.</summary>
    TimeSpan RoundTripTime { get; }

    /// <summary>Completes when the stream has closed; never faults. Nothing arrives or leaves afterwards.</summary>
    Task<StreamClose> Closed { get; }

    /// <summary>Names the peer; nothing is sent by that alone.</summary>
    /// <exception cref="InvalidOperationException">The stream is connected or closed.</exception>
    /// <exception cref="ArgumentException">The port is 0 or the socket is not of this host.</exception>
    void Connect(SocketId socket, uint remoteId, UdpEndPoint remote);

    /// <summary>Moves the stream to another path; bytes in flight are sent again there if they were lost.</summary>
    /// <exception cref="InvalidOperationException">The stream is not connected, or closed.</exception>
    /// <exception cref="ArgumentException">The port is 0 or the socket is not of this host.</exception>
    void ChangeRemote(SocketId socket, uint remoteId, UdpEndPoint remote);

    /// <summary>
    /// Sends an empty message along another path without moving there; a peer that takes the path answers on it. False if the stream cannot send.
    /// </summary>
    bool TryProbe(SocketId socket, UdpEndPoint remote);

    /// <summary>Forwards every packet that arrives for this stream to <paramref name="destination"/>'s peer, unread (spec udx, 15).
    /// A relay does this with two streams, each to the other. Once, and for good; the stream carries nothing of its own any more,
    /// and closes when its destination closes.</summary>
    /// <param name="destination">Where packets go.</param>
    /// <param name="filter">Asked for each packet; null lets all pass.</param>
    /// <exception cref="ArgumentException"><paramref name="destination"/> is this stream, or of another transport.</exception>
    /// <exception cref="InvalidOperationException">One of the two is closed, or this stream relays already.</exception>
    void RelayTo(IReliableStream destination, RelayFilter? filter = null);

    /// <summary>Sends an unordered, unreliable message of at most one packet; false if the stream cannot send it.</summary>
    bool TrySendMessage(ReadOnlySpan<byte> message);

    /// <summary>Completes when the peer has acknowledged every byte flushed before the call.</summary>
    /// <exception cref="IOException">The stream closed first.</exception>
    ValueTask FlushAcknowledgedAsync(CancellationToken cancellationToken = default);

    /// <summary>
    /// Completes when a packet of the peer has come since <see cref="Connect"/>: it is there. By default, when it has acknowledged what was flushed.
    /// </summary>
    /// <exception cref="IOException">The stream closed first.</exception>
    ValueTask WaitForPeerAsync(CancellationToken cancellationToken = default) => FlushAcknowledgedAsync(cancellationToken);

    /// <summary>Destroys the stream at once; the peer is told by one unreliable packet. Unread and unsent bytes are lost.</summary>
    void Abort(Exception? error = null);
}

/// <summary>Why a stream closed. The first cause is kept.</summary>
public readonly record struct StreamClose(StreamCloseReason Reason, Exception? Error = null);

/// <summary>Why a stream closed, grouped by who did it.</summary>
public enum StreamCloseReason
{
    /// <summary>Both sides ended and everything was delivered.</summary>
    Completed,

    /// <summary>This side aborted.</summary>
    LocalAbort,

    /// <summary>The peer aborted.</summary>
    RemoteAbort,

    /// <summary>The peer stopped answering.</summary>
    TimedOut,

    /// <summary>The transport or its host was disposed, or its socket failed.</summary>
    TransportClosed,
}
