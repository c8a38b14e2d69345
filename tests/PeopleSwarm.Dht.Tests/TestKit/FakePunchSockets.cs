using PeopleSwarm.Dht.HolePunch;

namespace PeopleSwarm.Dht.TestKit;

/// <summary>Sockets that are numbers, from <paramref name="firstId"/> on.</summary>
internal sealed class FakePunchSockets(int firstId = 1) : IPunchSockets
{
    private int _next = firstId;

    public HashSet<SocketId> OpenNow { get; } = [];

    public SocketId? Open()
    {
        var socket = new SocketId(_next++);
        OpenNow.Add(socket);
        return socket;
    }

    public void Close(SocketId socket) => Assert.True(OpenNow.Remove(socket));

    public void CloseWith(SocketId socket, IReliableStream stream, TimeSpan linger) => stream.Closed.ContinueWith(_ => Close(socket), TaskScheduler.Default);
}
