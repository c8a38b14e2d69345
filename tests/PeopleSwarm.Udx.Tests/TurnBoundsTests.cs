using System.Collections.Concurrent;
using System.Net.Sockets;

namespace PeopleSwarm;

/// <summary>What a loop does in one turn is bounded, so that nobody waits for a flood to end.</summary>
public class TurnBoundsTests
{
    [Fact]
    public async Task Posted_work_is_done_in_batches()
    {
        TurnMachine machine = new();
        await using var host = HostKit.Create(options: new() { PostedBatch = 2 });
        host.Attach(machine);
        List<int> turns = [];
        await host.OnLoop(() =>
        {
            for (int i = 0; i < 10; i++) host.Post(_ => turns.Add(machine.Turns), null);
        });
        await host.OnLoop(() => { });
        Assert.Equal(10, turns.Count);
        Assert.All(turns.GroupBy(t => t), g => Assert.InRange(g.Count(), 1, 2));
    }

    [Fact]
    public async Task A_machine_with_much_to_send_lets_the_others_send_in_between()
    {
        TurnMachine greedy = new() { Takes = false }, modest = new();
        await using var host = HostKit.Create(options: new() { TransmitBatch = 3 });
        host.Attach(greedy);
        host.Attach(modest);
        var socket = host.Bind(HostKit.AnyLoopback);
        await host.OnLoop(() =>
        {
            for (byte i = 0; i < 20; i++) greedy.Outbox.Enqueue(([i], host.GetLocalEndPoint(socket), socket));
            modest.Outbox.Enqueue(([99], host.GetLocalEndPoint(socket), socket));
        });
        host.Wake();
        await modest.WaitFor(21);
        Assert.InRange(modest.Received.Select(r => (int)r.First).ToList().IndexOf(99), 0, 3);
    }

    [Fact]
    public async Task Datagrams_are_taken_in_batches()
    {
        TurnMachine machine = new();
        await using var host = HostKit.Create(options: new() { ReceiveBatch = 2, UseSegmentation = false });
        host.Attach(machine);
        var to = host.GetLocalEndPoint(host.Bind(HostKit.AnyLoopback));
        using Socket sender = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        await host.OnLoop(() =>
        {
            for (byte i = 0; i < 10; i++) sender.SendTo([i], to.ToIPEndPoint()); // all wait when the turn begins
        });
        await machine.WaitFor(10);
        Assert.All(machine.Received.GroupBy(r => r.Turn), g => Assert.InRange(g.Count(), 1, 2));
    }

    /// <summary>Counts the turns by the polls that end each.</summary>
    private sealed class TurnMachine : IDatagramMachine
    {
        public bool Takes { get; init; } = true;
        public int Turns { get; private set; }
        public Queue<(byte[] Bytes, UdpEndPoint To, SocketId Socket)> Outbox { get; } = new();
        public ConcurrentQueue<(byte First, int Turn)> Received { get; } = new();
        public Timestamp? NextTimeout => null;

        public async Task WaitFor(int datagrams)
        {
            using CancellationTokenSource limit = new(TimeSpan.FromSeconds(10));
            while (Received.Count < datagrams) await Task.Delay(5, limit.Token);
        }

        public bool Receive(Timestamp now, ReadOnlySpan<byte> datagram, in DatagramSource source)
        {
            if (!Takes) return false;
            Received.Enqueue((datagram[0], Turns));
            return true;
        }

        public void HandleTimeout(Timestamp now) { }

        public bool PollTransmit(Timestamp now, Span<byte> buffer, out Transmit transmit)
        {
            transmit = default;
            if (!Outbox.TryDequeue(out var next))
            {
                Turns++;
                return false;
            }
            next.Bytes.CopyTo(buffer);
            transmit = new(next.To, next.Bytes.Length, next.Socket);
            return true;
        }
    }
}
