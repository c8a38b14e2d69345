using System.Buffers.Binary;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace PeopleSwarm.Udx;

/// <summary>Receiving in bulk on Windows: <c>UDP_RECV_MAX_COALESCED_SIZE</c> and <c>WSARecvMsg</c>.</summary>
internal sealed unsafe class WindowsCoalescedReceive : ICoalescedReceive
{
    private const int Udp = 17, ReceiveMaxCoalescedSize = 3, CoalescedInfo = 3;
    private const int MaxCoalescedSize = ushort.MaxValue - 8; // less a UDP header
    private const int GetExtensionFunctionPointer = unchecked((int)0xC8000006);
    private const int ControlSize = 128;

    private static readonly Guid s_receiveMessage = new("f689d7c8-6f1f-436b-8a53-e54fe351c322"); // WSAID_WSARECVMSG

    private readonly Socket _socket;
    private readonly delegate* unmanaged<nint, Message*, uint*, void*, void*, int> _receiveMessage;

    private WindowsCoalescedReceive(Socket socket, nint receiveMessage)
    {
        _socket = socket;
        _receiveMessage = (delegate* unmanaged<nint, Message*, uint*, void*, void*, int>)receiveMessage;
    }

    /// <summary>The call for this socket, or null where its provider has none. The option is another matter.</summary>
    /// <exception cref="ObjectDisposedException">The socket is closed.</exception>
    public static WindowsCoalescedReceive? TryCreate(Socket socket)
    {
        byte[] pointer = new byte[nint.Size];
        try
        {
            socket.IOControl(GetExtensionFunctionPointer, s_receiveMessage.ToByteArray(), pointer); // Winsock exports no such function
        }
        catch (SocketException)
        {
            return null;
        }
        nint receiveMessage = MemoryMarshal.Read<nint>(pointer);
        return receiveMessage == 0 ? null : new(socket, receiveMessage);
    }

    public bool TrySwitch(bool isOn) => UdpBinding.TrySetRaw(_socket, Udp, ReceiveMaxCoalescedSize, isOn ? MaxCoalescedSize : 0);

    public SocketError Receive(Span<byte> buffer, Span<byte> from, out int length, out int segmentSize)
    {
        (length, segmentSize) = (0, 0);
        byte* control = stackalloc byte[ControlSize];
        var handle = _socket.SafeHandle;
        bool isHeld = false;
        try
        {
            handle.DangerousAddRef(ref isHeld);
            fixed (byte* bytes = buffer)
            fixed (byte* name = from)
            {
                Buffer data = new() { Length = (uint)buffer.Length, Bytes = bytes };
                Message message = new()
                {
                    Name = name,
                    NameLength = from.Length,
                    Buffers = &data,
                    BufferCount = 1,
                    Control = new() { Length = ControlSize, Bytes = control },
                };
                uint received;
                if (_receiveMessage(handle.DangerousGetHandle(), &message, &received, null, null) != 0)
                    return (SocketError)Marshal.GetLastSystemError();
                length = (int)Math.Min(received, (uint)buffer.Length);
                segmentSize = ReadSegmentSize(new(control, (int)Math.Min(message.Control.Length, ControlSize)), nint.Size);
                return SocketError.Success;
            }
        }
        finally
        {
            if (isHeld) handle.DangerousRelease();
        }
    }

    /// <summary>Looks among control messages, each a <c>WSACMSGHDR</c> and its data, for the size of the datagrams that came together.</summary>
    /// <param name="control">What the system wrote.</param>
    /// <param name="wordSize">Bytes of a pointer, to which the messages are aligned.</param>
    /// <returns>0 if there is none, or what was written makes no sense.</returns>
    public static int ReadSegmentSize(ReadOnlySpan<byte> control, int wordSize)
    {
        int headerSize = wordSize + 2 * sizeof(int);
        while (control.Length >= headerSize)
        {
            ulong size = wordSize == sizeof(ulong) ? BinaryPrimitives.ReadUInt64LittleEndian(control) : BinaryPrimitives.ReadUInt32LittleEndian(control);
            if (size < (ulong)headerSize || size > (ulong)control.Length) return 0;
            int level = BinaryPrimitives.ReadInt32LittleEndian(control[wordSize..]);
            int type = BinaryPrimitives.ReadInt32LittleEndian(control[(wordSize + sizeof(int))..]);
            var data = control[headerSize..(int)size];
            if (level == Udp && type == CoalescedInfo && data.Length >= sizeof(int)) return Math.Max(0, BinaryPrimitives.ReadInt32LittleEndian(data));
            int aligned = ((int)size + wordSize - 1) / wordSize * wordSize;
            control = control[Math.Min(aligned, control.Length)..];
        }
        return 0;
    }

    /// <summary><c>WSABUF</c>.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Buffer
    {
        public uint Length;
        public byte* Bytes;
    }

    /// <summary><c>WSAMSG</c>.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Message
    {
        public byte* Name;
        public int NameLength;
        public Buffer* Buffers;
        public uint BufferCount;
        public Buffer Control;
        public uint Flags;
    }
}
