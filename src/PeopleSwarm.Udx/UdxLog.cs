using Microsoft.Extensions.Logging;

namespace PeopleSwarm.Udx;

internal static partial class UdxLog // event ids: Udx 1000+, Noise 2000+, Dht 3000+, Swarm 4000+
{
    [LoggerMessage(1001, LogLevel.Debug, "Socket {SocketId} bound to {Local}")]
    public static partial void SocketBound(ILogger logger, int socketId, UdpEndPoint local);

    [LoggerMessage(1002, LogLevel.Debug, "Socket {SocketId} closed")]
    public static partial void SocketClosed(ILogger logger, int socketId);

    [LoggerMessage(1003, LogLevel.Warning, "Socket {SocketId} failed")]
    public static partial void SocketFailed(ILogger logger, Exception error, int socketId);

    [LoggerMessage(1004, LogLevel.Warning, "Socket {SocketId} could not be closed")]
    public static partial void SocketCloseFailed(ILogger logger, Exception error, int socketId);

    [LoggerMessage(1005, LogLevel.Error, "{Machine} threw; the loop goes on")]
    public static partial void MachineFailed(ILogger logger, Exception error, string machine);

    [LoggerMessage(1006, LogLevel.Error, "Work posted to the loop threw; the loop goes on")]
    public static partial void PostedWorkFailed(ILogger logger, Exception error);

    [LoggerMessage(1007, LogLevel.Information, "Segmentation of {Direction} is refused on {Local}; one datagram a call from now on")]
    public static partial void SegmentationRefused(ILogger logger, string direction, UdpEndPoint local);

    [LoggerMessage(1010, LogLevel.Debug, "Stream {StreamId} connected to {RemoteId} at {Remote}")]
    public static partial void StreamConnected(ILogger logger, uint streamId, uint remoteId, UdpEndPoint remote);

    [LoggerMessage(1011, LogLevel.Debug, "Stream {StreamId} closed: {Reason}")]
    public static partial void StreamClosed(ILogger logger, Exception? error, uint streamId, StreamCloseReason reason);

    [LoggerMessage(1012, LogLevel.Error, "Work for stream {StreamId} threw; the stream is aborted")]
    public static partial void StreamFailed(ILogger logger, Exception error, uint streamId);

    [LoggerMessage(1013, LogLevel.Debug, "Stream {StreamId} is cut off with {Bytes} bytes unacknowledged")]
    public static partial void FlushGivenUp(ILogger logger, uint streamId, long bytes);
}
