using System.Net;
using System.Net.Sockets;

namespace PeopleSwarm.Udx;

/// <summary>Takes over what met a full send buffer and sends it when the system has room; one at a time.</summary>
internal sealed class BlockedSend(Socket socket, UdxMetrics metrics, Action onDone)
{
    private readonly SocketAddress _to = SocketAddressCodec.Create(socket.AddressFamily);
    private byte[] _buffer = [];
    private int _isBusy;

    /// <summary>Whether something waits; nothing else can be sent meanwhile.</summary>
    public bool IsBusy => Volatile.Read(ref _isBusy) != 0;

    public void Begin(ReadOnlySpan<byte> datagrams, in Transmit transmit)
    {
        if (_buffer.Length < datagrams.Length) _buffer = new byte[Math.Max(datagrams.Length, UdpDatagramSocket.MaxDatagram)];
        datagrams.CopyTo(_buffer);
        SocketAddressCodec.TryWrite(_to.Buffer.Span, socket.AddressFamily, transmit.To);
        Volatile.Write(ref _isBusy, 1);
        _ = SendAsync(datagrams.Length, transmit.SegmentSize == 0 ? datagrams.Length : transmit.SegmentSize);
    }

    private async Task SendAsync(int length, int segmentSize)
    {
        for (int offset = 0; offset < length; offset += segmentSize)
        {
            var segment = _buffer.AsMemory(offset, Math.Min(segmentSize, length - offset));
            try
            {
                await socket.SendToAsync(segment, SocketFlags.None, _to, CancellationToken.None).ConfigureAwait(false);
            }
            catch (SocketException)
            {
                metrics.SendRefused();
            }
            catch (ObjectDisposedException)
            {
                metrics.SendRefused();
            }
        }
        Volatile.Write(ref _isBusy, 0);
        onDone();
    }
}
