using System.Net.Sockets;
using PeopleSwarm.Dht.HolePunch;

namespace PeopleSwarm.Dht;

/// <summary>The sockets of a node's punchers: a bounded number, on any port of the node's address.</summary>
internal sealed class PunchSockets(IDatagramHost host, UdpEndPoint local, TimeProvider time, int maxSockets) : IPunchSockets
{
    /// <summary>Time the last words of a stream have to leave and to be asked for again.</summary>
    private static readonly TimeSpan s_linger = TimeSpan.FromSeconds(3);

    private int _count;

    /// <summary>Sockets open.</summary>
    public int Count => Volatile.Read(ref _count);

    public SocketId? Open()
    {
        if (Interlocked.Increment(ref _count) > maxSockets)
        {
            Interlocked.Decrement(ref _count);
            return null;
        }
        try
        {
            return host.Bind(local);
        }
        catch (SocketException) // the system has no more; the attempt goes on with what it has
        {
            Interlocked.Decrement(ref _count);
            return null;
        }
    }

    public void Close(SocketId socket)
    {
        host.Close(socket);
        Interlocked.Decrement(ref _count);
    }

    public void CloseWith(SocketId socket, IReliableStream stream) => _ = CloseAfterAsync(socket, stream);

    private async Task CloseAfterAsync(SocketId socket, IReliableStream stream)
    {
        await stream.Closed.ConfigureAwait(false); // never faults
        await Task.Delay(s_linger, time).ConfigureAwait(false);
        Close(socket);
    }
}
