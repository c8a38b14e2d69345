using Microsoft.Extensions.Logging;

namespace PeopleSwarm.Dht;

internal static partial class PeerLog // event ids of the peer layer: 3100+
{
    [LoggerMessage(3101, LogLevel.Warning, "The firewall threw for {Remote}; the peer is refused")]
    public static partial void FirewallFailed(ILogger logger, Exception error, PublicKey remote);

    [LoggerMessage(3121, LogLevel.Debug, "The firewall decides on {Limit} peers already; {Remote} is refused")]
    public static partial void FirewallBusy(ILogger logger, PublicKey remote, int limit);

    [LoggerMessage(3102, LogLevel.Information, "Listening on {PublicKey}")]
    public static partial void Listening(ILogger logger, PublicKey publicKey);

    [LoggerMessage(3103, LogLevel.Information, "No longer listening on {PublicKey}")]
    public static partial void Closed(ILogger logger, PublicKey publicKey);

    [LoggerMessage(3104, LogLevel.Debug, "Accepted {Remote} at {Address} ({Path})")]
    public static partial void Accepted(ILogger logger, PublicKey remote, UdpEndPoint address, PeerPath path);

    [LoggerMessage(3105, LogLevel.Debug, "Accepted {Remote}, but its path never worked")]
    public static partial void AcceptFailed(ILogger logger, Exception error, PublicKey remote);

    [LoggerMessage(3106, LogLevel.Warning, "The backlog of {PublicKey} is full; a connection is dropped")]
    public static partial void BacklogFull(ILogger logger, PublicKey publicKey);

    [LoggerMessage(3107, LogLevel.Debug, "Connected to {Remote} at {Address} ({Path})")]
    public static partial void Connected(ILogger logger, PublicKey remote, UdpEndPoint address, PeerPath path);

    [LoggerMessage(3108, LogLevel.Debug, "Connecting to {Remote} failed: {Reason}")]
    public static partial void ConnectFailed(ILogger logger, PublicKey remote, PeerConnectError reason);

    [LoggerMessage(3109, LogLevel.Debug, "The connection to {Remote} did not end in order within {Limit}")]
    public static partial void EndGivenUp(ILogger logger, PublicKey remote, TimeSpan limit);

    [LoggerMessage(3111, LogLevel.Debug, "Relay {Relay}: {Reason}")]
    public static partial void RelayFailed(ILogger logger, PublicKey relay, string reason);

    [LoggerMessage(3112, LogLevel.Debug, "Relay {Relay} at {Address}: connected")]
    public static partial void RelayConnected(ILogger logger, PublicKey relay, UdpEndPoint address);

    [LoggerMessage(3113, LogLevel.Debug, "The connection to {Remote} goes another way now: {Path}")]
    public static partial void PathChanged(ILogger logger, PublicKey remote, PeerPath path);

    [LoggerMessage(3114, LogLevel.Warning, "Choosing a relay threw; the connection goes on without")]
    public static partial void ChoiceFailed(ILogger logger, Exception error);

    [LoggerMessage(3115, LogLevel.Debug, "The relay turned {Client} away: too many clients")]
    public static partial void RelayFull(ILogger logger, PublicKey client);

    [LoggerMessage(3116, LogLevel.Debug, "The relay's client {Client} is gone: {Reason}")]
    public static partial void RelayClientLost(ILogger logger, PublicKey client, string reason);

    [LoggerMessage(3117, LogLevel.Debug, "Relay {Relay} is announced")]
    public static partial void RelayAnnounced(ILogger logger, PublicKey relay);

    [LoggerMessage(3118, LogLevel.Debug, "Connecting to {Remote} again, through relay {Relay}, after: {Reason}")]
    public static partial void RetryingThroughRelay(ILogger logger, PublicKey remote, PublicKey relay, PeerConnectError reason);

    [LoggerMessage(3119, LogLevel.Debug, "Relay {Relay}: the connection ended: {Reason}")]
    public static partial void RelayConnectionEnded(ILogger logger, PublicKey relay, string reason);

    [LoggerMessage(3120, LogLevel.Warning, "Relay {Relay} dropped {Packets} packets over its limits on bytes a second since it said so last")]
    public static partial void RelayDropped(ILogger logger, PublicKey relay, long packets);

    [LoggerMessage(3110, LogLevel.Debug, "Not all relays were told that {PublicKey} is gone")]
    public static partial void WithdrawGivenUp(ILogger logger, PublicKey publicKey);
}
