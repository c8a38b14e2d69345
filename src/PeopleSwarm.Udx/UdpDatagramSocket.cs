using System.Buffers;
using System.Net;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using Microsoft.Extensions.Logging;
using PeopleSwarm.Udx.Protocol;

#pragma warning disable CA2012 // One awaiter at a time is kept in a field and read once, which is what keeps the loop free of allocations.

namespace PeopleSwarm.Udx;

/// <summary>
/// A UDP socket with what every system has: one datagram a call, nothing allocated for it. Sends carry several where the system has an option for it,
/// and receives where it can put together what comes in bulk.
/// </summary>
internal sealed class UdpDatagramSocket : SegmentingSocket, IDatagramSocket
{
    /// <summary>The longest datagram taken; peers never send longer ones (spec udx, 2).</summary>
    internal const int MaxDatagram = UdxPacket.MaxSize;

    private const int MaxErrorsInARow = 64;

    // Some drivers put datagrams together without a word of their size (microsoft/msquic#4955). Where only long ones come, such a message is longer
    // than any datagram, and so is known for what it is. Short ones would pass for one datagram.
    private const int BulkRun = 16, BulkDatagram = MaxDatagram / 2;

    private readonly Socket _socket;
    private readonly byte _ttl;
    private readonly byte[] _receiveBuffer = GC.AllocateUninitializedArray<byte>(MaxDatagram + 1, pinned: true); // one more, to see longer ones
    private readonly SocketAddress _from, _to;
    private readonly BlockedSend _blocked;
    private readonly Action _onReceived;
    private readonly Func<Socket, ICoalescedReceive?>? _coalesce;
    private SegmentSizeOption? _segmentSize;
    private ICoalescedReceive? _coalesced; // while datagrams may come together
    private ArrivalWatch? _arrivals;
    private int _longInARow;
    private IDatagramReceiver? _receiver;
    private ValueTaskAwaiter<int> _receive;
    private bool _isReceiving;
    private int _errorsInARow;
    private int _isDisposed;

    /// <param name="local">Where to bind.</param>
    /// <param name="options">How to bind.</param>
    /// <param name="useSegmentation">Whether sends may carry several datagrams.</param>
    /// <param name="metrics">Where it counts.</param>
    /// <param name="logger">Where it tells of refusals.</param>
    /// <param name="coalesce">Makes the call that receives in bulk, tried when that many come; null where the system has none.</param>
    public UdpDatagramSocket(UdpEndPoint local, DatagramSocketOptions options, bool useSegmentation, UdxMetrics metrics, ILogger logger,
        Func<Socket, ICoalescedReceive?>? coalesce = null)
        : base(metrics, logger)
    {
        _socket = UdpBinding.Bind(local, options);
        (_ttl, _coalesce) = (options.Ttl, coalesce);
        LocalEndPoint = UdpEndPoint.From((IPEndPoint)_socket.LocalEndPoint!);
        _from = SocketAddressCodec.Create(_socket.AddressFamily);
        _to = SocketAddressCodec.Create(_socket.AddressFamily);
        _onReceived = () => _receiver!.OnReadable();
        _blocked = new BlockedSend(_socket, metrics, () => _receiver?.OnWritable());
        if (!useSegmentation) return;
        _segmentSize = SegmentSizeOption.TryCreate(_socket);
        if (_segmentSize is null && SegmentSizeOption.IsKnown) ReportRefusal("send");
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
        try
        {
            for (int taken = 0; taken < maxDatagrams;)
            {
                if (Volatile.Read(ref _isDisposed) != 0) return false;
                int came = _coalesced is null ? ReceiveOne() : ReceiveRun(_coalesced);
                if (came == 0) return false;
                taken += came;
            }
            return true;
        }
        catch (ObjectDisposedException)
        {
            return false;
        }
    }

    /// <summary>One datagram or error; 0 if none waits.</summary>
    private int ReceiveOne()
    {
        if (!_isReceiving)
        {
            _receive = _socket.ReceiveFromAsync(_receiveBuffer, SocketFlags.None, _from, CancellationToken.None).GetAwaiter();
            _isReceiving = true;
            if (!_receive.IsCompleted)
            {
                _receive.UnsafeOnCompleted(_onReceived);
                return 0;
            }
        }
        else if (!_receive.IsCompleted)
        {
            return 0;
        }
        _isReceiving = false;
        if (!TryTake(out int length)) return 1;
        Deliver(_receiver!, _receiveBuffer.AsSpan(0, length), 0, SocketAddressCodec.Read(_from.Buffer.Span, _socket.AddressFamily));
        _longInARow = length > BulkDatagram ? _longInARow + 1 : 0;
        if (_longInARow == BulkRun && _coalesce is not null) StartCoalescing(_coalesce);
        return 1;
    }

    private bool TryTake(out int length)
    {
        length = 0;
        try
        {
            length = _receive.GetResult();
            _errorsInARow = 0;
            return true;
        }
        catch (SocketException error) when (error.SocketErrorCode == SocketError.MessageSize)
        {
            Metrics.DatagramTooLong();
        }
        catch (SocketException error) when (IsOfASend(error.SocketErrorCode) ||
            error.SocketErrorCode != SocketError.OperationAborted && ++_errorsInARow < MaxErrorsInARow)
        {
            // the socket itself is sound
        }
        catch (Exception) when (Volatile.Read(ref _isDisposed) != 0)
        {
        }
        return false;
    }

    // An ICMP answer to an earlier send, where Windows cannot be told to keep it to itself. Anybody can cause any number of them.
    private static bool IsOfASend(SocketError error) => error is SocketError.ConnectionReset or SocketError.NetworkReset;

    private void StartCoalescing(Func<Socket, ICoalescedReceive?> coalesce)
    {
        if (_arrivals is not null) return; // it was on before
        _arrivals = new ArrivalWatch(_socket, _onReceived);
        var coalesced = coalesce(_socket);
        if (coalesced?.TrySwitch(true) == true) _coalesced = coalesced;
        else ReportRefusal("receive");
    }

    private void StopCoalescing(ICoalescedReceive coalesced)
    {
        coalesced.TrySwitch(false);
        _coalesced = null;
        _errorsInARow = 0;
        ReportRefusal("receive");
    }

    /// <summary>The datagrams of one message, or an error; 0 if none waits.</summary>
    private int ReceiveRun(ICoalescedReceive coalesced)
    {
        byte[] buffer = ArrayPool<byte>.Shared.Rent(ICoalescedReceive.MaxMessage);
        try
        {
            var from = _from.Buffer.Span;
            var error = coalesced.Receive(buffer, from, out int length, out int segmentSize);
            if (error == SocketError.Success)
            {
                _errorsInARow = 0;
                if (segmentSize == 0 && length > MaxDatagram) StopCoalescing(coalesced);
                return Deliver(_receiver!, buffer.AsSpan(0, length), segmentSize, SocketAddressCodec.Read(from, _socket.AddressFamily));
            }
            if (error == SocketError.MessageSize) Metrics.DatagramTooLong();
            else if (!IsOfASend(error) && ++_errorsInARow == MaxErrorsInARow) StopCoalescing(coalesced); // that nothing waits counts, too
            else if (error == SocketError.WouldBlock) return _arrivals!.Ask() ? 1 : 0;
            return 1;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
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
        _arrivals?.Dispose();
        _receiver?.OnClosed(null);
        return ValueTask.CompletedTask;
    }
}
