using System.IO.Pipelines;

namespace PeopleSwarm;

/// <summary>Makes secret channels.</summary>
public interface ISecretChannelFactory
{
    /// <summary>Opens a channel with the keys of a finished handshake; ready at once. Takes the keys and the pipe over.</summary>
    /// <param name="transport">The byte stream below; an <see cref="IReliableStream"/> also carries unordered messages.</param>
    /// <param name="keys">The handshake's result; disposed by the channel.</param>
    /// <param name="options">How the channel behaves.</param>
    ISecretChannel Open(IDuplexPipe transport, HandshakeResult keys, SecretChannelOptions? options = null);

    /// <summary>Does the handshake over the byte stream itself, each message a frame, then opens the channel.</summary>
    /// <exception cref="IOException">The handshake failed; the byte stream was completed with the error.</exception>
    ValueTask<ISecretChannel> ConnectAsync(IDuplexPipe transport, IHandshake handshake, SecretChannelOptions? options = null,
        CancellationToken cancellationToken = default);
}

/// <summary>How a channel behaves.</summary>
public sealed record SecretChannelOptions
{
    /// <summary>The defaults.</summary>
    public static SecretChannelOptions Default { get; } = new();

    /// <summary>Time without a write after which an empty message is sent, at most an hour; zero for never. Default zero; peers of the DHT use 5 s.</summary>
    public TimeSpan KeepAlive { get; init; }

    /// <summary>Time without a received byte after which the channel is given up, at most an hour; zero for never. Default zero.</summary>
    public TimeSpan Timeout { get; init; }

    /// <summary>Bytes a message may have, at most 16,777,198. Default that; a smaller one bounds what a peer can make us hold.</summary>
    public int MaxMessageSize { get; init; } = 16_777_198;

    /// <summary>Called for each unordered message, decrypted and borrowed; null drops them.</summary>
    public MessageHandler? OnUnorderedMessage { get; init; }
}

/// <summary>
/// An encrypted byte stream over another. As a pipe it has no message boundaries: each flush of
/// <see cref="IDuplexPipe.Output"/> seals what was written as one or more messages.
/// <see cref="IMessageChannel.WriteMessageAsync"/> seals one message of at most <see cref="SecretChannelOptions.MaxMessageSize"/> bytes, and
/// <see cref="IMessageChannel.ReadMessageAsync"/>, which skips empty ones when keep-alive is on, keeps boundaries; use either form in each direction.
/// <see cref="IMessageChannel.Abort"/> breaks the stream below too.
/// </summary>
/// <remarks>Spec: noise-and-secretstream, 5 to 8. One reader and one writer at a time.</remarks>
public interface ISecretChannel : IDuplexPipe, IMessageChannel
{
    /// <summary>Our key.</summary>
    PublicKey LocalPublicKey { get; }

    /// <summary>The peer's key, proved by the handshake; null in patterns without.</summary>
    PublicKey? RemotePublicKey { get; }

    /// <summary>The 64-byte handshake hash, equal on both sides.</summary>
    ReadOnlyMemory<byte> HandshakeHash { get; }

    /// <summary>Whether we began the handshake.</summary>
    bool IsInitiator { get; }

    /// <summary>Bytes of message frames written, lengths included, the header frame not.</summary>
    long RawBytesWritten { get; }

    /// <summary>Bytes of message bodies received, lengths not included.</summary>
    long RawBytesRead { get; }

    /// <summary>Sends an empty message now, whatever the interval.</summary>
    void SendKeepAlive();

    /// <summary>Sends an encrypted, unordered, unreliable message; false if the transport has none or it is too large.</summary>
    /// <remarks>Its keys follow from the handshake's public bytes: whoever saw the handshake can read it. Put no secrets here.</remarks>
    bool TrySendUnordered(ReadOnlySpan<byte> message);

    /// <summary>
    /// Takes an unordered message of the transport: the handler of a stream made before its channel passes it on. What is not the
    /// peer's is ignored. Any thread, one caller at a time.
    /// </summary>
    void ReceiveUnordered(ReadOnlySpan<byte> message);
}
