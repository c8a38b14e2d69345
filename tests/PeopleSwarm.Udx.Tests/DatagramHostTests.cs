using System.Collections.Concurrent;
using System.Net.Sockets;
using PeopleSwarm.Udx;

namespace PeopleSwarm;

/// <summary>The loop over the socket that every system has.</summary>
public sealed class PortableDatagramHostTests : DatagramHostTests
{
    protected override bool UseSegmentation => false;
}

/// <summary>The loop over the socket that carries many datagrams a call.</summary>
public sealed class SegmentingDatagramHostTests : DatagramHostTests
{
    public SegmentingDatagramHostTests() => Assert.SkipUnless(UdpSegmentation.IsSupported, "This system has no UDP segmentation.");

    protected override bool UseSegmentation => true;

    [Fact]
    public async Task A_hundred_segments_arrive_in_order()
    {
        ScriptedMachine machine = new();
        await using var host = NewHost();
        host.Attach(machine);
        var socket = host.Bind(HostKit.AnyLoopback);
        byte[] run = new byte[100 * 600 - 17];
        for (int i = 0; i < run.Length; i++) run[i] = (byte)(i / 600);
        machine.Queue(run, new(host.GetLocalEndPoint(socket), run.Length, socket, SegmentSize: 600, Ttl: 9));
        host.Wake();
        await machine.WaitForCount(100);
        for (int i = 0; i < 100; i++)
        {
            Assert.Equal(i < 99 ? 600 : 583, machine[i].Bytes.Length);
            Assert.All(machine[i].Bytes, b => Assert.Equal(i, b));
        }
    }

    [Fact]
    public async Task A_kernel_that_refuses_segments_gets_single_datagrams_from_then_on()
    {
        // Segments that do not fit the interface are refused as a run; as single datagrams the system may still take them apart.
        UdpDatagramSocketFactory factory = new(Microsoft.Extensions.Options.Options.Create(new DatagramHostOptions()), HostKit.Metrics);
        await using var socket = factory.Bind(HostKit.AnyLoopback, DatagramSocketOptions.Default);
        Assert.Equal(UdpSegmentation.MaxSegments, socket.MaxSegments);
        byte[] run = new byte[1000];
        Assert.True(socket.TrySend(run, new Transmit(UdpEndPoint.Loopback(9), run.Length, default, SegmentSize: 1))); // more segments than a send may have
        Assert.Equal(1, socket.MaxSegments);
    }
}

public abstract class DatagramHostTests
{
    protected abstract bool UseSegmentation { get; }

    private protected DatagramHost NewHost() => HostKit.Create(options: new DatagramHostOptions { UseSegmentation = UseSegmentation });

    [Fact]
    public async Task A_datagram_goes_from_host_to_host_and_back()
    {
        ScriptedMachine alice = new(), bob = new();
        await using var aliceHost = NewHost();
        await using var bobHost = NewHost();
        aliceHost.Attach(alice);
        bobHost.Attach(bob);
        var aliceSocket = aliceHost.Bind(HostKit.AnyLoopback);
        var bobSocket = bobHost.Bind(HostKit.AnyLoopback);

        alice.Queue([1, 2, 3], new(bobHost.GetLocalEndPoint(bobSocket), 3, aliceSocket));
        aliceHost.Wake();
        await bob.WaitForCount(1);
        Assert.Equal([1, 2, 3], bob[0].Bytes);
        Assert.Equal(aliceHost.GetLocalEndPoint(aliceSocket), bob[0].Source.From);
        Assert.Equal(bobSocket, bob[0].Source.Socket);

        bob.Queue([4], new(bob[0].Source.From, 1, bobSocket));
        bobHost.Wake();
        await alice.WaitForCount(1);
        Assert.Equal([4], alice[0].Bytes);
    }

