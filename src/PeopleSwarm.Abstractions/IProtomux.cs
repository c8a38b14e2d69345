namespace PeopleSwarm;

/// <summary>Makes multiplexers.</summary>
public interface IProtomuxFactory
{
    /// <summary>A multiplexer over <paramref name="channel"/>, which it takes over; nothing is read before <see cref="IProtomux.RunAsync"/>.</summary>
    IProtomux Create(IMessageChannel channel, ProtomuxOptions? options = null);
}

/// <summary>What a peer may make a multiplexer hold.</summary>
public sealed record ProtomuxOptions
{
    /// <summary>The defaults.</summary>
    public static ProtomuxOptions Default { get; } = new();

    /// <summary>Channels open at once, for each side, 1 to 1,048,576. Default 1,024; a peer that opens more breaks the connection.</summary>
    public int MaxChannels { get; init; } = 1024;

    /// <summary>Channels the peer opened and nobody here took yet, 1 to 65,536; more are rejected. Default 64.</summary>
    public int MaxPendingOpens { get; init; } = 64;

    /// <summary>
    /// Bytes of messages and openings nobody took yet, 512 added for each; beyond it reading pauses, and an opening longer than that is rejected.
    /// 1 KiB to 1 GiB. Default 256 KiB.
    /// </summary>
    public int MaxBufferedBytes { get; init; } = 256 * 1024;

    /// <summary>
    /// Messages in one batch, 1 to 16,777,216; ours are split, a peer's that has more breaks the connection, because reading pauses only between batches.
    /// Default 262,144, which cost some 25 MB while nobody takes them.
    /// </summary>
    public int MaxBatchMessages { get; init; } = 256 * 1024;

    /// <summary>Bytes of one batch we send, 64 to 16,000,000; a longer one is split. Default 8 MiB.</summary>
    public int MaxBatchBytes { get; init; } = 8 * 1024 * 1024;
}

/// <summary>
/// Many channels over one, each named by a protocol and, if there are several of it, an id. A channel is open once both sides have
/// opened the same name, in any order. Members are safe on any thread.
/// </summary>
/// <remarks>
/// Wire: npm protomux 3. Spec: hyperdht, 10.2. A channel whose messages nobody takes stops all channels in the end, because they share one stream.
/// </remarks>
public interface IProtomux : IAsyncDisposable
{
    /// <summary>Reads and routes until the channel below ends; call it once, after opening what is to be open from the start.</summary>
    /// <exception cref="IOException">The channel below broke, or the peer broke the protocol.</exception>
    Task RunAsync(CancellationToken cancellationToken = default);

    /// <summary>Opens a channel; what is sent before the peer has opened it too waits there.</summary>
    /// <param name="protocol">Its protocol.</param>
    /// <param name="id">Tells channels of one protocol apart; empty for none.</param>
    /// <param name="handshake">Bytes that go with the opening.</param>
    /// <param name="isUnique">Whether there may be only one of the name.</param>
    /// <exception cref="InvalidOperationException">One of the name is open already, or there are too many channels.</exception>
    /// <exception cref="IOException">The multiplexer is closed.</exception>
    IProtomuxChannel Open(string protocol, ReadOnlyMemory<byte> id = default, ReadOnlyMemory<byte> handshake = default, bool isUnique = true);

    /// <summary>
    /// Has <paramref name="opened"/> called with the id, on a pool thread, when the peer opens a channel of the protocol that we have not:
    /// it opens the channel, or the peer is told that nobody wants it. Without a handler the peer is told at once. Null removes it.
    /// </summary>
    void OnOpen(string protocol, Func<ReadOnlyMemory<byte>, ValueTask>? opened);

    /// <summary>Until the result is disposed everything sent is gathered into one message. Calls nest.</summary>
    IDisposable Cork();
}

/// <summary>One channel of an <see cref="IProtomux"/>. Disposing it closes it.</summary>
public interface IProtomuxChannel : IAsyncDisposable
{
    /// <summary>The protocol.</summary>
    string Protocol { get; }

    /// <summary>The id; empty for none.</summary>
    ReadOnlyMemory<byte> Id { get; }

    /// <summary>Completes with the peer's handshake bytes when both sides have opened, with null if it closed first.</summary>
    Task<ReadOnlyMemory<byte>?> Opened { get; }

    /// <summary>Completes when the channel has closed, whoever closed it; never faults.</summary>
    Task Closed { get; }

    /// <summary>Sends a message; completes when the channel below has taken it.</summary>
    /// <param name="type">What kind of message, 0 or more.</param>
    /// <param name="body">Its bytes, copied.</param>
    /// <param name="cancellationToken">Cancels waiting, not the message.</param>
    /// <exception cref="IOException">The channel is closed.</exception>
    ValueTask SendAsync(int type, ReadOnlyMemory<byte> body, CancellationToken cancellationToken = default);

    /// <summary>The next message; null once the channel has closed and all was read. One caller at a time.</summary>
    /// <exception cref="IOException">The multiplexer broke.</exception>
    ValueTask<ProtomuxMessage?> ReceiveAsync(CancellationToken cancellationToken = default);

    /// <summary>Closes the channel and tells the peer; unread messages are dropped. Nothing if it is closed.</summary>
    void Close();
}

/// <summary>A message of a channel.</summary>
/// <param name="Type">What kind, as its protocol numbers them.</param>
/// <param name="Body">Its bytes, the receiver's to keep.</param>
public readonly record struct ProtomuxMessage(int Type, ReadOnlyMemory<byte> Body);
