namespace PeopleSwarm.Udx.Protocol;

/// <summary>Where a stream stands.</summary>
/// <remarks>
/// <code>
/// Unconnected ── Connect ──> Open ── our END sent ──────> LocalEnded ──┐
///      │                       └──── peer's END read ──> RemoteEnded ─┤ the other one
///      │                                                               v
///      │                                                             Ended ── ours acknowledged ──> Closed
///      └──────── abort, DESTROY, timeout, the transport's end, from every state ──────────────────> Closed
/// </code>
/// A peer may end before we connect: then Connect leads to RemoteEnded.
/// </remarks>
internal enum StreamState
{
    Unconnected,
    Open,
    LocalEnded,
    RemoteEnded,
    Ended,
    Closed,
}
