using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace PeopleSwarm.Udx;

/// <summary>The Linux calls that carry many datagrams: <c>UDP_SEGMENT</c> on send, <c>UDP_GRO</c> and <c>recvmmsg</c> on receive.</summary>
internal static unsafe partial class UdpSegmentation
{
    public const int EINTR = 4, EIO = 5, EBADF = 9, EAGAIN = 11, EINVAL = 22;
    public const int DontWait = 0x40;

    /// <summary>Datagrams of one send; the limit of kernels before 6.9.</summary>
    public const int MaxSegments = 64;

    private const int SolIp = 0, SolUdp = 17, SolIPv6 = 41;
    private const int UdpSegment = 103, UdpGro = 104, IpTtl = 2, IPv6HopLimit = 52;

    /// <summary>A control message with its header, rounded up; enough for two of them.</summary>
    public const int ControlSize = 64;

    private static int HeaderSize => sizeof(ControlHeader);

    /// <summary>Whether this system has the calls. A socket may still refuse the options.</summary>
    public static bool IsSupported { get; } = OperatingSystem.IsLinux() && BitConverter.IsLittleEndian && HasCalls();

    /// <summary>Whether a socket can segment what it sends.</summary>
    public static bool CanSegment(Socket socket) => TrySet(socket, UdpSegment, 0);

    /// <summary>Asks for received datagrams of one sender in a row to come together; false if the kernel cannot.</summary>
    public static bool TryCoalesce(Socket socket) => TrySet(socket, UdpGro, 1);

    /// <summary>Writes the control messages of one send; returns their size, 0 for none.</summary>
    public static int WriteControl(byte* control, int segmentSize, byte ttl, bool isIPv4)
    {
        int size = 0;
        if (segmentSize > 0)
        {
            *(ushort*)Append(control, ref size, SolUdp, UdpSegment, sizeof(ushort)) = (ushort)segmentSize;
        }
        if (ttl > 0)
        {
            *(int*)Append(control, ref size, isIPv4 ? SolIp : SolIPv6, isIPv4 ? IpTtl : IPv6HopLimit, sizeof(int)) = ttl;
        }
        return size;
    }

    /// <summary>The size of the datagrams that came together; 0 if it was a single one.</summary>
    public static int ReadSegmentSize(byte* control, nuint length)
    {
        if (length < (nuint)(HeaderSize + sizeof(int))) return 0;
        var header = (ControlHeader*)control;
        return header->Level == SolUdp && header->Type == UdpGro ? *(int*)(control + HeaderSize) : 0;
    }

    private static byte* Append(byte* control, ref int size, int level, int type, int dataSize)
    {
        var header = (ControlHeader*)(control + size);
        (header->Length, header->Level, header->Type) = ((nuint)(HeaderSize + dataSize), level, type);
        byte* data = control + size + HeaderSize;
        size += HeaderSize + (dataSize + sizeof(nint) - 1) / sizeof(nint) * sizeof(nint);
        return data;
    }

    private static bool TrySet(Socket socket, int option, int value)
    {
        try
        {
            socket.SetRawSocketOption(SolUdp, option, MemoryMarshal.AsBytes(new ReadOnlySpan<int>(in value)));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private static bool HasCalls()
    {
        if (!NativeLibrary.TryLoad("libc", typeof(UdpSegmentation).Assembly, null, out nint library)) return false;
        return NativeLibrary.TryGetExport(library, "recvmmsg", out _) && NativeLibrary.TryGetExport(library, "sendmsg", out _)
            && NativeLibrary.TryGetExport(library, "epoll_create1", out _);
    }

    [LibraryImport("libc", EntryPoint = "sendmsg", SetLastError = true)]
    public static partial nint SendMessage(SafeHandle socket, MessageHeader* message, int flags);

    [LibraryImport("libc", EntryPoint = "recvmmsg", SetLastError = true)]
    public static partial int ReceiveMessages(SafeHandle socket, ReceivedMessage* messages, uint count, int flags, void* timeout);

    /// <summary><c>struct iovec</c>.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct IoVector
    {
        public byte* Base;
        public nuint Length;
    }

    /// <summary><c>struct msghdr</c>.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct MessageHeader
    {
        public byte* Name;
        public uint NameLength;
        public IoVector* Vectors;
        public nuint VectorCount;
        public byte* Control;
        public nuint ControlLength;
        public int Flags;
    }

    /// <summary><c>struct mmsghdr</c>.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct ReceivedMessage
    {
        public MessageHeader Header;
        public uint Length;
    }

    /// <summary><c>struct cmsghdr</c>.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct ControlHeader
    {
        public nuint Length;
        public int Level;
        public int Type;
    }
}
