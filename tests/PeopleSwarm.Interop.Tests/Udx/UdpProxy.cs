using System.Net;
using System.Net.Sockets;

namespace PeopleSwarm.Interop.Udx;

/// <summary>What a proxy does to the datagrams of each direction, as shares of one; each is under way for <paramref name="DelayMillis"/>.</summary>
public sealed record ProxyFaults(double Loss = 0, double Duplicates = 0, double Reordering = 0, int Seed = 1, int DelayMillis = 0);

/// <summary>
/// Stands between two ports of 127.0.0.1: what arrives at <see cref="NearPort"/> leaves from <see cref="FarPort"/> to the far
/// end, and back. It loses, repeats and holds back datagrams by its seed.
/// </summary>
public sealed class UdpProxy : IDisposable
{
    private const int MaxHeld = 8; // datagrams that overtake one that is held back
    private static readonly TimeSpan s_idle = TimeSpan.FromMilliseconds(2);

    private readonly Socket _near = Bind(), _far = Bind();
    private readonly Thread[] _threads;
    private volatile bool _isStopped;
    private IPEndPoint? _nearEnd, _farEnd;

    public UdpProxy(ProxyFaults faults)
    {
        _threads =
        [
            new Thread(() => Run(_near, _far, faults, new Random(faults.Seed), toFar: true)) { IsBackground = true },
            new Thread(() => Run(_far, _near, faults, new Random(~faults.Seed), toFar: false)) { IsBackground = true },
        ];
    }

    public ushort NearPort => (ushort)((IPEndPoint)_near.LocalEndPoint!).Port;

    public ushort FarPort => (ushort)((IPEndPoint)_far.LocalEndPoint!).Port;

    /// <summary>Sees each datagram of the near end, on the proxy's thread.</summary>
    public Action<ReadOnlySpan<byte>>? OnFromNear { get; set; }

    /// <summary>Names the two ends and begins.</summary>
    public void Start(ushort nearEnd, ushort farEnd)
    {
        (_nearEnd, _farEnd) = (new(IPAddress.Loopback, nearEnd), new(IPAddress.Loopback, farEnd));
        foreach (var thread in _threads) thread.Start();
    }

    public void Dispose()
    {
        _isStopped = true;
        foreach (var thread in _threads)
        {
            if (thread.IsAlive) thread.Join();
        }
        _near.Dispose();
        _far.Dispose();
    }

    private void Run(Socket from, Socket by, ProxyFaults faults, Random random, bool toFar)
    {
        var to = (toFar ? _farEnd! : _nearEnd!).Serialize();
        byte[] buffer = new byte[4096];
        List<(byte[] Datagram, int Overtakers)> held = [];
        Queue<(byte[] Datagram, long Due)> underWay = [];
        while (!_isStopped)
        {
            while (underWay.TryPeek(out var next) && next.Due <= Environment.TickCount64) by.SendTo(underWay.Dequeue().Datagram, SocketFlags.None, to);
            if (!from.Poll(s_idle, SelectMode.SelectRead))
            {
                Release(by, to, held, all: true);
                continue;
            }
            int length = from.Receive(buffer);
            if (toFar) OnFromNear?.Invoke(buffer.AsSpan(0, length));
            if (random.NextDouble() < faults.Loss) continue;
            if (faults.DelayMillis > 0)
            {
                underWay.Enqueue((buffer[..length], Environment.TickCount64 + faults.DelayMillis));
                continue;
            }
            if (random.NextDouble() < faults.Reordering)
            {
                held.Add((buffer[..length], random.Next(1, MaxHeld)));
                continue;
            }
            by.SendTo(buffer.AsSpan(0, length), SocketFlags.None, to);
            if (random.NextDouble() < faults.Duplicates) by.SendTo(buffer.AsSpan(0, length), SocketFlags.None, to);
            Release(by, to, held, all: false);
        }
    }

    private static void Release(Socket by, SocketAddress to, List<(byte[] Datagram, int Overtakers)> held, bool all)
    {
        for (int i = held.Count - 1; i >= 0; i--)
        {
            held[i] = (held[i].Datagram, held[i].Overtakers - 1);
            if (!all && held[i].Overtakers > 0) continue;
            by.SendTo(held[i].Datagram, SocketFlags.None, to);
            held.RemoveAt(i);
        }
    }

    private static Socket Bind()
    {
        Socket socket = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp)
        {
            ReceiveBufferSize = 4 * 1024 * 1024,
            SendBufferSize = 4 * 1024 * 1024,
        };
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return socket;
    }
}
