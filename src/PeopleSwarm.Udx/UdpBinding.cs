using System.Net;
using System.Net.Sockets;

namespace PeopleSwarm.Udx;

/// <summary>Binds and tunes a system socket the way UDX wants it (spec udx, 17).</summary>
internal static class UdpBinding
{
    private const int LinuxSolSocket = 1, LinuxSendBufferForce = 32, LinuxReceiveBufferForce = 33;
    private const int LinuxMtuDiscover = 10, LinuxMtuDiscoverV6 = 23, LinuxMtuProbe = 3, LinuxMtuDont = 0;
    private const int LinuxMtuV6 = 24, SmallestMtuV6 = 1280;
    private const int MacDontFragment = 28, MacDontFragmentV6 = 62, WindowsDontFragmentV6 = 14;
    private const int ProtocolIp = 0, ProtocolIPv6 = 41;
    private const int WindowsUdpConnReset = -1744830452, WindowsUdpNetReset = -1744830449;
    private const int SmallestBuffer = 64 * 1024;

    /// <summary>A bound, non-blocking socket.</summary>
    /// <exception cref="SocketException">The port is in use or the address is not ours.</exception>
    public static Socket Bind(UdpEndPoint local, DatagramSocketOptions options)
    {
        if (options.Ttl == 0) throw new ArgumentException("Ttl must be 1 to 255.", nameof(options));
        bool wantsAny = !local.IsIPv4 && local.HasSameAddress(UdpEndPoint.AnyIPv6) && !options.IPv6Only;
        if (wantsAny && !Socket.OSSupportsIPv6) local = UdpEndPoint.AnyIPv4.WithPort(local.Port);
        try
        {
            return BindExactly(local, options);
        }
        catch (SocketException error) when (wantsAny && !local.IsIPv4 &&
            error.SocketErrorCode is SocketError.AddressFamilyNotSupported or SocketError.AddressNotAvailable)
        {
            return BindExactly(UdpEndPoint.AnyIPv4.WithPort(local.Port), options);
        }
    }

    private static Socket BindExactly(UdpEndPoint local, DatagramSocketOptions options)
    {
        var family = local.IsIPv4 ? AddressFamily.InterNetwork : AddressFamily.InterNetworkV6;
        var socket = new Socket(family, SocketType.Dgram, ProtocolType.Udp);
        try
        {
            if (family == AddressFamily.InterNetworkV6) socket.DualMode = !options.IPv6Only;
            if (options.ReuseAddress) socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
            if (OperatingSystem.IsWindows()) IgnoreUnreachable(socket);
            socket.Blocking = false;
            socket.Bind(new IPEndPoint(family == AddressFamily.InterNetworkV6 ? AsIPv6(local) : local.ToIPAddress(), local.Port));
            SetTtl(socket, options.Ttl);
            SetDontFragment(socket, true);
            GrowBuffer(socket, SocketOptionName.ReceiveBuffer, LinuxReceiveBufferForce, options.ReceiveBufferSize);
            GrowBuffer(socket, SocketOptionName.SendBuffer, LinuxSendBufferForce, options.SendBufferSize);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Sets the hop limit for both families that the socket can send to.</summary>
    public static void SetTtl(Socket socket, byte ttl)
    {
        TrySet(socket, SocketOptionLevel.IP, SocketOptionName.IpTimeToLive, ttl);
        if (socket.AddressFamily == AddressFamily.InterNetworkV6) TrySet(socket, SocketOptionLevel.IPv6, SocketOptionName.IpTimeToLive, ttl);
    }

    private static IPAddress AsIPv6(UdpEndPoint local)
    {
        Span<byte> bytes = stackalloc byte[16];
        local.WriteAddress16(bytes);
        return new IPAddress(bytes);
    }

    // Windows reports an ICMP answer to an earlier send as an error of the next receive, unless told not to.
    private static void IgnoreUnreachable(Socket socket)
    {
        foreach (int code in (ReadOnlySpan<int>)[WindowsUdpConnReset, WindowsUdpNetReset])
        {
            try
            {
                socket.IOControl(code, [0, 0, 0, 0], null);
            }
            catch (SocketException)
            {
                // a tuning the system does not have: each error costs one receive
            }
        }
    }

    /// <summary>Whether what is sent from now on arrives whole or not at all.</summary>
    /// <exception cref="ObjectDisposedException">The socket is closed.</exception>
    public static void SetDontFragment(Socket socket, bool isOn)
    {
        int value = isOn ? 1 : 0;
        bool isIPv6 = socket.AddressFamily == AddressFamily.InterNetworkV6;
        if (OperatingSystem.IsLinux())
        {
            // "Probe": the bit is set and the cached path MTU is not consulted, or probes above it would be refused here.
            int mode = isOn ? LinuxMtuProbe : LinuxMtuDont;
            TrySetRaw(socket, ProtocolIp, LinuxMtuDiscover, mode);
            if (!isIPv6) return;
            TrySetRaw(socket, ProtocolIPv6, LinuxMtuDiscoverV6, mode);
            TrySetRaw(socket, ProtocolIPv6, LinuxMtuV6, isOn ? 0 : SmallestMtuV6); // routers do not cut IPv6: it leaves in pieces
        }
        else if (OperatingSystem.IsWindows())
        {
            TrySet(socket, SocketOptionLevel.IP, SocketOptionName.DontFragment, value);
            if (isIPv6) TrySetRaw(socket, ProtocolIPv6, WindowsDontFragmentV6, value);
        }
        else
        {
            TrySetRaw(socket, ProtocolIp, MacDontFragment, value);
            if (isIPv6) TrySetRaw(socket, ProtocolIPv6, MacDontFragmentV6, value);
        }
    }

    private static void GrowBuffer(Socket socket, SocketOptionName name, int linuxForce, int size)
    {
        if (OperatingSystem.IsLinux() && TrySetRaw(socket, LinuxSolSocket, linuxForce, size)) return;
        while (size >= SmallestBuffer && !TrySet(socket, SocketOptionLevel.Socket, name, size)) size /= 2;
    }

    private static bool TrySet(Socket socket, SocketOptionLevel level, SocketOptionName name, int value)
    {
        try
        {
            socket.SetSocketOption(level, name, value);
            return true;
        }
        catch (SocketException)
        {
            return false; // a tuning the system does not have
        }
    }

    /// <summary>Sets an option by the system's numbers; false if the system refuses.</summary>
    /// <exception cref="ObjectDisposedException">The socket is closed.</exception>
    public static bool TrySetRaw(Socket socket, int level, int name, int value)
    {
        try
        {
            Span<byte> bytes = stackalloc byte[sizeof(int)];
            BitConverter.TryWriteBytes(bytes, value);
            socket.SetRawSocketOption(level, name, bytes);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
