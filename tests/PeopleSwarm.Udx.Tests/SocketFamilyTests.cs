using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using PeopleSwarm.Udx;

namespace PeopleSwarm;

/// <summary>IPv4, IPv6 and both at once, and hop limits; over the socket that every system has.</summary>
public sealed class PortableSocketFamilyTests : SocketFamilyTests
{
    protected override IDatagramSocket BindSocket(UdpEndPoint local, DatagramSocketOptions options) =>
        new UdpDatagramSocket(local, options, useSegmentation: false, HostKit.Metrics, NullLogger.Instance);
}

/// <summary>The same over that socket where an option of the system cuts what it sends.</summary>
public sealed class OptionSegmentingSocketFamilyTests : SocketFamilyTests
{
    public OptionSegmentingSocketFamilyTests()
    {
        using var socket = UdpBinding.Bind(HostKit.AnyLoopback, DatagramSocketOptions.Default);
        Assert.SkipUnless(SegmentSizeOption.TryCreate(socket) is not null, "This system has no option to segment UDP.");
    }

    protected override IDatagramSocket BindSocket(UdpEndPoint local, DatagramSocketOptions options) =>
        new UdpDatagramSocket(local, options, useSegmentation: true, HostKit.Metrics, NullLogger.Instance);

    [Fact]
    public void Runs_of_changing_sizes_and_single_datagrams_between_them_arrive_as_they_were_cut()
    {
        using Socket receiver = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp) { ReceiveTimeout = (int)HostKit.Limit.TotalMilliseconds };
        receiver.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        var to = UdpEndPoint.From((IPEndPoint)receiver.LocalEndPoint!);
        var socket = BindSocket(HostKit.AnyLoopback, DatagramSocketOptions.Default);
        Assert.Equal(UdpSegmentation.MaxSegments, socket.MaxSegments);
        (int Length, int Segment)[] sends = [(1000, 400), (300, 0), (1400, 0), (900, 300), (1200, 400), (1, 0)];
        foreach (var (length, segment) in sends) Assert.True(socket.TrySend(new byte[length], new(to, length, default, segment)));
        int[] expected = [400, 400, 200, 300, 1400, 300, 300, 300, 400, 400, 400, 1];
        Assert.Equal(expected, expected.Select(_ => receiver.Receive(new byte[2000])));
        Assert.Equal(UdpSegmentation.MaxSegments, socket.MaxSegments);
    }
}

/// <summary>The same over that socket where datagrams in bulk may come together: by Windows's call, or by one of Linux in its place.</summary>
public sealed class CoalescingSocketFamilyTests : SocketFamilyTests
{
    private int _runs;

    public CoalescingSocketFamilyTests() =>
        Assert.SkipUnless(OperatingSystem.IsWindows() || UdpSegmentation.IsSupported, "This system puts no datagrams together.");

    protected override IDatagramSocket BindSocket(UdpEndPoint local, DatagramSocketOptions options) =>
        new UdpDatagramSocket(local, options, useSegmentation: true, HostKit.Metrics, NullLogger.Instance, socket =>
            OperatingSystem.IsWindows() ? new EvenIfRefused(WindowsCoalescedReceive.TryCreate(socket)!) : new LinuxCoalescedReceive(socket, this));

    [Fact]
    public async Task Bulk_comes_together()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Not all versions of Windows can do it.");
        await IPv4_talks_to_IPv4();
        Assert.NotEqual(0, _runs);
    }

    /// <summary>Makes the call also where nothing comes together: each datagram is a message then.</summary>
    private sealed class EvenIfRefused(WindowsCoalescedReceive call) : ICoalescedReceive
    {
        public bool TrySwitch(bool isOn)
        {
            call.TrySwitch(isOn);
            return true;
        }

        public SocketError Receive(Span<byte> buffer, Span<byte> from, out int length, out int segmentSize) =>
            call.Receive(buffer, from, out length, out segmentSize);
    }

    private sealed class LinuxCoalescedReceive(Socket socket, CoalescingSocketFamilyTests test) : ICoalescedReceive
    {
        private readonly ReceiveBatch _batch = new();

        public bool TrySwitch(bool isOn) => UdpSegmentation.TryCoalesce(socket);

        public SocketError Receive(Span<byte> buffer, Span<byte> from, out int length, out int segmentSize)
        {
            (length, segmentSize) = (0, 0);
            int count = _batch.Receive(socket, 1);
            if (count == -UdpSegmentation.EAGAIN) return SocketError.WouldBlock;
            Assert.Equal(1, count);
            var bytes = _batch.Read(0, socket.AddressFamily, out var sender, out segmentSize);
            bytes.CopyTo(buffer);
            length = bytes.Length;
            SocketAddressCodec.TryWrite(from, socket.AddressFamily, sender);
            if (segmentSize == length) segmentSize = 0; // as Windows tells it
            else Interlocked.Increment(ref test._runs);
            return SocketError.Success;
        }
    }
}

