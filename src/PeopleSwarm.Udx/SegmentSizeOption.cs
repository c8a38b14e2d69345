using System.Net.Sockets;

namespace PeopleSwarm.Udx;

/// <summary>The socket option that cuts a longer send into equal datagrams: <c>UDP_SEND_MSG_SIZE</c> on Windows, <c>UDP_SEGMENT</c> on Linux.</summary>
/// <param name="trySet">Sets the size of the datagrams, 0 for none; false if the system refuses.</param>
internal sealed class SegmentSizeOption(Func<int, bool> trySet)
{
    private const int Udp = 17, WindowsSendMessageSize = 2, LinuxSegment = 103;

    private int _size;

    /// <summary>Whether this kind of system has such an option, if not in all versions.</summary>
    public static bool IsKnown => OperatingSystem.IsWindows() || OperatingSystem.IsLinux();

    /// <summary>The option of this socket, or null where the system has none: Windows before 10 2004, Linux before 4.18, others.</summary>
    public static SegmentSizeOption? TryCreate(Socket socket)
    {
        int name = OperatingSystem.IsWindows() ? WindowsSendMessageSize : LinuxSegment;
        return IsKnown && TrySet(socket, name, 0) ? new(size => TrySet(socket, name, size)) : null;
    }

    /// <summary>Makes the option fit one send; false if the system refuses.</summary>
    public bool Fit(in Transmit transmit)
    {
        if (transmit.SegmentSize == _size || transmit.SegmentSize == 0 && transmit.Length <= _size) return true;
        if (!trySet(transmit.SegmentSize)) return false;
        _size = transmit.SegmentSize;
        return true;
    }

    /// <summary>Nothing is cut any more; a size left behind would cut single datagrams that are longer.</summary>
    public void Clear()
    {
        if (_size != 0 && trySet(0)) _size = 0;
    }

    private static bool TrySet(Socket socket, int name, int size)
    {
        try
        {
            return UdpBinding.TrySetRaw(socket, Udp, name, size);
        }
        catch (ObjectDisposedException)
        {
            return true; // the send finds out
        }
    }
}