    [Fact]
    public async Task Machines_are_asked_in_the_order_they_were_attached_until_one_takes_the_datagram()
    {
        ScriptedMachine first = new() { Takes = bytes => bytes[0] == 1 }, second = new() { Takes = bytes => bytes[0] != 3 }, third = new();
        await using var host = NewHost();
        foreach (var machine in new[] { first, second, third }) host.Attach(machine);
        var socket = host.Bind(HostKit.AnyLoopback);
        var self = host.GetLocalEndPoint(socket);
        for (byte kind = 1; kind <= 3; kind++) first.Queue([kind], new(self, 1, socket));
        host.Wake();
        await Task.WhenAll(first.WaitForCount(1), second.WaitForCount(1), third.WaitForCount(1));
        Assert.Equal((1, 2, 3), (first[0].Bytes[0], second[0].Bytes[0], third[0].Bytes[0]));
        Assert.Equal((1, 1, 1), (first.Count, second.Count, third.Count));
    }

    [Fact]
    public async Task A_run_of_segments_arrives_as_single_datagrams()
    {
        ScriptedMachine machine = new();
        await using var host = NewHost();
        host.Attach(machine);
        var socket = host.Bind(HostKit.AnyLoopback);
        byte[] run = new byte[2500];
        for (int i = 0; i < run.Length; i++) run[i] = (byte)(i / 1000);
        machine.Queue(run, new(host.GetLocalEndPoint(socket), run.Length, socket, SegmentSize: 1000));
        host.Wake();
        await machine.WaitForCount(3);
        for (int i = 0; i < 3; i++)
        {
            Assert.Equal(i < 2 ? 1000 : 500, machine[i].Bytes.Length);
            Assert.All(machine[i].Bytes, b => Assert.Equal(i, b));
        }
    }

    [Fact]
    public async Task Posted_work_runs_on_the_loop_in_order_and_never_inline()
    {
        await using var host = NewHost();
        List<int> order = [];
        bool wasInline = true;
        await host.OnLoop(() =>
        {
            host.Post(_ => order.Add(2), null);
            order.Add(1);
            wasInline = order.Count != 1;
        });
        await host.OnLoop(() => Assert.True(host.IsCurrent));
        Assert.False(wasInline);
        Assert.Equal([1, 2], order);
        Assert.False(host.IsCurrent);
    }

    [Fact]
    public async Task Work_posted_before_a_datagram_was_sent_is_done_before_the_datagram_is_taken()
    {
        bool isDone = false, wasDone = false;
        ScriptedMachine machine = new() { Takes = _ => (wasDone = isDone) | true };
        await using var host = HostKit.Create(options: new() { PostedBatch = 1 });
        host.Attach(machine);
        var to = host.GetLocalEndPoint(host.Bind(HostKit.AnyLoopback));
        using Socket sender = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        await host.OnLoop(() =>
        {
            host.Post(_ => isDone = true, null);
            sender.SendTo([1], to.ToIPEndPoint());
            Thread.Sleep(100); // both wait when the next turn begins
        });
        await machine.WaitForCount(1);
        Assert.True(wasDone);
    }

    [Fact]
    public async Task A_deadline_is_met_and_a_later_one_does_not_delay_it()
    {
        TaskCompletionSource<Timestamp> fired = new(TaskCreationOptions.RunContinuationsAsynchronously);
        ScriptedMachine late = new(), soon = new() { OnTimeout = now => fired.SetResult(now) };
        await using var host = NewHost();
        var start = host.Now;
        late.NextTimeout = start + TimeSpan.FromMinutes(1);
        soon.NextTimeout = start + TimeSpan.FromMilliseconds(30);
        host.Attach(late);
        host.Attach(soon);
        var due = start + TimeSpan.FromMilliseconds(30);
        var at = await fired.Task.WaitAsync(HostKit.Limit);
        Assert.True(at >= due, "A deadline must not come early.");
        Assert.NotNull(late.NextTimeout);
    }

    [Fact]
    public async Task A_port_in_use_is_refused_with_the_systems_error()
    {
        await using var host = NewHost();
        var local = host.GetLocalEndPoint(host.Bind(HostKit.AnyLoopback));
        var error = Assert.Throws<SocketException>(() => host.Bind(local));
        Assert.Equal(SocketError.AddressAlreadyInUse, error.SocketErrorCode);
    }