/// <summary>The same over the socket that carries many datagrams a call both ways.</summary>
public sealed class SegmentingSocketFamilyTests : SocketFamilyTests
{
    private static readonly ReceiveBatchPool s_batches = new();

    public SegmentingSocketFamilyTests() => Assert.SkipUnless(UdpSegmentation.IsSupported, "This system has no UDP segmentation.");

    protected override IDatagramSocket BindSocket(UdpEndPoint local, DatagramSocketOptions options) =>
        new LinuxDatagramSocket(local, options, s_batches, HostKit.Metrics, NullLogger.Instance);
}

public abstract class SocketFamilyTests
{
    private static readonly UdpEndPoint s_loopbackV6 = UdpEndPoint.From(IPAddress.IPv6Loopback, 0);

    protected abstract IDatagramSocket BindSocket(UdpEndPoint local, DatagramSocketOptions options);

    private UdxSocket Bind(UdpEndPoint local, DatagramSocketOptions? options = null) =>
        UdxSocket.Bind(new Hosts(new Sockets(BindSocket)), new UdxTransportFactory(Options.Create(new UdxOptions()), new SystemRandomSource(),
            System.IO.Pipelines.PipeScheduler.ThreadPool, HostKit.Metrics), local, socketOptions: options);

    private sealed class Sockets(Func<UdpEndPoint, DatagramSocketOptions, IDatagramSocket> bind) : IDatagramSocketFactory
    {
        public IDatagramSocket Bind(UdpEndPoint local, DatagramSocketOptions options) => bind(local, options);
    }

    private sealed class Hosts(IDatagramSocketFactory sockets) : IDatagramHostFactory
    {
        public IDatagramHost Create() => HostKit.Create(sockets);
    }

    private static async Task TransferAsync(UdxSocket left, UdpEndPoint leftAddress, UdxSocket right, UdpEndPoint rightAddress)
    {
        var b = right.Connect(2, 1, leftAddress);
        var a = left.Connect(1, 2, rightAddress);
        var sending = Task.WhenAll(UdxPair.SendAsync(a.Output, 1, 2_000_000), UdxPair.SendAsync(b.Output, 2, 1_000));
        var atLeft = UdxPair.ReceiveAsync(a.Input);
        Assert.Equal(UdxPair.Expected(1, 2_000_000), (await UdxPair.ReceiveAsync(b.Input)).Hash);
        Assert.Equal(UdxPair.Expected(2, 1_000), (await atLeft).Hash);
        await sending;
    }

    private static void SkipWithoutIPv6()
    {
        try
        {
            using Socket socket = new(AddressFamily.InterNetworkV6, SocketType.Dgram, ProtocolType.Udp);
            socket.Bind(new IPEndPoint(IPAddress.IPv6Loopback, 0));
        }
        catch (SocketException error)
        {
            Assert.Skip($"This machine has no IPv6: {error.SocketErrorCode}.");
        }
    }

