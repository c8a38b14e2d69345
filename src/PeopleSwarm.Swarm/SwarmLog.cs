using Microsoft.Extensions.Logging;

namespace PeopleSwarm.Swarm;

/// <summary>Messages of the swarm, 4000 and up.</summary>
internal static partial class SwarmLog
{
    [LoggerMessage(4000, LogLevel.Debug, "Dialling {Peer}, attempt {Attempt}")]
    public static partial void Dialling(ILogger logger, PublicKey peer, int attempt);

    [LoggerMessage(4001, LogLevel.Debug, "Dialling {Peer} failed: {Reason}")]
    public static partial void DialFailed(ILogger logger, PublicKey peer, string reason);

    [LoggerMessage(4002, LogLevel.Information, "Connected with {Peer} ({Direction}, {Path})")]
    public static partial void Connected(ILogger logger, PublicKey peer, string direction, PeerPath path);

    [LoggerMessage(4003, LogLevel.Information, "Connection with {Peer} closed: {Reason}")]
    public static partial void Closed(ILogger logger, PublicKey peer, StreamCloseReason reason);

    [LoggerMessage(4004, LogLevel.Debug, "Breaking a connection with {Peer}: {Reason}")]
    public static partial void Breaking(ILogger logger, PublicKey peer, string reason);

    [LoggerMessage(4010, LogLevel.Information, "Banned {Peer}: {Reason}")]
    public static partial void Banned(ILogger logger, PublicKey peer, string reason);

    [LoggerMessage(4011, LogLevel.Warning, "The firewall failed for {Peer}, which is refused")]
    public static partial void FirewallFailed(ILogger logger, PublicKey peer, Exception error);

    [LoggerMessage(4020, LogLevel.Debug, "Refreshing topic {Topic}: {Kind}")]
    public static partial void Refreshing(ILogger logger, Topic topic, string kind);

    [LoggerMessage(4021, LogLevel.Debug, "Refreshed topic {Topic}: {Nodes} closest nodes, {Peers} peers")]
    public static partial void Refreshed(ILogger logger, Topic topic, int nodes, int peers);

    [LoggerMessage(4022, LogLevel.Warning, "Refreshing topic {Topic} failed")]
    public static partial void RefreshFailed(ILogger logger, Topic topic, Exception error);

    [LoggerMessage(4023, LogLevel.Debug, "Withdrawing from topic {Topic} failed")]
    public static partial void UnannounceFailed(ILogger logger, Topic topic, Exception error);

    [LoggerMessage(4030, LogLevel.Information, "Listening on {PublicKey}")]
    public static partial void Listening(ILogger logger, PublicKey publicKey);

    [LoggerMessage(4031, LogLevel.Warning, "Listening ended")]
    public static partial void ListeningEnded(ILogger logger, Exception? error);

    [LoggerMessage(4040, LogLevel.Information, "Suspended")]
    public static partial void Suspended(ILogger logger);

    [LoggerMessage(4041, LogLevel.Information, "Resumed")]
    public static partial void Resumed(ILogger logger);

    [LoggerMessage(4042, LogLevel.Debug, "The network changed")]
    public static partial void NetworkChanged(ILogger logger);

    [LoggerMessage(4043, LogLevel.Debug, "{Peer} gave no sign of life within {Limit}")]
    public static partial void Unreachable(ILogger logger, PublicKey peer, TimeSpan limit);

    [LoggerMessage(4050, LogLevel.Error, "An event handler of the application failed")]
    public static partial void HandlerFailed(ILogger logger, Exception error);

    [LoggerMessage(4051, LogLevel.Error, "Background work failed")]
    public static partial void WorkFailed(ILogger logger, Exception error);

    [LoggerMessage(4052, LogLevel.Debug, "Closing the connection with {Peer} failed")]
    public static partial void CloseFailed(ILogger logger, PublicKey peer, Exception error);
}
