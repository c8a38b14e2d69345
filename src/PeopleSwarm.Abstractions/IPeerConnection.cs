using System.IO.Pipelines;

namespace PeopleSwarm;

/// <summary>An encrypted connection to a peer, over the path that worked.</summary>
/// <remarks>
/// Dispose ends our direction, waits until what was flushed is acknowledged, for a bounded time, and closes.
/// As a pipe it has no message boundaries; <see cref="Channel"/> has.
/// </remarks>
public interface IPeerConnection : IDuplexPipe, IAsyncDisposable
{
    /// <summary>Our key.</summary>
    PublicKey LocalPublicKey { get; }

    /// <summary>The peer's key, proved by the handshake.</summary>
    PublicKey RemotePublicKey { get; }

    /// <summary>The 64-byte handshake hash, equal on both sides.</summary>
    ReadOnlyMemory<byte> HandshakeHash { get; }

    /// <summary>Whether we dialled.</summary>
    bool IsInitiator { get; }

    /// <summary>Where the peer's packets come from now.</summary>
    UdpEndPoint RemoteEndPoint { get; }

    /// <summary>How the peer is reached now. A relayed connection moves to a direct path when one is proved; nothing is lost or reordered by that.</summary>
    PeerPath Path { get; }

    /// <summary>The path changed, to the one given. Raised on a pool thread; read <see cref="Path"/> once after subscribing.</summary>
    event EventHandler<PeerPath>? PathChanged;

    /// <summary>The channel, for messages with boundaries and unordered ones.</summary>
    ISecretChannel Channel { get; }

    /// <summary>The smoothed round trip; zero before the first sample.</summary>
    TimeSpan RoundTripTime { get; }

    /// <summary>Completes when the connection has closed; never faults.</summary>
    Task<StreamClose> Closed { get; }

    /// <summary>The connection as a stream; the same object at each call. Disposing it disposes the connection.</summary>
    Stream AsStream();

    /// <summary>Completes when the peer's transport has acknowledged everything flushed before.</summary>
    /// <exception cref="IOException">The connection closed first.</exception>
    ValueTask FlushAcknowledgedAsync(CancellationToken cancellationToken = default);

    /// <summary>
    /// Connects a raw stream of the same node to the peer's raw stream <paramref name="remoteId"/>, along the path of this connection as it is now.
    /// It does not follow this connection to another path, and outlives it.
    /// </summary>
    /// <param name="stream">Made by <see cref="IDhtNode.CreateRawStream"/>, not connected yet.</param>
    /// <param name="remoteId">The <see cref="IReliableStream.LocalId"/> of the peer's stream, as the peer told it.</param>
    /// <exception cref="InvalidOperationException">
    /// This connection is closed, or relayed, where the relay knows no other streams; or the stream is connected or closed.
    /// </exception>
    void ConnectRawStream(IReliableStream stream, uint remoteId);

    /// <summary>Breaks the connection at once; unread and unsent bytes are lost.</summary>
    void Abort(Exception? error = null);
}

/// <summary>How a peer is reached.</summary>
public enum PeerPath
{
    /// <summary>To its address as others see it, without punching.</summary>
    Direct,

    /// <summary>Within the local network.</summary>
    Lan,

    /// <summary>Through holes punched into both NATs.</summary>
    Punched,

    /// <summary>Through a relay that sees only ciphertext.</summary>
    Relayed,
}

/// <summary>How a peer is dialled.</summary>
public sealed record PeerConnectOptions
{
    /// <summary>The key pair we are; null takes the node's.</summary>
    public KeyPair? KeyPair { get; init; }

    /// <summary>Nodes known to forward to the peer, tried beside the look-up. Default none.</summary>
    public IReadOnlyList<UdpEndPoint> RelayAddresses { get; init; } = [];

    /// <summary>
    /// A peer that relays ciphertext for us while, or if, no direct path is found; null for none. Default null. What the peer names comes first.
    /// </summary>
    public PublicKey? RelayThrough { get; init; }

