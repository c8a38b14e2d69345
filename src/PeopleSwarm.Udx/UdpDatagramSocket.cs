using System.Net;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using Microsoft.Extensions.Logging;

#pragma warning disable CA2012 // One awaiter at a time is kept in a field and read once, which is what keeps the loop free of allocations.

namespace PeopleSwarm.Udx;

/// <summary>
/// A UDP socket with what every system has: one datagram a call, nothing allocated for it. Sends carry several where the system has an option for it.
/// </summary>
internal sealed class UdpDatagramSocket : SegmentingSocket, IDatagramSocket
{
    /// <summary>The longest datagram taken; peers never send longer ones (spec udx, 2).</summary>
    internal const int MaxDatagram = 2048;

    private const int MaxErrorsInARow = 64;

    private readonly Socket _socket;
    private readonly byte _ttl;
    private readonly byte[] _receiveBuffer = GC.AllocateUninitializedArray<byte>(MaxDatagram + 1, pinned: true); // one more, to see longer ones
    private readonly SocketAddress _from, _to;
    private readonly BlockedSend _blocked;
    private readonly Action _onReceived;
    private SegmentSizeOption? _segmentSize;
    private IDatagramReceiver? _receiver;
    private ValueTaskAwaiter<int> _receive;
    private bool _isReceiving;
    private int _errorsInARow;
    private int _isDisposed;

    public UdpDatagramSocket(UdpEndPoint local, DatagramSocketOptions options, bool useSegmentation, UdxMetrics metrics, ILogger logger)
        : base(metrics, logger)
    {
        _socket = UdpBinding.Bind(local, options);
        _segmentSize = useSegmentation ? SegmentSizeOption.TryCreate(_socket) : null;
        _ttl = options.Ttl;
        LocalEndPoint = UdpEndPoint.From((IPEndPoint)_socket.LocalEndPoint!);
        _from = SocketAddressCodec.Create(_socket.AddressFamily);
        _to = SocketAddressCodec.Create(_socket.AddressFamily);
        _onReceived = () => _receiver!.OnReadable();
        _blocked = new BlockedSend(_socket, metrics, () => _receiver?.OnWritable());
    }

    public override UdpEndPoint LocalEndPoint { get; }

    public int MaxSegments => _segmentSize is null ? 1 : UdpSegmentation.MaxSegments;

    public void Start(IDatagramReceiver receiver)
    {
        ArgumentNullException.ThrowIfNull(receiver);
        if (Interlocked.CompareExchange(ref _receiver, receiver, null) is not null) throw new InvalidOperationException("The socket was started before.");
        receiver.OnReadable();
    }

    public bool Receive(int maxDatagrams)
    {
        for (int taken = 0; taken < maxDatagrams; taken++)
        {
            if (Volatile.Read(ref _isDisposed) != 0) return false;
            if (!_isReceiving)
            {
                _receive = _socket.ReceiveFromAsync(_receiveBuffer, SocketFlags.None, _from, CancellationToken.None).GetAwaiter();
                _isReceiving = true;
                if (!_receive.IsCompleted)
                {
                    _receive.UnsafeOnCompleted(_onReceived);
                    return false;
                }
            }
            else if (!_receive.IsCompleted)
            {
                return false;
            }
            _isReceiving = false;
            Deliver();
        }
        return true;
    }

    private void Deliver()
    {
        int length;
        try
        {
            length = _receive.GetResult();
            _errorsInARow = 0;
        }
        catch (SocketException error) when (error.SocketErrorCode == SocketError.MessageSize)
        {
            Metrics.DatagramTooLong();
            return;
        }
        catch (SocketException error) when (error.SocketErrorCode != SocketError.OperationAborted && ++_errorsInARow < MaxErrorsInARow)
        {
            return; // what came of an earlier send; the socket itself is sound
        }
        catch (Exception) when (Volatile.Read(ref _isDisposed) != 0)
        {
            return;
        }
        if (length > MaxDatagram)
        {
            Metrics.DatagramTooLong();
            return;
        }
        _receiver!.OnDatagram(_receiveBuffer.AsSpan(0, length), SocketAddressCodec.Read(_from.Buffer.Span, _socket.AddressFamily));
    }

    public bool TrySend(ReadOnlySpan<byte> datagrams, in Transmit transmit)
    {
        if (_blocked.IsBusy) return false;
        if (transmit.To.Port == 0 || Volatile.Read(ref _isDisposed) != 0 ||
            !SocketAddressCodec.TryWrite(_to.Buffer.Span, _socket.AddressFamily, transmit.To))
        {
            Metrics.SendRefused();
            return true;
        }
        if (_segmentSize?.Fit(transmit) == false) StopSegmenting();
        if (_segmentSize is null && transmit.SegmentSize > 0) SendOneByOne(datagrams, transmit);
        else Send(datagrams, transmit);
        return true;
    }

    private void Send(ReadOnlySpan<byte> datagrams, in Transmit transmit)
    {
        try
        {
            if (IsPlain(transmit)) _socket.SendTo(datagrams, SocketFlags.None, _to);
            else SendSpecial(datagrams, transmit);
        }
        catch (SocketException error) when (error.SocketErrorCode == SocketError.WouldBlock && IsPlain(transmit))
        {
            _blocked.Begin(datagrams, transmit);
        }
        catch (SocketException error) when (transmit.SegmentSize > 0 && IsRefusal(error.SocketErrorCode))
        {
            StopSegmenting();
            SendOneByOne(datagrams, transmit);
        }
        catch (SocketException)
        {
            Metrics.SendRefused();
        }
        catch (ObjectDisposedException)
        {
            Metrics.SendRefused();
        }
    }

    protected override void SendOne(ReadOnlySpan<byte> datagram, in Transmit transmit)
    {
        if (_blocked.IsBusy) Metrics.SendRefused();
        else Send(datagram, transmit);
    }

    private void StopSegmenting()
    {
        _segmentSize?.Clear();
        _segmentSize = null;
        ReportRefusal("send");
    }

    private static bool IsRefusal(SocketError error) =>
        error is SocketError.InvalidArgument or SocketError.MessageSize or SocketError.OperationNotSupported or SocketError.SocketError;

    private static bool IsPlain(in Transmit transmit) => transmit is { Ttl: 0, MayFragment: false };

    private void SendSpecial(ReadOnlySpan<byte> datagram, in Transmit transmit)
    {
        if (transmit.Ttl != 0) UdpBinding.SetTtl(_socket, transmit.Ttl);
        if (transmit.MayFragment) UdpBinding.SetDontFragment(_socket, false);
        try
        {
            _socket.SendTo(datagram, SocketFlags.None, _to);
        }
        finally
        {
            if (transmit.Ttl != 0) UdpBinding.SetTtl(_socket, _ttl);
            if (transmit.MayFragment) UdpBinding.SetDontFragment(_socket, true);
        }
    }

    public ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) != 0) return ValueTask.CompletedTask;
        _socket.Dispose();
        _receiver?.OnClosed(null);
        return ValueTask.CompletedTask;
    }
}
