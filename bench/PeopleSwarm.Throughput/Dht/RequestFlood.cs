using System.Net;
using System.Net.Sockets;

namespace PeopleSwarm.Throughput.Dht;

/// <summary>Asks a node for topics over a bare socket: as many requests in flight as it takes to keep it busy. Spec dht-rpc, 4 and 5.</summary>
internal static class RequestFlood
{
    private const int InFlight = 128, Burst = 32, UdpLevel = 17, UdpSegment = 103, TidOffset = 2, HeaderSize = 10, Lookup = 3;
    private const byte Request = 0x03, HasId = 1, HasToken = 2, HasTarget = 8;

    /// <summary>The answers that came within <paramref name="duration"/>.</summary>
    public static async Task<long> RunAsync(int port, TimeSpan duration, CancellationToken cancellationToken)
    {
        using Socket socket = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        socket.ReceiveBufferSize = 1 << 20;
        await socket.ConnectAsync(new IPEndPoint(IPAddress.Loopback, port), cancellationToken);
        socket.ReceiveTimeout = 200;
        byte[] buffer = new byte[2048];
        // A node owes large answers only to an address that has returned a token of its.
        Exchange(socket, Create(port, token: []), buffer);
        int token = HeaderSize + ((buffer[1] & HasId) != 0 ? 32 : 0);
        Exchange(socket, Create(port, buffer.AsSpan(token, 32)), buffer);
        return await Task.Run(() => Flood(socket, port, duration, cancellationToken), cancellationToken);
    }

    private static long Flood(Socket socket, int port, TimeSpan duration, CancellationToken cancellationToken)
    {
        byte[] request = Create(port, token: []), requests = new byte[Burst * request.Length], answer = new byte[2048];
        bool segments = OperatingSystem.IsLinux(); // one call for a burst: asking must not take longer than answering
        if (segments) socket.SetRawSocketOption(UdpLevel, UdpSegment, BitConverter.GetBytes(request.Length));
        long answers = 0, end = Environment.TickCount64 + (long)duration.TotalMilliseconds;
        ulong asked = 0;
        int free = InFlight;
        while (Environment.TickCount64 < end && !cancellationToken.IsCancellationRequested)
        {
            for (; free >= Burst; free -= Burst)
            {
                for (int i = 0; i < Burst; i++)
                {
                    var next = requests.AsSpan(i * request.Length, request.Length);
                    request.CopyTo(next);
                    BitConverter.TryWriteBytes(next[TidOffset..], (ushort)++asked);
                    BitConverter.TryWriteBytes(next[^8..], asked); // another topic each time
                    if (!segments) socket.Send(next);
                }
                if (segments) socket.Send(requests);
            }
            try
            {
                socket.Receive(answer);
                answers++;
                free++;
            }
            catch (SocketException lost) when (lost.SocketErrorCode == SocketError.TimedOut)
            {
                free = InFlight;
            }
        }
        return answers;
    }

    private static void Exchange(Socket socket, byte[] request, byte[] answer)
    {
        socket.Send(request);
        socket.Receive(answer);
    }

    private static byte[] Create(int port, ReadOnlySpan<byte> token)
    {
        byte flags = (byte)(HasTarget | (token.IsEmpty ? 0 : HasToken));
        return [Request, flags, 0, 0, 127, 0, 0, 1, (byte)port, (byte)(port >> 8), .. token, Lookup, .. new byte[32]];
    }
}
