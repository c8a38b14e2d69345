using System.Buffers;
using PeopleSwarm.Udx.Protocol;

namespace PeopleSwarm.Udx;

/// <summary>Datagrams in and out.</summary>
internal sealed partial class DatagramHost
{
    private const int TransmitBufferSize = UdxEndpoint.MaxTransmitBytes;

    private static readonly TimeSpan s_late = TimeSpan.FromMicroseconds(50); // many system calls

    private byte[] _transmitBuffer = []; // rented while there may be something to send
    private ReceiveCounts _received;
    private TransmitCounts _sent;

    // A transmit that met a full socket stays in the buffer and nothing is polled until it is gone.
    private Transmit _kept;
    private int _keptOffset, _keptLength;
    private int _isWritable;

    private void OnDatagram(ReadOnlySpan<byte> datagram, in DatagramSource source)
    {
        _received.Datagrams++;
        _received.Bytes += datagram.Length;
        if (!_posted.IsEmpty) RunPosted(); // what was asked for before this was sent comes before it: a stream relays from its first packet on
        foreach (var machine in _machines)
        {
            try
            {
                if (!machine.Receive(_now, datagram, source)) continue;
                if (machine is not IHostedMachine) SendIfLate();
                return;
            }
            catch (Exception error)
            {
                UdxLog.MachineFailed(_logger, error, machine.GetType().Name);
                return;
            }
        }
        _received.Unclaimed++;
    }

    /// <summary>What one datagram or one command led to does not wait for the next ones, if they take long.</summary>
    private void SendIfLate()
    {
        var before = _now;
        ReadClock();
        if (_now - before >= s_late) SendSome();
    }

    /// <summary>Polls every machine for a bounded number of transmits. True if there may be more.</summary>
    private bool SendSome(bool hostedOnly = false)
    {
        bool more = false;
        if (!TrySendKept()) return false;
        if (_transmitBuffer.Length == 0) _transmitBuffer = ArrayPool<byte>.Shared.Rent(TransmitBufferSize);
        foreach (var machine in _machines)
        {
            if (hostedOnly && machine is not IHostedMachine) continue;
            int budget = _options.TransmitBatch;
            while (budget > 0 && Poll(machine, out var transmit))
            {
                if (!TrySend(transmit, offset: 0)) return false;
                budget--;
                ReadClock();
            }
            more |= budget == 0;
        }
        ArrayPool<byte>.Shared.Return(_transmitBuffer);
        _transmitBuffer = [];
        _metrics.ReportSent(ref _sent);
        return more;
    }

    private bool Poll(IDatagramMachine machine, out Transmit transmit)
    {
        try
        {
            return machine.PollTransmit(_now, _transmitBuffer.AsSpan(0, TransmitBufferSize), out transmit);
        }
        catch (Exception error)
        {
            UdxLog.MachineFailed(_logger, error, machine.GetType().Name);
            transmit = default;
            return false;
        }
    }

    private bool TrySendKept()
    {
        if (_keptLength == 0) return true;
        bool isGone = !_sockets.ContainsKey(_kept.Socket.Value);
        if (!isGone && Interlocked.Exchange(ref _isWritable, 0) == 0) return false;
        _keptLength = 0;
        return TrySend(_kept, _keptOffset);
    }

    /// <summary>Sends in pieces as large as the socket can segment; false if the rest had to be kept.</summary>
    private bool TrySend(in Transmit transmit, int offset)
    {
        if (!_sockets.TryGetValue(transmit.Socket.Value, out var entry))
        {
            _sent.Dropped++;
            return true;
        }
        int segment = transmit.SegmentSize;
        int piece = segment == 0 ? transmit.Length : segment * entry.Socket.MaxSegments;
        while (offset < transmit.Length)
        {
            int length = Math.Min(piece, transmit.Length - offset);
            var part = transmit with { Length = length, SegmentSize = length > segment ? segment : 0 };
            if (!entry.Socket.TrySend(_transmitBuffer.AsSpan(offset, length), part))
            {
                (_kept, _keptOffset, _keptLength) = (transmit, offset, transmit.Length - offset);
                _sent.Blocked++;
                return false;
            }
            offset += length;
            _sent.Calls++;
            _sent.Bytes += length;
            _sent.Datagrams += part.SegmentSize == 0 ? 1 : (length + segment - 1) / segment;
        }
        return true;
    }

    private sealed class HostSocket(DatagramHost host, SocketId id, IDatagramSocket socket) : IDatagramReceiver
    {
        private int _isQueued;
        private int _taken;

        public SocketId Id { get; } = id;
        public IDatagramSocket Socket { get; } = socket;

        /// <summary>Whether a receive would find nothing; false where that cannot be told.</summary>
        public bool HasNothing => Socket is IPollableSocket { HasDatagram: false };

        public void QueueReceive()
        {
            if (Interlocked.Exchange(ref _isQueued, 1) == 0) host._readable.Enqueue(this);
        }

        /// <summary>Takes what waits, at most about <paramref name="budget"/>; returns how many came, at least 1.</summary>
        public int Receive(int budget)
        {
            Interlocked.Exchange(ref _isQueued, 0);
            _taken = 0;
            try
            {
                if (Socket.Receive(budget)) QueueReceive();
            }
            catch (Exception error)
            {
                host.OnSocketClosed(this, error);
            }
            return Math.Max(_taken, 1);
        }

        public void OnReadable()
        {
            QueueReceive();
            host._loop.WakeFromIo();
        }

        public void OnDatagram(ReadOnlySpan<byte> datagram, in UdpEndPoint from)
        {
            _taken++;
            host.OnDatagram(datagram, new DatagramSource(from, Id));
        }

        public void OnWritable()
        {
            Interlocked.Exchange(ref host._isWritable, 1);
            host._loop.Wake();
        }

        public void OnClosed(Exception? error)
        {
            if (error is not null) host.OnSocketClosed(this, error);
        }
    }
}
