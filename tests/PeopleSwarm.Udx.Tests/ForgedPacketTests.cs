using System.Net;
using System.Net.Sockets;
using PeopleSwarm.Udx.Protocol;

namespace PeopleSwarm;

/// <summary>Packets of a stranger over loopback, who knows or guesses a stream's id.</summary>
public class ForgedPacketTests
{
    private static readonly TimeSpan s_limit = HostKit.Limit;
    private static readonly PacketTypes[] s_kinds = [PacketTypes.Destroy, PacketTypes.End, PacketTypes.Data, PacketTypes.None, PacketTypes.Heartbeat];

    private static void Send(Socket stranger, UdpEndPoint to, UdxHeader header, int payload = 0)
    {
        byte[] packet = new byte[UdxHeader.Size + payload];
        header.Write(packet);
        stranger.SendTo(packet, to.ToIPEndPoint());
    }

    private static Socket Stranger()
    {
        // Another address, not only another port: 127.0.0.2 is local on Linux and Windows.
        Socket socket = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        try
        {
            socket.Bind(new IPEndPoint(IPAddress.Parse("127.0.0.2"), 0));
            return socket;
        }
        catch (SocketException error)
        {
            socket.Dispose();
            Assert.Skip($"This machine has one loopback address only: {error.SocketErrorCode}.");
            throw;
        }
    }

    /// <summary>Two streams that accept no path but their own.</summary>
    private static async Task<(IReliableStream Left, IReliableStream Right)> ConnectAsync(UdxPair pair)
    {
        var right = pair.Right.Connect(2, 1, pair.Left.LocalEndPoint);
        await pair.Right.Transport.Host.OnLoop(() => { });
        var left = pair.Left.Connect(1, 2, pair.Right.LocalEndPoint);
        await pair.Left.Transport.Host.OnLoop(() => { });
        return (left, right);
    }

    [Fact]
    public async Task They_neither_move_nor_reset_nor_stall_a_transfer()
    {
        await using var pair = UdxPair.Create();
        using var stranger = Stranger();
        var (left, right) = await ConnectAsync(pair);
        using CancellationTokenSource stop = new();
        var forging = Task.Run(() =>
        {
            Random random = new(1);
            for (int i = 0; i < 20_000 && !stop.IsCancellationRequested; i++)
            {
                uint far = (uint)random.Next(1 << 20, int.MaxValue); // numbers that are not known, as the id is
                uint window = (uint)random.Next(2) * 1_000_000;
                var types = s_kinds[random.Next(s_kinds.Length)];
                uint seq = types == PacketTypes.Destroy ? (uint)random.Next(1 << 20) : far;
                uint ack = types == PacketTypes.None && random.Next(2) == 0 ? 0 : far;
                Send(stranger, pair.Right.LocalEndPoint, new(types, 0, 2, window, seq, ack), payload: types == PacketTypes.Data ? 100 : 0);
                Send(stranger, pair.Left.LocalEndPoint, new(types, 0, 1, window, seq, ack), payload: types == PacketTypes.Data ? 100 : 0);
            }
        });
        var sending = Task.WhenAll(UdxPair.SendAsync(left.Output, 1, 3_000_000), UdxPair.SendAsync(right.Output, 2, 3_000_000));
        var atLeft = UdxPair.ReceiveAsync(left.Input);
        Assert.Equal(UdxPair.Expected(1, 3_000_000), (await UdxPair.ReceiveAsync(right.Input).WaitAsync(s_limit)).Hash);
        Assert.Equal(UdxPair.Expected(2, 3_000_000), (await atLeft.WaitAsync(s_limit)).Hash);
        await sending;
        Assert.Equal((pair.Right.LocalEndPoint, pair.Left.LocalEndPoint), (left.Remote.From, right.Remote.From));
        await stop.CancelAsync();
        await forging;
        var closed = await Task.WhenAll(left.Closed, right.Closed).WaitAsync(s_limit);
        Assert.All(closed, close => Assert.Equal(StreamCloseReason.Completed, close.Reason));
    }

    [Fact]
    public async Task An_idle_stream_stands_a_destroy_and_a_closed_window()
    {
        await using var pair = UdxPair.Create();
        using var stranger = Stranger();
        var (left, right) = await ConnectAsync(pair);
        await left.Output.WriteAsync(new byte[10]);
        await UdxPair.ReadAsync(right.Input, 10);
        await left.FlushAcknowledgedAsync().AsTask().WaitAsync(s_limit);
        for (uint number = 0; number < 50; number++)
        {
            Send(stranger, pair.Left.LocalEndPoint, new(PacketTypes.Destroy, 0, 1, 0, number, number));
            Send(stranger, pair.Left.LocalEndPoint, new(PacketTypes.None, 0, 1, 0, number, number));
        }
        await left.Output.WriteAsync(new byte[200_000]);
        Assert.Equal(200_000, (await UdxPair.ReadAsync(right.Input, 200_000)).Length);
        Assert.False(left.Closed.IsCompleted);
        Assert.Equal(pair.Right.LocalEndPoint, left.Remote.From);
    }
}
