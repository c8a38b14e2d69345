using System.Buffers.Binary;
using System.Net.Sockets;

namespace PeopleSwarm.Udx;

/// <summary>The socket option that cuts a longer send into equal datagrams: <c>UDP_SEND_MSG_SIZE</c> on Windows, <c>UDP_SEGMENT</c> on Linux.</summary>
internal sealed class SegmentSizeOption
{
    private const int Udp = 17, WindowsSendMessageSize = 2, LinuxSegment = 103;

    private readonly Socket _socket;
    private readonly int _name;
    private int _size;

    private SegmentSizeOption(Socket socket, int name) => (_socket, _name) = (socket, name);

    /// <summary>The option of this socket, or null where the system has none: Windows before 10 2004, Linux before 4.18, others.</summary>
    public static SegmentSizeOption? TryCreate(Socket socket)
    {
        int name = OperatingSystem.IsWindows() ? WindowsSendMessageSize : OperatingSystem.IsLinux() ? LinuxSegment : 0;
        var option = new SegmentSizeOption(socket, name);
        return name != 0 && option.TrySet(0) ? option : null;
    }

    /// <summary>Makes the option fit one send; false if the system refuses.</summary>
    public bool Fit(in Transmit transmit)
    {
        if (transmit.SegmentSize == _size || transmit.SegmentSize == 0 && transmit.Length <= _size) return true;
        return TrySet(transmit.SegmentSize);
    }

    private bool TrySet(int size)
    {
        Span<byte> value = stackalloc byte[sizeof(int)];
        BinaryPrimitives.WriteInt32LittleEndian(value, size);
        try
        {
            _socket.SetRawSocketOption(Udp, _name, value);
        }
        catch (SocketException)
        {
            return false;
        }
        _size = size;
        return true;
    }
}
