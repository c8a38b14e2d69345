using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using PeopleSwarm.Udx;

namespace PeopleSwarm;

/// <summary>A loopback socket on Linux that tells the hop limit with which datagrams arrive.</summary>
internal sealed unsafe class HopLimitReader : IDisposable
{
    private const int SolIp = 0, SolIPv6 = 41, ReceiveTtl = 12, ReceiveHopLimit = 51;

    private readonly Socket _socket;

    public HopLimitReader(bool useIPv6)
    {
        _socket = new Socket(useIPv6 ? AddressFamily.InterNetworkV6 : AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        _socket.SetRawSocketOption(useIPv6 ? SolIPv6 : SolIp, useIPv6 ? ReceiveHopLimit : ReceiveTtl, MemoryMarshal.AsBytes<int>([1]));
        _socket.Bind(new IPEndPoint(useIPv6 ? IPAddress.IPv6Loopback : IPAddress.Loopback, 0));
    }

    public UdpEndPoint EndPoint => UdpEndPoint.From((IPEndPoint)_socket.LocalEndPoint!);

    /// <summary>The hop limit of the next datagram.</summary>
    public int Read()
    {
        Assert.True(_socket.Poll(HostKit.Limit, SelectMode.SelectRead), "No datagram came.");
        byte* payload = stackalloc byte[16];
        byte* control = stackalloc byte[UdpSegmentation.ControlSize];
        UdpSegmentation.IoVector vector = new() { Base = payload, Length = 16 };
        UdpSegmentation.ReceivedMessage message = new()
        {
            Header = new() { Vectors = &vector, VectorCount = 1, Control = control, ControlLength = UdpSegmentation.ControlSize },
        };
        Assert.Equal(1, UdpSegmentation.ReceiveMessages(_socket.SafeHandle, &message, 1, UdpSegmentation.DontWait, null));
        return *(int*)(control + sizeof(nuint) + 2 * sizeof(int)); // behind length, level and type
    }

    public void Dispose() => _socket.Dispose();
}