    [Fact]
    public async Task A_closed_socket_is_unknown_and_sends_through_it_are_dropped()
    {
        ScriptedMachine machine = new();
        await using var host = NewHost();
        host.Attach(machine);
        var first = host.Bind(HostKit.AnyLoopback);
        var second = host.Bind(HostKit.AnyLoopback);
        var to = host.GetLocalEndPoint(second);
        host.Close(first);
        Assert.Throws<ArgumentException>(() => host.GetLocalEndPoint(first));
        machine.Queue([1], new(to, 1, first));
        machine.Queue([2], new(to, 1, second));
        host.Wake();
        await machine.WaitForCount(1);
        Assert.Equal(2, machine[0].Bytes[0]);
        host.Close(first);
    }

    [Fact]
    public async Task A_send_to_a_closed_port_does_not_stop_the_socket()
    {
        ScriptedMachine machine = new();
        await using var host = NewHost();
        host.Attach(machine);
        var socket = host.Bind(HostKit.AnyLoopback);
        var gone = host.Bind(HostKit.AnyLoopback);
        var goneAt = host.GetLocalEndPoint(gone);
        host.Close(gone);
        for (int i = 0; i < 5; i++) machine.Queue([9], new(goneAt, 1, socket));
        machine.Queue([8], new(UdpEndPoint.Loopback(0), 1, socket));
        machine.Queue([1], new(host.GetLocalEndPoint(socket), 1, socket, Ttl: 1));
        machine.Queue([2], new(host.GetLocalEndPoint(socket), 1, socket));
        host.Wake();
        await machine.WaitForCount(2);
        Assert.Equal((1, 2), (machine[0].Bytes[0], machine[1].Bytes[0]));
    }

    [Fact]
    public async Task A_machine_that_throws_does_not_stop_the_loop()
    {
        ScriptedMachine broken = new() { Takes = _ => throw new InvalidOperationException("broken") }, whole = new();
        await using var host = NewHost();
        host.Attach(broken);
        var socket = host.Bind(HostKit.AnyLoopback);
        broken.Queue([1], new(host.GetLocalEndPoint(socket), 1, socket));
        host.Wake();
        host.Post(_ => throw new InvalidOperationException("posted"), null);
        await host.OnLoop(() => { });
        host.Detach(broken);
        host.Attach(whole);
        whole.Queue([2], new(host.GetLocalEndPoint(socket), 1, socket));
        host.Wake();
        await whole.WaitForCount(1);
    }

    [Fact]
    public async Task A_full_socket_keeps_one_transmit_and_loses_nothing()
    {
        BlockingSocketFactory sockets = new();
        ScriptedMachine machine = new();
        await using var host = HostKit.Create(sockets);
        host.Attach(machine);
        var socket = host.Bind(HostKit.AnyLoopback);
        for (byte i = 0; i < 6; i++) machine.Queue([i], new(UdpEndPoint.Loopback(9), 1, socket));
        host.Wake();
        for (int i = 0; i < 6; i++)
        {
            using CancellationTokenSource limit = new(HostKit.Limit);
            while (sockets.Socket!.Sent.Count <= i) await Task.Delay(1, limit.Token);
            await host.OnLoop(() => { });
            await host.OnLoop(() => { });
            Assert.Equal(i + 1, sockets.Socket.Sent.Count);
            sockets.Socket.MakeRoom();
        }
        Assert.Equal((byte[])[0, 1, 2, 3, 4, 5], sockets.Socket!.Sent);
    }

    [Fact]
    public async Task A_socket_that_ends_by_itself_is_reported_on_the_loop()
    {
        BlockingSocketFactory sockets = new();
        await using var host = HostKit.Create(sockets);
        TaskCompletionSource<(SocketId, Exception, bool)> failed = new(TaskCreationOptions.RunContinuationsAsynchronously);
        host.SocketFailed += (id, error) => failed.SetResult((id, error, host.IsCurrent));
        var socket = host.Bind(HostKit.AnyLoopback);
        IOException cause = new("gone");
        sockets.Socket!.Fail(cause);
        var (failedId, reported, wasOnLoop) = await failed.Task.WaitAsync(HostKit.Limit);
        Assert.Equal((socket, true), (failedId, wasOnLoop));
        Assert.Same(cause, reported);
        Assert.Throws<ArgumentException>(() => host.GetLocalEndPoint(socket));
    }

