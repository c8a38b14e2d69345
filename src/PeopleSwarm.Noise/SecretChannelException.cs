namespace PeopleSwarm;

/// <summary>Why a secret channel broke.</summary>
public enum SecretChannelError
{
    /// <summary>The handshake failed.</summary>
    Handshake,

    /// <summary>The peer's header frame is not a header.</summary>
    Header,

    /// <summary>The peer's header frame belongs to another stream.</summary>
    StreamId,

    /// <summary>A message frame is too short.</summary>
    Frame,

    /// <summary>A message frame is larger than <see cref="SecretChannelOptions.MaxMessageSize"/> allows.</summary>
    MessageTooLarge,

    /// <summary>A message was forged or damaged.</summary>
    Authentication,

    /// <summary>The byte stream ended inside a frame.</summary>
    Truncated,

    /// <summary>Nothing arrived in time.</summary>
    TimedOut,

    /// <summary>All counters for unordered messages are used up.</summary>
    NonceExhausted,

    /// <summary>This side aborted the channel.</summary>
    Aborted,
}

/// <summary>A secret channel or its handshake failed; the stream below is destroyed.</summary>
/// <remarks>Spec: noise-and-secretstream, 10.</remarks>
public sealed class SecretChannelException : IOException
{
    /// <summary>Says why.</summary>
    public SecretChannelException(SecretChannelError error, string message, Exception? innerException = null)
        : base(message, innerException) => Error = error;

    /// <summary>Why the channel broke.</summary>
    public SecretChannelError Error { get; }
}
