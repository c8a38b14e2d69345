using System.Net;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Microsoft.Extensions.Logging;
using static PeopleSwarm.Udx.UdpSegmentation;

#pragma warning disable CA2012 // One awaiter at a time is kept in a field and read once, which is what keeps the loop free of allocations.

namespace PeopleSwarm.Udx;

/// <summary>A UDP socket on Linux: many datagrams a call, both ways.</summary>
/// <remarks>The managed socket only says when something can be read or written; the calls are made on its handle.</remarks>
internal sealed class LinuxDatagramSocket : IDatagramSocket
{
    private const int MaxErrorsInARow = 64;

    private readonly Socket _socket;
    private readonly AddressFamily _family;
    private readonly ReceiveBatchPool _batches;
    private readonly UdxMetrics _metrics;
    private readonly ILogger _logger;
    private readonly BlockedSend _blocked;
    private readonly byte[] _peek = new byte[1];
    private readonly byte[] _to;
    private readonly Action _onReadable;
    private IDatagramReceiver? _receiver;
    private ValueTaskAwaiter<int> _wait;
    private bool _isWaiting;
    private int _errorsInARow;
    private int _isDisposed;

    public LinuxDatagramSocket(UdpEndPoint local, DatagramSocketOptions options, ReceiveBatchPool batches, UdxMetrics metrics, ILogger logger)
    {
        _socket = UdpBinding.Bind(local, options);
        (_family, _batches, _metrics, _logger) = (_socket.AddressFamily, batches, metrics, logger);
        LocalEndPoint = UdpEndPoint.From((IPEndPoint)_socket.LocalEndPoint!);
        _to = SocketAddressCodec.Create(_family).Buffer.ToArray();
        _onReadable = () => _receiver!.OnReadable();
        _blocked = new BlockedSend(_socket, metrics, () => _receiver?.OnWritable());
        if (!TryCoalesce(_socket)) OnRefused("receive");
        MaxSegments = UdpSegmentation.MaxSegments;
        if (!CanSegment(_socket)) StopSegmenting();
    }

    public UdpEndPoint LocalEndPoint { get; }

    public int MaxSegments { get; private set; }

    public void Start(IDatagramReceiver receiver)
    {
        ArgumentNullException.ThrowIfNull(receiver);
        if (Interlocked.CompareExchange(ref _receiver, receiver, null) is not null) throw new InvalidOperationException("The socket was started before.");
        receiver.OnReadable();
    }

    public bool Receive(int maxDatagrams)
    {
        if (_isWaiting && !TryEndWait()) return false;
        var batch = _batches.Rent();
        try
        {
            for (int taken = 0; taken < maxDatagrams;)
            {
                if (Volatile.Read(ref _isDisposed) != 0) return false;
                int wanted = Math.Min(ReceiveBatch.MaxMessages, maxDatagrams - taken);
                int count = batch.Receive(_socket, wanted);
                if (count == -EINTR) continue;
                if (count == -EAGAIN) return !BeginWait();
                if (count < 0)
                {
                    if (++_errorsInARow >= MaxErrorsInARow) throw new SocketException(-count);
                    taken++; // what came of an earlier send; the socket itself is sound
                    continue;
                }
                _errorsInARow = 0;
                for (int i = 0; i < count; i++) taken += Deliver(batch, i);
                if (count < wanted) return !BeginWait();
            }
            return true;
        }
        catch (ObjectDisposedException)
        {
            return false;
        }
        finally
        {
            _batches.Return(batch);
        }
    }

    private int Deliver(ReceiveBatch batch, int index)
    {
        var bytes = batch.Read(index, _family, out var from, out int segmentSize);
        int datagrams = 0;
        do
        {
            var datagram = bytes[..Math.Min(segmentSize, bytes.Length)];
            bytes = bytes[datagram.Length..];
            datagrams++;
            if (datagram.Length > UdpDatagramSocket.MaxDatagram) _metrics.DatagramTooLong();
            else _receiver!.OnDatagram(datagram, from);
        }
        while (!bytes.IsEmpty);
        return datagrams;
    }

