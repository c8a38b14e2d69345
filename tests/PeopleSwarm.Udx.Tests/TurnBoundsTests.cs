using System.Collections.Concurrent;
using System.Net.Sockets;
using PeopleSwarm.Udx;

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

    [Fact]
    public async Task What_long_work_led_to_leaves_before_the_next_work()
    {
        ScriptedMachine machine = new();
        await using var host = HostKit.Create();
        host.Attach(machine);
        var socket = host.Bind(HostKit.AnyLoopback);
        List<int> waiting = [];
        await host.OnLoop(() =>
        {
            for (int i = 0; i < 3; i++)
            {
                host.Post(_ =>
                {
                    waiting.Add(machine.Waiting);
                    machine.Queue([1], new(host.GetLocalEndPoint(socket), 1, socket));
                    Thread.Sleep(1);
                }, null);
            }
        });
        await machine.WaitForCount(3);
        Assert.Equal([0, 0, 0], waiting);
    }

    [Fact]
    public async Task What_a_datagram_led_to_leaves_before_the_next_one_if_it_took_long()
    {
        const byte Question = 1, Answer = 2;
        List<int> waiting = [];
        ScriptedMachine machine = null!;
        UdpEndPoint self = default;
        SocketId socket = default;
        machine = new() { Takes = bytes => bytes[0] == Answer || Serve() };
        await using var host = HostKit.Create();
        host.Attach(machine);
        socket = host.Bind(HostKit.AnyLoopback);
        self = host.GetLocalEndPoint(socket);
        using Socket sender = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        await host.OnLoop(() =>
        {
            for (int i = 0; i < 3; i++) sender.SendTo([Question], self.ToIPEndPoint()); // all wait when the turn begins
        });
        await machine.WaitForCount(6);
        Assert.Equal([0, 0, 0], waiting);

        bool Serve()
        {
            waiting.Add(machine.Waiting);
            machine.Queue([Answer], new(self, 1, socket));
            Thread.Sleep(1);
            return true;
        }
    }

    [Theory, InlineData(false), InlineData(true)]
    public async Task A_socket_is_read_before_other_work_only_if_it_has_something(bool hasDatagram)
    {
        const int Turns = 5;
        EmptySocket socket = new() { HasDatagram = hasDatagram };
        await using var host = HostKit.Create(socket, options: new() { PostedBatch = 1 });
        host.Bind(HostKit.AnyLoopback);
        Assert.Equal(1, await socket.ReadsAfter(0)); // as it is bound
        List<int> reads = [];
        await host.OnLoop(() =>
        {
            socket.Receiver!.OnReadable();
            for (int i = 0; i < Turns; i++) host.Post(_ => reads.Add(socket.Reads), null);
        });
        await host.OnLoop(() => { });
        Assert.Equal(Enumerable.Repeat(hasDatagram ? 2 : 1, Turns), reads);
        Assert.Equal(2, await socket.ReadsAfter(1)); // in the end it is, to be watched again
    }

    /// <summary>A socket that nothing comes to, whatever it says.</summary>
    private sealed class EmptySocket : IDatagramSocketFactory, IDatagramSocket, IPollableSocket
    {
        private int _reads;

        public int Reads => Volatile.Read(ref _reads);
        public IDatagramReceiver? Receiver { get; private set; }
        public bool HasDatagram { get; init; }
        public BusyWait BusyWait { get; } = new();
        public UdpEndPoint LocalEndPoint => UdpEndPoint.Loopback(1);
        public int MaxSegments => 1;

        public IDatagramSocket Bind(UdpEndPoint local, DatagramSocketOptions options) => this;

        public void Start(IDatagramReceiver receiver) => Receiver = receiver;

        public bool Receive(int maxDatagrams)
        {
            Interlocked.Increment(ref _reads);
            return false;
        }

        public async Task<int> ReadsAfter(int reads)
        {
            using CancellationTokenSource limit = new(TimeSpan.FromSeconds(10));
            while (Reads <= reads) await Task.Delay(5, limit.Token);
            return Reads;
        }

        public bool TrySend(ReadOnlySpan<byte> datagrams, in Transmit transmit) => true;

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
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
            using CancellationTokenSource limit = new(HostKit.Limit);
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