    [Fact]
    public async Task Binding_and_closing_on_many_threads_leaves_no_socket_behind()
    {
        await using var host = NewHost();
        await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(() =>
        {
            for (int i = 0; i < 25; i++)
            {
                var socket = host.Bind(HostKit.AnyLoopback);
                Assert.NotEqual(0, host.GetLocalEndPoint(socket).Port);
                host.Close(socket);
            }
        })));
        await host.DisposeAsync();
        Assert.Throws<ObjectDisposedException>(() => host.Bind(HostKit.AnyLoopback));
        await host.DisposeAsync();
    }

    [Fact]
    public async Task A_dual_mode_socket_talks_to_both_families()
    {
        if (!Socket.OSSupportsIPv6) Assert.Skip("This system has no IPv6.");
        ScriptedMachine machine = new();
        await using var host = NewHost();
        host.Attach(machine);
        var dual = host.Bind(UdpEndPoint.AnyIPv6);
        var v4 = host.Bind(HostKit.AnyLoopback);
        ushort port = host.GetLocalEndPoint(dual).Port;
        var v6Loopback = UdpEndPoint.Parse($"[::1]:{port}");
        machine.Queue([4], new(UdpEndPoint.Loopback(port), 1, v4));
        machine.Queue([5], new(host.GetLocalEndPoint(v4), 1, dual, Ttl: 3));
        machine.Queue([6], new(v6Loopback, 1, dual));
        machine.Queue([7], new(v6Loopback, 1, v4));
        host.Wake();
        await machine.WaitForCount(3);
        var byKind = Enumerable.Range(0, 3).Select(i => machine[i]).ToDictionary(m => m.Bytes[0], m => m.Source);
        Assert.Equal(new DatagramSource(host.GetLocalEndPoint(v4), dual), byKind[4]);
        Assert.Equal(new DatagramSource(UdpEndPoint.Loopback(port), v4), byKind[5]);
        Assert.Equal(new DatagramSource(v6Loopback, dual), byKind[6]);
    }

    [Fact]
    public async Task Datagrams_longer_than_2048_bytes_are_dropped()
    {
        ScriptedMachine machine = new();
        await using var host = NewHost();
        host.Attach(machine);
        var socket = host.Bind(HostKit.AnyLoopback);
        var self = host.GetLocalEndPoint(socket);
        machine.Queue(new byte[2049], new(self, 0, socket));
        machine.Queue(new byte[2048], new(self, 0, socket));
        machine.Queue([1], new(self, 0, socket));
        host.Wake();
        await machine.WaitForCount(2);
        Assert.Equal((2048, 1), (machine[0].Bytes.Length, machine[1].Bytes.Length));
    }

    /// <summary>A socket that takes one datagram and is then full until told otherwise.</summary>
    private sealed class BlockingSocketFactory : IDatagramSocketFactory
    {
        public BlockingSocket? Socket { get; private set; }

        public IDatagramSocket Bind(UdpEndPoint local, DatagramSocketOptions options) => Socket = new BlockingSocket();
    }

    private sealed class BlockingSocket : IDatagramSocket
    {
        private IDatagramReceiver? _receiver;
        private volatile bool _isFull;

        public ConcurrentQueue<byte> Sent { get; } = [];
        public UdpEndPoint LocalEndPoint => UdpEndPoint.Loopback(1);
        public int MaxSegments => 1;

        public void Start(IDatagramReceiver receiver) => _receiver = receiver;
        public bool Receive(int maxDatagrams) => false;

        public bool TrySend(ReadOnlySpan<byte> datagrams, in Transmit transmit)
        {
            if (_isFull) return false;
            _isFull = true;
            Sent.Enqueue(datagrams[0]);
            return true;
        }

        public void MakeRoom()
        {
            _isFull = false;
            _receiver!.OnWritable();
        }

        public void Fail(Exception error) => _receiver!.OnClosed(error);
        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