    /// <summary>Has <see cref="IDatagramReceiver.OnReadable"/> called at the next datagram; false if one is there already.</summary>
    private bool BeginWait()
    {
        _wait = _socket.ReceiveAsync(_peek, SocketFlags.Peek, CancellationToken.None).GetAwaiter();
        _isWaiting = true;
        if (_wait.IsCompleted)
        {
            TryEndWait();
            return false;
        }
        _wait.UnsafeOnCompleted(_onReadable);
        return true;
    }

    private bool TryEndWait()
    {
        if (!_wait.IsCompleted) return false;
        _isWaiting = false;
        try
        {
            _wait.GetResult();
        }
        catch (SocketException) when (Volatile.Read(ref _isDisposed) == 0)
        {
            _errorsInARow++; // the call that follows sees it too, or the datagram behind it
        }
        catch (Exception) when (Volatile.Read(ref _isDisposed) != 0)
        {
            return false;
        }
        return true;
    }

    public bool TrySend(ReadOnlySpan<byte> datagrams, in Transmit transmit)
    {
        if (_blocked.IsBusy) return false;
        if (transmit.To.Port == 0 || Volatile.Read(ref _isDisposed) != 0 || !SocketAddressCodec.TryWrite(_to, _family, transmit.To))
        {
            _metrics.SendRefused();
            return true;
        }
        int error = Send(datagrams, transmit);
        if (error == 0) return true;
        if (error == EAGAIN && transmit.Ttl == 0)
        {
            _blocked.Begin(datagrams, transmit);
        }
        else if (error is EIO or EINVAL && transmit.SegmentSize > 0)
        {
            StopSegmenting();
            SendOneByOne(datagrams, transmit);
        }
        else
        {
            _metrics.SendRefused();
        }
        return true;
    }

    private void SendOneByOne(ReadOnlySpan<byte> datagrams, in Transmit transmit)
    {
        while (!datagrams.IsEmpty)
        {
            var datagram = datagrams[..Math.Min(transmit.SegmentSize, datagrams.Length)];
            if (Send(datagram, transmit with { Length = datagram.Length, SegmentSize = 0 }) != 0) _metrics.SendRefused();
            datagrams = datagrams[datagram.Length..];
        }
    }

    /// <summary>One call; returns the system's error number, 0 for none.</summary>
    private unsafe int Send(ReadOnlySpan<byte> datagrams, in Transmit transmit)
    {
        byte* control = stackalloc byte[ControlSize];
        fixed (byte* payload = datagrams)
        fixed (byte* to = _to)
        {
            IoVector vector = new() { Base = payload, Length = (nuint)datagrams.Length };
            int controlSize = WriteControl(control, transmit.SegmentSize, transmit.Ttl, transmit.To.IsIPv4);
            MessageHeader message = new()
            {
                Name = to,
                NameLength = (uint)(_family == AddressFamily.InterNetwork ? SocketAddressCodec.IPv4Size : SocketAddressCodec.IPv6Size),
                Vectors = &vector,
                VectorCount = 1,
                Control = controlSize == 0 ? null : control,
                ControlLength = (nuint)controlSize,
            };
            try
            {
                while (true)
                {
                    if (SendMessage(_socket.SafeHandle, &message, DontWait) >= 0) return 0;
                    int error = Marshal.GetLastPInvokeError();
                    if (error != EINTR) return error;
                }
            }
            catch (ObjectDisposedException)
            {
                return EBADF;
            }
        }
    }

    private void StopSegmenting()
    {
        MaxSegments = 1;
        OnRefused("send");
    }

    private void OnRefused(string direction)
    {
        _metrics.SegmentationRefused(direction);
        UdxLog.SegmentationRefused(_logger, direction, LocalEndPoint);
    }

    public ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) != 0) return ValueTask.CompletedTask;
        _socket.Dispose();
        _receiver?.OnClosed(null);
        return ValueTask.CompletedTask;
    }
}
