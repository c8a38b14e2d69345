using System.Net.Sockets;

namespace PeopleSwarm.Udx;

/// <summary>Tells when a datagram waits and leaves it there: a receive of the runtime that only peeks. One caller at a time.</summary>
internal sealed class ArrivalWatch : IDisposable
{
    private readonly Socket _socket;
    private readonly SocketAsyncEventArgs _peek = new(unsafeSuppressExecutionContextFlow: true);
    private int _isPending;

    /// <param name="socket">The socket to watch.</param>
    /// <param name="onArrival">Told after <see cref="Ask"/>, on any thread; also when the socket is closed.</param>
    public ArrivalWatch(Socket socket, Action onArrival)
    {
        _socket = socket;
        // Room for all of it: a peek into less ends with a warning of the system, at which Wine's completion ports stumble.
        _peek.SetBuffer(GC.AllocateUninitializedArray<byte>(ICoalescedReceive.MaxMessage, pinned: true));
        _peek.Completed += (_, _) =>
        {
            Volatile.Write(ref _isPending, 0);
            onArrival();
        };
    }

    /// <summary>Asks to be told of the next datagram; true if one waits already.</summary>
    /// <exception cref="ObjectDisposedException">The socket is closed.</exception>
    public bool Ask()
    {
        if (Interlocked.Exchange(ref _isPending, 1) != 0) return false;
        _peek.SocketFlags = SocketFlags.Peek;
        if (_socket.ReceiveAsync(_peek)) return false;
        Volatile.Write(ref _isPending, 0);
        return true;
    }

    public void Dispose() => _peek.Dispose();
}
