using System.Globalization;

namespace PeopleSwarm.Testing;

/// <summary>A hundred thousand forged datagrams in a minute of virtual time against a node with a hundred live connections.</summary>
[Collection<AloneOnThePool>]
public sealed class FloodedNodeTests : IDisposable
{
    private const int Connections = 100, PerMinute = 100_000, StepsASecond = 50, MaxOverheard = 200;
    private static readonly TimeSpan s_minute = TimeSpan.FromMinutes(1), s_step = TimeSpan.FromSeconds(1.0 / StepsASecond), s_limit = TimeSpan.FromHours(1);
    private static readonly UdpEndPoint s_server = UdpEndPoint.Parse("5.9.0.1:0");
    private readonly SimulatedNetwork _net = new(seed: 1) { Latency = TimeSpan.FromMilliseconds(10) };
    private readonly SimulatedDht _dht;
    private readonly List<byte[]> _requests = [], _packets = [];
    private readonly long[] _received = new long[Connections];
    private readonly HashSet<ushort> _serverPorts = [];
    private readonly SeededRandom _random;
    private UdpEndPoint _target;
    private long _overheard;

    public FloodedNodeTests()
    {
        _random = _net.Random.Fork(99);
        _net.Trace.Capacity = 0;
        _dht = new(_net, nodes: 5);
    }

    public void Dispose() => _dht.Dispose();

    [Fact]
    public void A_flood_of_forged_datagrams_costs_live_connections_nothing()
    {
        var host = _net.AddHost(s_server);
        host.Downlink = new() { BytesPerSecond = 1_000_000, QueueBytes = 1_000_000 }; // the connections fill it; what is forged does not pass it
        var server = _dht.AddNode(host);
        var client = _dht.AddNode(_net.AddHost("5.9.1.1"));
        _net.Run(async () =>
        {
            await _dht.WhenBootstrappedAsync();
            _target = s_server.WithPort(server.Status.LocalEndPoint.Port);
            _net.Tap = Overhear;
            await using var listener = await server.ListenAsync();
            var ours = await Task.WhenAll(Enumerable.Range(0, Connections).Select(_ => client.ConnectAsync(listener.PublicKey)));
            var theirs = new List<IPeerConnection>();
            foreach (var _ in ours) theirs.Add(await listener.AcceptAsync());
            var pumps = ours.Select(PumpAsync).Concat(theirs.Select(SinkAsync)).ToArray();
            await Task.Delay(s_minute, _net.TimeProvider); // until each has its share of the line

            long[] quiet = await MeasureAsync(flood: false);
            Assert.DoesNotContain(ours.Concat(theirs), c => c.Closed.IsCompleted);
            int ports = _serverPorts.Count;
            long sent = _net.Statistics.Sent;
            long[] flooded = await MeasureAsync(flood: true);

            Assert.True(_overheard > PerMinute / 100, "There was nothing to forge.");
            string[] ended = [.. ours.Concat(theirs).Where(c => c.Closed.IsCompleted).Select(c => c.Closed.Result.ToString())];
            Assert.True(ended.Length == 0, string.Join("; ", ended));
            Assert.All(flooded, received => Assert.True(received > 0, "A connection stood still."));
            Assert.Equal(ports, _serverPorts.Count);
            Report.Write("flood-of-live-connections", string.Create(CultureInfo.InvariantCulture,
                $"{Connections} connections received {quiet.Sum() / 1e6:0.00} MB in a quiet minute and {flooded.Sum() / 1e6:0.00} MB in one with {PerMinute} forged datagrams, the slowest {quiet.Min() / 1e3:0} and {flooded.Min() / 1e3:0} KB; the node sent from {ports} ports before and {_serverPorts.Count} after\n"));
            Assert.True(flooded.Sum() >= 0.99 * quiet.Sum(), $"{flooded.Sum()} bytes of {quiet.Sum()} arrived.");
            foreach (var connection in ours) connection.Abort();
            await Task.WhenAll(pumps);
        }, s_limit);
    }

    /// <summary>What each connection receives in a minute.</summary>
    private async Task<long[]> MeasureAsync(bool flood)
    {
        Array.Clear(_received);
        for (int step = 1; step <= StepsASecond * 60; step++)
        {
            for (int i = 0; flood && i < PerMinute * step / (StepsASecond * 60) - PerMinute * (step - 1) / (StepsASecond * 60); i++) Forge();
            await Task.Delay(s_step, _net.TimeProvider);
        }
        return [.. _received];
    }

    /// <summary>Something that the node was sent once, from an address that never sent it; one of two is bent as well.</summary>
    private void Forge()
    {
        var from = new UdpEndPoint(0x40000000u | _random.NextUInt32() & 0x0fff_ffff, (ushort)(1024 + _random.Next(60_000)));
        var source = _random.Chance(0.5) ? _requests : _packets;
        byte[] datagram = [.. source[_random.Next(source.Count)]];
        for (int bits = _random.Chance(0.5) ? 0 : 1 + _random.Next(8); bits > 0; bits--)
        {
            int bit = 16 + _random.Next(datagram.Length * 8 - 16); // what it is stays readable
            datagram[bit / 8] ^= (byte)(1 << bit % 8);
        }
        _net.Inject(from, _target, datagram);
    }

    private void Overhear(UdpEndPoint from, UdpEndPoint to, ReadOnlySpan<byte> datagram)
    {
        if (from.HasSameAddress(s_server)) _serverPorts.Add(from.Port);
        if (to != _target || datagram.Length < 4) return;
        _overheard++;
        var kept = datagram[0] == 0xFF ? _packets : _requests;
        if (kept.Count < MaxOverheard) kept.Add(datagram.ToArray());
        else if (_random.Chance(0.02)) kept[_random.Next(MaxOverheard)] = datagram.ToArray();
    }

    private static async Task PumpAsync(IPeerConnection connection)
    {
        byte[] chunk = new byte[4096];
        try
        {
            while (!(await connection.Output.WriteAsync(chunk)).IsCompleted) continue;
        }
        catch (IOException)
        {
            return; // aborted at the end
        }
    }

    private async Task SinkAsync(IPeerConnection connection, int number)
    {
        try
        {
            while (true)
            {
                var read = await connection.Input.ReadAsync();
                _received[number] += read.Buffer.Length;
                connection.Input.AdvanceTo(read.Buffer.End);
                if (read.IsCompleted) return;
            }
        }
        catch (IOException)
        {
            return;
        }
    }
}
