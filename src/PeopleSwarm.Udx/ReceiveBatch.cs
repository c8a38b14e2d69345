using System.Collections.Concurrent;
using System.Net.Sockets;
using static PeopleSwarm.Udx.UdpSegmentation;

namespace PeopleSwarm.Udx;

/// <summary>Room for the messages of one <c>recvmmsg</c>, each with as many datagrams as the kernel puts together.</summary>
internal sealed unsafe class ReceiveBatch
{
    public const int MaxMessages = 16;
    private const int MessageSize = 64 * 1024, NameSize = 32;

    private readonly byte[] _payload = GC.AllocateUninitializedArray<byte>(MaxMessages * MessageSize, pinned: true);
    private readonly byte[] _names = GC.AllocateArray<byte>(MaxMessages * NameSize, pinned: true);
    private readonly byte[] _controls = GC.AllocateArray<byte>(MaxMessages * ControlSize, pinned: true);
    private readonly IoVector[] _vectors = GC.AllocateArray<IoVector>(MaxMessages, pinned: true);
    private readonly ReceivedMessage[] _messages = GC.AllocateArray<ReceivedMessage>(MaxMessages, pinned: true);

    public ReceiveBatch()
    {
        for (int i = 0; i < MaxMessages; i++)
        {
            _vectors[i] = new IoVector { Base = Address(_payload, i * MessageSize), Length = MessageSize };
            ref var header = ref _messages[i].Header;
            header.Name = Address(_names, i * NameSize);
            header.Vectors = (IoVector*)System.Runtime.CompilerServices.Unsafe.AsPointer(ref _vectors[i]); // pinned for life
            header.VectorCount = 1;
            header.Control = Address(_controls, i * ControlSize);
        }
    }

    /// <summary>Takes up to <paramref name="count"/> messages without waiting; a negative result is an error number.</summary>
    public int Receive(Socket socket, int count)
    {
        count = Math.Min(count, MaxMessages);
        for (int i = 0; i < count; i++)
        {
            ref var header = ref _messages[i].Header;
            (header.NameLength, header.ControlLength) = (NameSize, ControlSize);
        }
        fixed (ReceivedMessage* messages = _messages)
        {
            int received = ReceiveMessages(socket.SafeHandle, messages, (uint)count, DontWait, null);
            return received >= 0 ? received : -System.Runtime.InteropServices.Marshal.GetLastPInvokeError();
        }
    }

    /// <summary>One message: its bytes, who sent it, and the size of the datagrams in it; 0 if it is a single one.</summary>
    public ReadOnlySpan<byte> Read(int index, AddressFamily family, out UdpEndPoint from, out int segmentSize)
    {
        ref var message = ref _messages[index];
        from = SocketAddressCodec.Read(_names.AsSpan(index * NameSize, NameSize), family);
        segmentSize = ReadSegmentSize(message.Header.Control, message.Header.ControlLength);
        return _payload.AsSpan(index * MessageSize, (int)message.Length);
    }

    private static byte* Address(byte[] pinned, int offset) =>
        (byte*)System.Runtime.CompilerServices.Unsafe.AsPointer(ref pinned[offset]);
}

/// <summary>Batches shared by all sockets of the process: a socket needs one only while it receives, so there are no more than threads.</summary>
internal sealed class ReceiveBatchPool
{
    private readonly ConcurrentQueue<ReceiveBatch> _idle = new();

    public static ReceiveBatchPool Shared { get; } = new();

    public ReceiveBatch Rent() => _idle.TryDequeue(out var batch) ? batch : new ReceiveBatch();

    public void Return(ReceiveBatch batch) => _idle.Enqueue(batch);
}
