using System.Net.Sockets;
using PeopleSwarm.Dht.HolePunch;

namespace PeopleSwarm.Dht;

/// <summary>The sockets of a node's punchers: a bounded number, on any port of the node's address.</summary>
internal sealed class PunchSockets(IDatagramHost host, UdpEndPoint local, TimeProvider time, int maxSockets) : IPunchSockets
{
    private readonly Lock _gate = new();
    private readonly Dictionary<SocketId, int> _streams = []; // on each socket, lingering ones included

    /// <summary>Sockets open.</summary>
    public int Count
    {
        get
        {
            lock (_gate) return _streams.Count;
        }
    }

    public SocketId? Open()
    {
        lock (_gate)
        {
            if (_streams.Count >= maxSockets) return null;
            try
            {
                var socket = host.Bind(local);
                _streams.Add(socket, 0);
                return socket;
            }
            catch (SocketException) // the system has no more; the attempt goes on with what it has
            {
                return null;
            }
        }
    }

    public void Close(SocketId socket)
    {
        lock (_gate)
        {
            if (!_streams.Remove(socket)) return;
        }
        host.Close(socket);
    }

    public void CloseWith(SocketId socket, IReliableStream stream, TimeSpan linger)
    {
        lock (_gate)
        {
            if (!_streams.TryGetValue(socket, out int streams)) return; // not of ours
            _streams[socket] = streams + 1;
        }
        // Inline, so that a simulated clock does not run ahead of it.
        _ = stream.Closed.ContinueWith(_ => Task.Delay(linger, time), CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default)
            .Unwrap().ContinueWith(_ => Release(socket), CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
    }

    private void Release(SocketId socket)
    {
        bool isLast;
        lock (_gate) isLast = _streams.TryGetValue(socket, out int streams) && (_streams[socket] = streams - 1) == 0;
        if (isLast) Close(socket);
    }
}
