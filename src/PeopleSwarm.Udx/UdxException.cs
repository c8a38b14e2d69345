namespace PeopleSwarm;

/// <summary>A UDX stream is broken. Thrown by reads and writes of its pipe ends.</summary>
public sealed class UdxException : IOException
{
    /// <summary>A stream closed for <paramref name="reason"/>.</summary>
    public UdxException(StreamCloseReason reason, Exception? innerException = null) : base(Describe(reason), innerException) =>
        Reason = reason;

    /// <summary>A stream closed for <paramref name="reason"/>, in other words.</summary>
    public UdxException(StreamCloseReason reason, string message, Exception? innerException = null) : base(message, innerException) =>
        Reason = reason;

    /// <summary>Why the stream closed.</summary>
    public StreamCloseReason Reason { get; }

    private static string Describe(StreamCloseReason reason) => reason switch
    {
        StreamCloseReason.Completed => "The stream has ended.",
        StreamCloseReason.LocalAbort => "The stream was aborted by this side.",
        StreamCloseReason.RemoteAbort => "The stream was aborted by the peer.",
        StreamCloseReason.TimedOut => "The peer stopped answering.",
        _ => "The transport of the stream was closed.",
    };
}
