using Microsoft.Extensions.Logging;

namespace PeopleSwarm.Noise;

internal static partial class NoiseLog // event ids: Noise 2000+
{
    [LoggerMessage(2001, LogLevel.Debug, "Secret channel with {RemotePublicKey} open, initiator: {IsInitiator}")]
    public static partial void ChannelOpened(ILogger logger, PublicKey? remotePublicKey, bool isInitiator);

    [LoggerMessage(2002, LogLevel.Debug, "Secret channel with {RemotePublicKey} broke: {Reason}")]
    public static partial void ChannelBroken(ILogger logger, PublicKey? remotePublicKey, string reason);

    [LoggerMessage(2003, LogLevel.Debug, "Handshake as {Role} failed: {Reason}")]
    public static partial void HandshakeFailed(ILogger logger, HandshakeRole role, string reason);
}
