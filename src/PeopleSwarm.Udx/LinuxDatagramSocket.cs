using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Microsoft.Extensions.Logging;
using static PeopleSwarm.Udx.UdpSegmentation;

namespace PeopleSwarm.Udx;

/// <summary>A UDP socket on Linux: many datagrams a call, both ways.</summary>
/// <remarks>The managed socket is there to bind and to close; the calls are made on its handle.</remarks>
internal sealed class LinuxDatagramSocket : SegmentingSocket, IDatagramSocket, IPollableSocket
{
    private const int MaxErrorsInARow = 64;

    private readonly Socket _socket;
    private readonly AddressFamily _family;
    private readonly ReceiveBatchPool _batches;
    private readonly SocketPoller.Watch _watch;
    private readonly byte[] _to;
    private IDatagramReceiver? _receiver;
    private int _errorsInARow;
    private int _isDisposed;

    public LinuxDatagramSocket(UdpEndPoint local, DatagramSocketOptions options, ReceiveBatchPool batches, UdxMetrics metrics, ILogger logger)
        : base(metrics, logger)
    {
        _socket = UdpBinding.Bind(local, options);
        (_family, _batches) = (_socket.AddressFamily, batches);
        LocalEndPoint = UdpEndPoint.From((IPEndPoint)_socket.LocalEndPoint!);
        _to = SocketAddressCodec.Create(_family).Buffer.ToArray();
        _watch = Watch();
        if (!TryCoalesce(_socket)) ReportRefusal("receive");
        MaxSegments = UdpSegmentation.MaxSegments;
        if (!CanSegment(_socket)) StopSegmenting();
    }

    public override UdpEndPoint LocalEndPoint { get; }

    public int MaxSegments { get; private set; }

    public void Start(IDatagramReceiver receiver)
    {
        ArgumentNullException.ThrowIfNull(receiver);
        if (Interlocked.CompareExchange(ref _receiver, receiver, null) is not null) throw new InvalidOperationException("The socket was started before.");
        receiver.OnReadable();
    }

    public bool Receive(int maxDatagrams)
    {
        var batch = _batches.Rent();
        try
        {
            for (int taken = 0; taken < maxDatagrams;)
            {
                if (Volatile.Read(ref _isDisposed) != 0) return false;
                int wanted = Math.Min(ReceiveBatch.MaxMessages, maxDatagrams - taken);
                int count = batch.Receive(_socket, wanted);
                if (count == -EINTR) continue;
                if (count == -EAGAIN)
                {
                    _watch.Ask(SocketPoller.Readable);
                    return false;
                }
                if (count < 0)
                {
                    if (++_errorsInARow >= MaxErrorsInARow) throw new SocketException(-count);
                    taken++; // what came of an earlier send; the socket itself is sound
                    continue;
                }
                _errorsInARow = 0;
                for (int i = 0; i < count; i++) taken += Deliver(batch, i);
                if (count < wanted) return true; // what comes while the loop does the rest of its turn needs no wake-up
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

    public BusyWait BusyWait => SocketPoller.Shared.BusyWait;

    public bool HasDatagram
    {
        get
        {
            try
            {
                return _socket.Available > 0;
            }
            catch (Exception error) when (error is SocketException or ObjectDisposedException)
            {
                return true; // the receive will tell
            }
        }
    }

    private int Deliver(ReceiveBatch batch, int index)
    {
        var bytes = batch.Read(index, _family, out var from, out int segmentSize);
        return Deliver(_receiver!, bytes, segmentSize, from);
    }

    private SocketPoller.Watch Watch()
    {
        try
        {
            return SocketPoller.Shared.Register(_socket.SafeHandle, OnReady);
        }
        catch
        {
            _socket.Dispose();
            throw;
        }
    }

    private void OnReady(uint ready)
    {
        try
        {
            if ((ready & SocketPoller.Readable) != 0) _receiver?.OnReadable();
            if ((ready & SocketPoller.Writable) != 0) _receiver?.OnWritable();
        }
        catch (Exception error)
        {
            _receiver?.OnClosed(error);
        }
    }

    public bool TrySend(ReadOnlySpan<byte> datagrams, in Transmit transmit)
    {
        if (transmit.To.Port == 0 || Volatile.Read(ref _isDisposed) != 0 || !SocketAddressCodec.TryWrite(_to, _family, transmit.To))
        {
            Metrics.SendRefused();
            return true;
        }
        int error = Send(datagrams, transmit);
        if (error == 0) return true;
        if (error == EAGAIN)
        {
            _watch.Ask(SocketPoller.Writable);
            return false;
        }
        if (error is EIO or EINVAL && transmit.SegmentSize > 0)
        {
            StopSegmenting();
            SendOneByOne(datagrams, transmit);
        }
        else
        {
            Metrics.SendRefused();
        }
        return true;
    }

    protected override void SendOne(ReadOnlySpan<byte> datagram, in Transmit transmit)
    {
        if (Send(datagram, transmit) != 0) Metrics.SendRefused();
    }

    private int Send(ReadOnlySpan<byte> datagrams, in Transmit transmit)
    {
        if (!transmit.MayFragment) return SendWhole(datagrams, transmit);
        try
        {
            UdpBinding.SetDontFragment(_socket, false);
            int error = SendWhole(datagrams, transmit);
            UdpBinding.SetDontFragment(_socket, true);
            return error;
        }
        catch (ObjectDisposedException)
        {
            return EBADF;
        }
    }

    /// <summary>One call; returns the system's error number, 0 for none.</summary>
    private unsafe int SendWhole(ReadOnlySpan<byte> datagrams, in Transmit transmit)
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
        ReportRefusal("send");
    }

    public ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) != 0) return ValueTask.CompletedTask;
        _watch.Dispose();
        _socket.Dispose();
        _receiver?.OnClosed(null);
        return ValueTask.CompletedTask;
    }
}