    /// <summary>Punch holes into NATs where nothing else leads to the peer. Default true.</summary>
    public bool Holepunch { get; init; } = true;

    /// <summary>Try addresses of the local network when both sides are behind the same public one. Default true.</summary>
    public bool LocalConnection { get; init; } = true;

    /// <summary>
    /// Keep the path for a while after the connection, and begin there when the same peer is dialled again: no look-up, no punching. The peer must want it,
    /// too. Default false.
    /// </summary>
    public bool ReusableSocket { get; init; }

    /// <summary>Time after which the attempt is given up, 1 s to 10 min. Default 30 s.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Interval of empty messages on a quiet connection, at most an hour; zero for none. Default 5 s.</summary>
    public TimeSpan KeepAlive { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Bytes a message may have, at most 16,777,198. Default that; a smaller one bounds what the peer can make us hold.</summary>
    public int MaxMessageSize { get; init; } = SecretChannelOptions.Default.MaxMessageSize;

    /// <summary>Told of each step as it ends, at most 64 of them; on the node's loop, so it must not wait. Null for nobody. Default null.</summary>
    public IProgress<PeerConnectStep>? Progress { get; init; }

    /// <summary>Called for each unordered message; null drops them.</summary>
    public MessageHandler? OnUnorderedMessage { get; init; }
}

/// <summary>A step of a connect that ended.</summary>
/// <param name="Elapsed">Time since the connect began.</param>
/// <param name="Text">What was tried and what came of it, a line as in <see cref="PeerConnectException.Attempts"/>.</param>
public readonly record struct PeerConnectStep(TimeSpan Elapsed, string Text);

/// <summary>
/// Decides whether to refuse a peer, once per handshake. Called on a pool thread; who does not decide within the passive wait, 10 s, refuses,
/// and while <see cref="PeerListenOptions.MaxHandshakes"/> calls are undecided further peers are refused unasked.
/// </summary>
/// <param name="remote">The peer's key, not yet proved to be live.</param>
/// <param name="payload">What it says of itself; null when we dial.</param>
/// <returns>True to refuse. An exception refuses too.</returns>
public delegate ValueTask<bool> PeerFirewall(PublicKey remote, PeerHandshakePayload? payload);

/// <summary>What a peer says of itself in its handshake.</summary>
/// <param name="Observed">Its address as the forwarding node, or we, saw it.</param>
/// <param name="Addresses">Addresses it lists, unproved.</param>
/// <param name="IsOpen">Whether it says that strangers reach it.</param>
public sealed record PeerHandshakePayload(UdpEndPoint Observed, IReadOnlyList<UdpEndPoint> Addresses, bool IsOpen);

/// <summary>How a listener behaves.</summary>
public sealed record PeerListenOptions
{
    /// <summary>Refuses peers before anything is answered; null accepts all.</summary>
    public PeerFirewall? Firewall { get; init; }

    /// <summary>
    /// Chooses the peer that relays a new connection for us, or null; asked once per handshake, on the node's loop: it must not wait.
    /// Default null: none.
    /// </summary>
    public Func<PublicKey?>? ChooseRelay { get; init; }

    /// <summary>Punch back where a peer punches; otherwise it has to reach us as we are, or through a relay. Default true.</summary>
    public bool Holepunch { get; init; } = true;

    /// <summary>Tell local addresses to peers behind the same public one. Default true.</summary>
    public bool ShareLocalAddress { get; init; } = true;

    /// <summary>
    /// Keep the path to each peer for a while after its connection, so that it can be taken again without punching. The peer must want it, too.
    /// Default false.
    /// </summary>
    public bool ReusableSocket { get; init; }

