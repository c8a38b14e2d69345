using Microsoft.Extensions.Logging;

namespace PeopleSwarm.Dht;

internal static partial class DhtLog // event ids: Udx 1000+, Noise 2000+, Dht 3000+, Swarm 4000+
{
    [LoggerMessage(3001, LogLevel.Information, "Node listens on {Local}, asks from {Client}")]
    public static partial void Listening(ILogger logger, UdpEndPoint local, UdpEndPoint client);

    [LoggerMessage(3002, LogLevel.Information, "Node bootstrapped with {Nodes} nodes known")]
    public static partial void Bootstrapped(ILogger logger, int nodes);

    [LoggerMessage(3003, LogLevel.Information, "Node is persistent as {Id} at {Address}")]
    public static partial void BecamePersistent(ILogger logger, NodeId id, UdpEndPoint? address);

    [LoggerMessage(3004, LogLevel.Information, "Node is ephemeral again")]
    public static partial void BecameEphemeral(ILogger logger);

    [LoggerMessage(3005, LogLevel.Debug, "Others see us at {Address}; firewalled: {Firewalled}")]
    public static partial void AddressChanged(ILogger logger, UdpEndPoint? address, bool firewalled);

    [LoggerMessage(3006, LogLevel.Warning, "Nobody answers: offline")]
    public static partial void Offline(ILogger logger);

    [LoggerMessage(3007, LogLevel.Information, "Online again")]
    public static partial void Online(ILogger logger);

    [LoggerMessage(3008, LogLevel.Information, "Node suspended")]
    public static partial void Suspended(ILogger logger);

    [LoggerMessage(3009, LogLevel.Information, "Node resumed on {Local}")]
    public static partial void Resumed(ILogger logger, UdpEndPoint local);

    [LoggerMessage(3010, LogLevel.Debug, "Bootstrap name {Name} could not be looked up")]
    public static partial void NameNotFound(ILogger logger, Exception? error, string name);

    [LoggerMessage(3011, LogLevel.Information, "The machine slept for {Duration}")]
    public static partial void Slept(ILogger logger, TimeSpan duration);

    [LoggerMessage(3012, LogLevel.Debug, "Network interfaces changed; the first address is {Home}")]
    public static partial void InterfacesChanged(ILogger logger, UdpEndPoint home);

    [LoggerMessage(3013, LogLevel.Error, "The handler of command {Command} threw; the asker gets no answer")]
    public static partial void CommandHandlerFailed(ILogger logger, Exception error, int command);

    [LoggerMessage(3014, LogLevel.Error, "A socket failed and could not be bound again; tried again when the interfaces change")]
    public static partial void SocketLost(ILogger logger, Exception error);

    [LoggerMessage(3016, LogLevel.Debug, "Socket {SocketId} failed")]
    public static partial void SocketFailed(ILogger logger, Exception error, int socketId);

    [LoggerMessage(3015, LogLevel.Error, "A handler of {Event} threw")]
    public static partial void EventHandlerFailed(ILogger logger, Exception error, string @event);
}
