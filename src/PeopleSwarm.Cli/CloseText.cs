namespace PeopleSwarm.Cli;

/// <summary>Why a connection closed, in words.</summary>
internal static class CloseText
{
    /// <summary>Null after a clean end, or one that we made.</summary>
    public static string? Of(StreamClose close) => close.Reason switch
    {
        StreamCloseReason.Completed or StreamCloseReason.LocalAbort when close.Error is null => null,
        StreamCloseReason.RemoteAbort => "The peer broke the connection.",
        StreamCloseReason.TimedOut => "The peer stopped answering.",
        _ => close.Error?.Message,
    };
}