    /// <summary>Time a finished handshake is remembered for late duplicates, 1 to 60 s. Default 10 s.</summary>
    public TimeSpan HandshakeClearWait { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// Handshakes in progress at once, and connections to clients that were dialled and not heard yet, 1 to 65,536; the oldest silent one makes room.
    /// Default 1,024.
    /// </summary>
    public int MaxHandshakes { get; init; } = 1024;

    /// <summary>Connections nobody accepted yet, 1 to 65,536; more are aborted. Default 256.</summary>
    public int Backlog { get; init; } = 256;

    /// <summary>Interval of empty messages on a quiet connection, at most an hour; zero for none. Default 5 s.</summary>
    public TimeSpan KeepAlive { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Bytes a message may have, at most 16,777,198. Default that; a smaller one bounds what a peer can make us hold.</summary>
    public int MaxMessageSize { get; init; } = SecretChannelOptions.Default.MaxMessageSize;

    /// <summary>Called for each unordered message; null drops them.</summary>
    public MessageHandler? OnUnorderedMessage { get; init; }
}

/// <summary>A key pair others can dial.</summary>
public interface IPeerListener : IAsyncDisposable
{
    /// <summary>The key.</summary>
    PublicKey PublicKey { get; }

    /// <summary>Nodes that forward handshakes to us now, at most three.</summary>
    IReadOnlyList<UdpEndPoint> RelayAddresses { get; }

    /// <summary>The next connection.</summary>
    /// <exception cref="ObjectDisposedException">The listener or its node was disposed.</exception>
    ValueTask<IPeerConnection> AcceptAsync(CancellationToken cancellationToken = default);

    /// <summary>All connections until the listener or its node is disposed.</summary>
    IAsyncEnumerable<IPeerConnection> AcceptAllAsync(CancellationToken cancellationToken = default);

    /// <summary>Announces again now.</summary>
    Task RefreshAsync(CancellationToken cancellationToken = default);
}

/// <summary>A connect failed.</summary>
public sealed class PeerConnectException : IOException
{
    /// <summary>Makes one; <paramref name="attempts"/> says what was tried, in order.</summary>
    public PeerConnectException(PeerConnectError error, string message, IReadOnlyList<string>? attempts = null, Exception? innerException = null)
        : base(message, innerException) => (Error, Attempts) = (error, attempts ?? []);

    /// <summary>Why.</summary>
    public PeerConnectError Error { get; }

    /// <summary>What was tried, in order, a line each.</summary>
    public IReadOnlyList<string> Attempts { get; }
}

/// <summary>Why a connect failed (spec hyperdht, 12.1).</summary>
public enum PeerConnectError
{
    /// <summary>No node knows a peer that listens on this key.</summary>
    PeerNotFound,

    /// <summary>Nodes know the peer, but it did not answer; a peer that refuses us looks the same.</summary>
    PeerConnectionFailed,

    /// <summary>The peer speaks another version.</summary>
    ServerIncompatible,

    /// <summary>The peer answered with an error.</summary>
    ServerError,

    /// <summary>The answer was not made by the key we dialled.</summary>
    HandshakeInvalid,

    /// <summary>Punching was given up.</summary>
    HolepunchAborted,

    /// <summary>One side never learned its NAT.</summary>
    HolepunchProbeTimeout,

    /// <summary>Both NATs give every destination another port.</summary>
    HolepunchDoubleRandomizedNats,

    /// <summary>The peer offers no way to punch.</summary>
    CannotHolepunch,

    /// <summary>The peer did not begin to punch.</summary>
    RemoteNotHolepunching,

    /// <summary>The peer's NAT cannot be punched from here.</summary>
    RemoteNotHolepunchable,

    /// <summary>The peer gave punching up.</summary>
    RemoteAborted,

    /// <summary>The relay did not work out.</summary>
    RelayAborted,

    /// <summary>The NATs need many probes, and one side sends such to another peer, or did a moment ago: half a minute later it may work.</summary>
    HolepunchBusy,

    /// <summary>Another connection to the same peer was kept: see <c>PeerConnectionPool</c>.</summary>
    DuplicateConnection,

    /// <summary>The options' time is over.</summary>
    TimedOut,

    /// <summary>The node is suspended.</summary>
    Suspended,

    /// <summary>The node was disposed.</summary>
    NodeDestroyed,
}