    [Theory, InlineData("0.0.0.0"), InlineData("::")]
    public async Task Datagrams_arrive_whole_or_not_at_all_unless_they_may_be_cut(string local)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "The bit is read from a raw socket of Linux.");
        if (local == "::") SkipWithoutIPv6();
        using Socket wire = OpenWire();
        await using var socket = BindSocket(UdpEndPoint.From(IPAddress.Parse(local), 0), DatagramSocketOptions.Default);
        bool[] mayFragment = [false, true, false, true];
        for (int i = 0; i < mayFragment.Length; i++)
        {
            Transmit transmit = new(UdpEndPoint.Loopback(9), 777 + i, MayFragment: mayFragment[i]); // each of its own length
            bool? isWhole = null;
            for (int attempt = 0; attempt < 200 && isWhole is null; attempt++)
            {
                Assert.True(socket.TrySend(new byte[transmit.Length], transmit));
                isWhole = IsWhole(wire, socket.LocalEndPoint.Port, transmit.Length);
            }
            Assert.Equal(!mayFragment[i], isWhole);
        }
    }

    private static Socket OpenWire()
    {
        try
        {
            Socket wire = new(AddressFamily.InterNetwork, SocketType.Raw, ProtocolType.Udp) { ReceiveTimeout = 250 };
            wire.Bind(new IPEndPoint(IPAddress.Loopback, 0));
            return wire;
        }
        catch (SocketException error)
        {
            Assert.Skip($"A raw socket needs root: {error.SocketErrorCode}.");
            throw;
        }
    }

    /// <summary>Reads the Don't-Fragment bit of a datagram; null if it was lost among those of other tests, all of which come here.</summary>
    private static bool? IsWhole(Socket wire, int port, int length)
    {
        byte[] packet = new byte[2048];
        try
        {
            for (long start = Environment.TickCount64; Environment.TickCount64 - start < 250;)
            {
                int received = wire.Receive(packet);
                int header = (packet[0] & 15) * 4;
                if (received == header + 8 + length && (packet[header] << 8 | packet[header + 1]) == port) return (packet[6] & 0x40) != 0;
            }
        }
        catch (SocketException error) when (error.SocketErrorCode == SocketError.TimedOut)
        {
        }
        return null;
    }

    [Fact]
    public async Task IPv4_talks_to_IPv4()
    {
        await using var left = Bind(UdpEndPoint.Loopback(0));
        await using var right = Bind(UdpEndPoint.AnyIPv4);
        await TransferAsync(left, left.LocalEndPoint, right, UdpEndPoint.Loopback(right.LocalEndPoint.Port));
    }

    [Fact]
    public async Task IPv6_talks_to_IPv6()
    {
        SkipWithoutIPv6();
        await using var left = Bind(s_loopbackV6);
        await using var right = Bind(s_loopbackV6, new() { IPv6Only = true });
        await TransferAsync(left, left.LocalEndPoint, right, right.LocalEndPoint);
    }

    [Fact]
    public async Task A_dual_mode_socket_talks_to_both_at_once()
    {
        SkipWithoutIPv6();
        await using var both = Bind(UdpEndPoint.AnyIPv6);
        await using var four = Bind(UdpEndPoint.Loopback(0));
        await using var six = Bind(s_loopbackV6);
        ushort port = both.LocalEndPoint.Port;
        var toFour = both.Connect(11, 1, four.LocalEndPoint);
        var toSix = both.Connect(12, 2, six.LocalEndPoint);
        var fromFour = four.Connect(1, 11, UdpEndPoint.Loopback(port));
        var fromSix = six.Connect(2, 12, s_loopbackV6.WithPort(port));
        var sending = Task.WhenAll(UdxPair.SendAsync(toFour.Output, 1, 300_000), UdxPair.SendAsync(toSix.Output, 2, 300_000),
            UdxPair.SendAsync(fromFour.Output, 3, 300_000), UdxPair.SendAsync(fromSix.Output, 4, 300_000));
        var received = await Task.WhenAll(new[] { fromFour, fromSix, toFour, toSix }.Select(s => UdxPair.ReceiveAsync(s.Input)));
        for (int i = 0; i < received.Length; i++) Assert.Equal(UdxPair.Expected(i + 1, 300_000), received[i].Hash);
        await sending;
    }

    [Fact]
    public async Task An_IPv6_only_socket_hears_no_IPv4_and_leaves_the_port_to_it()
    {
        SkipWithoutIPv6();
        for (int tries = 0; ; tries++)
        {
            try
            {
                await using var six = Bind(UdpEndPoint.AnyIPv6, new() { IPv6Only = true });
                await using var four = Bind(UdpEndPoint.AnyIPv4.WithPort(six.LocalEndPoint.Port));
                Assert.Equal(six.LocalEndPoint.Port, four.LocalEndPoint.Port);
                return;
            }
            catch (SocketException error) when (error.SocketErrorCode == SocketError.AddressAlreadyInUse && tries < 10)
            {
                // Somebody else may have the port of IPv4; not ten times.
            }
        }
    }

    [Theory, InlineData(false), InlineData(true)]
    public async Task Datagrams_carry_the_sockets_hop_limit_or_their_own(bool useIPv6)
    {
        if (useIPv6) SkipWithoutIPv6();
        Assert.SkipUnless(OperatingSystem.IsLinux(), "The received hop limit is read through Linux's ancillary data.");
        var local = useIPv6 ? s_loopbackV6 : UdpEndPoint.Loopback(0);
        using HopLimitReader reader = new(useIPv6);
        await using var socket = Bind(local, new() { Ttl = 33 });
        Assert.True(socket.TrySend([1], reader.EndPoint));
        Assert.True(socket.TrySend([2], reader.EndPoint, ttl: 5));
        Assert.True(socket.TrySend([3], reader.EndPoint));
        Assert.Equal([33, 5, 33], [reader.Read(), reader.Read(), reader.Read()]);
    }

    [Fact]
    public void A_hop_limit_of_zero_is_refused() =>
        Assert.Throws<ArgumentException>(() => UdxSocket.Bind(UdpEndPoint.Loopback(0), socketOptions: new() { Ttl = 0 }));
}
