using System.Net.Sockets;

namespace PeopleSwarm;

/// <summary>Makes hosts; one for each node.</summary>
public interface IDatagramHostFactory
{
    /// <summary>A host without sockets or machines.</summary>
    IDatagramHost Create();
}

/// <summary>
/// One loop with its sockets and the machines it drives: a serial executor on the thread pool with one timer.
/// A turn drains a bounded batch of datagrams, offers each to the machines in the order they were attached, applies due
/// deadlines, runs posted work, sends what the machines have and arms the timer again.
/// </summary>
/// <remarks>Members are safe on any thread unless they say otherwise.</remarks>
public interface IDatagramHost : IAsyncDisposable
{
    /// <summary>Whether the caller runs on the loop.</summary>
    bool IsCurrent { get; }

    /// <summary>The current instant. On the loop: the instant of this turn's latest clock reading.</summary>
    Timestamp Now { get; }

    /// <summary>The clock of the loop.</summary>
    TimeProvider TimeProvider { get; }

    /// <summary>Binds a socket and begins to receive on it.</summary>
    /// <exception cref="SocketException">The port is in use or the address is not ours.</exception>
    SocketId Bind(UdpEndPoint local, DatagramSocketOptions? options = null);

    /// <summary>The address a socket is bound to.</summary>
    /// <exception cref="ArgumentException">No such socket is open.</exception>
    UdpEndPoint GetLocalEndPoint(SocketId socket);

    /// <summary>Closes a socket; unknown ids are ignored. What machines still send through it is dropped.</summary>
    void Close(SocketId socket);

    /// <summary>A socket ended by itself. Raised on the loop.</summary>
    event Action<SocketId, Exception>? SocketFailed;

    /// <summary>Adds a machine at the end of the order.</summary>
    void Attach(IDatagramMachine machine);

    /// <summary>Removes a machine.</summary>
    void Detach(IDatagramMachine machine);

    /// <summary>Runs <paramref name="work"/> on the loop, in the order posted, never inline. Ignored after dispose.</summary>
    void Post(Action<object?> work, object? state);

    /// <summary>Asks for a turn, because a machine has something to send or a new deadline. Cheap; calls merge.</summary>
    void Wake();
}
