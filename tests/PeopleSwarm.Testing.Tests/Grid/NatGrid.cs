using System.Globalization;
using System.Text;

namespace PeopleSwarm.Testing.Grid;

/// <summary>How a dial ended.</summary>
/// <param name="First">The path on the dialling side when a message of the listener was read; null if there was none.</param>
/// <param name="Error">Why there was none.</param>
/// <param name="Time">Until then, or until it failed.</param>
/// <param name="Final">The path the connection went over to; the first if it stayed there.</param>
/// <param name="FinalTime">Until then.</param>
internal sealed record GridResult(PeerPath? First, PeerConnectError? Error, TimeSpan Time, PeerPath? Final, TimeSpan FinalTime)
{
    public override string ToString() => First is null ? "-" : Final == First ? Describe(First, Time) : $"{Describe(First, Time)}>{Describe(Final, FinalTime)}";

    private static string Describe(PeerPath? path, TimeSpan time) => string.Create(CultureInfo.InvariantCulture, $"{path.ToString()![0]}{time.TotalSeconds:0.00}");
}

/// <summary>
/// One listener and one dialler behind a NAT of each kind, real nodes with real streams on one simulated internet. Each round every dialler
/// dials another listener, so that every pair has its turn and no node punches twice at once. One node of the internet offers itself as a
/// relay; nobody is told of it.
/// </summary>
internal sealed class NatGrid : IDisposable
{
    private static readonly TimeSpan s_round = TimeSpan.FromSeconds(60); // longer than spraying and the pause that has to follow it
    private static readonly TimeSpan s_upgrade = TimeSpan.FromSeconds(50), s_look = TimeSpan.FromMilliseconds(10), s_closing = TimeSpan.FromMinutes(5);

    private readonly SimulatedNetwork _net;
    private readonly IReadOnlyList<NatKind> _kinds;
    private readonly SimulatedDht _dht;
    private readonly IDhtNode[] _diallers, _listeners;
    private readonly IDhtNode _relay;
    private IPeerListener[] _listening = [];
    private Task[] _greeting = [];

    public NatGrid(long seed, IReadOnlyList<NatKind> kinds)
    {
        _kinds = kinds;
        _net = new(seed) { Latency = TimeSpan.FromMilliseconds(20), Jitter = TimeSpan.FromMilliseconds(5) };
        _net.Trace.Capacity = 0;
        Results = new GridResult[kinds.Count, kinds.Count];
        _dht = new(_net, nodes: 11);
        _relay = AddNode(_net.AddHost("5.50.0.1"));
        _listeners = [.. kinds.Select((kind, i) => AddNode(AddHost(kind, $"91.{i}.0.1")))];
        _diallers = [.. kinds.Select((kind, i) => AddNode(AddHost(kind, $"92.{i}.0.1")))];
    }

    /// <summary>By dialler and listener.</summary>
    public GridResult[,] Results { get; }

    /// <summary>Dials every pair.</summary>
    public void Run() => _net.Run(async () =>
    {
        await _dht.WhenBootstrappedAsync();
        await _relay.RelayAsync();
        _listening = await Task.WhenAll(_listeners.Select(l => l.ListenAsync()));
        _greeting = [.. _listening.Select(GreetAsync)];
        await Task.Delay(s_round, _net.TimeProvider); // who needs the relay finds it by then
        int count = _kinds.Count;
        for (int round = 0; round < count; round++)
            await Task.WhenAll(Enumerable.Range(0, count).Select(i => TakeTurnAsync(i, (i + round) % count)));
    }, TimeSpan.FromDays(1));

    public void Dispose()
    {
        _net.Run(async () =>
        {
            foreach (var listening in _listening) await listening.DisposeAsync();
        }, s_closing);
        _dht.Dispose();
        _net.Run(() => Task.WhenAll(_greeting), s_closing);
    }

    public override string ToString()
    {
        int width = Math.Max(6, Results.Cast<GridResult>().Max(r => r.ToString().Length)) + 1;
        var text = new StringBuilder("dials".PadRight(6));
        foreach (var kind in _kinds) text.Append(kind.Name.PadLeft(width));
        for (int i = 0; i < _kinds.Count; i++)
        {
            text.AppendLine().Append(_kinds[i].Name.PadRight(6));
            for (int j = 0; j < _kinds.Count; j++) text.Append(Results[i, j].ToString().PadLeft(width));
        }
        return text.AppendLine().ToString();
    }

    private async Task TakeTurnAsync(int from, int to)
    {
        var round = Task.Delay(s_round, _net.TimeProvider);
        Results[from, to] = await DialAsync(_diallers[from], _listeners[to], staysRelayed: _kinds[from].Class == NatClass.Random && _kinds[to].Class == NatClass.Random);
        await round;
    }

    private async Task<GridResult> DialAsync(IDhtNode dialler, IDhtNode listener, bool staysRelayed)
    {
        var started = _net.Now;
        try
        {
            await using var connection = await dialler.ConnectAsync(listener.KeyPair.PublicKey, new() { Timeout = TimeSpan.FromSeconds(50) });
            var greeting = await connection.Channel.ReadMessageAsync();
            if (Encoding.UTF8.GetString(greeting!.Value.Span) != "hello") throw new InvalidDataException("Something else than the greeting came.");
            var (first, time) = (connection.Path, _net.Now - started);
            while (connection.Path == PeerPath.Relayed && !staysRelayed && _net.Now - started < s_upgrade) await Task.Delay(s_look, _net.TimeProvider);
            return new(first, null, time, connection.Path, connection.Path == first ? time : _net.Now - started);
        }
        catch (PeerConnectException error)
        {
            return new(null, error.Error, _net.Now - started, null, default);
        }
    }

    private static async Task GreetAsync(IPeerListener listener)
    {
        await foreach (var connection in listener.AcceptAllAsync()) await GreetAsync(connection);
    }

    private static async Task GreetAsync(IPeerConnection connection)
    {
        await using (connection)
            try
            {
                await connection.Channel.WriteMessageAsync("hello"u8.ToArray());
                await connection.Channel.ReadMessageAsync(); // until the dialler closes
            }
            catch (IOException)
            {
                return;
            }
    }

    private SimulatedHost AddHost(NatKind kind, string address) =>
        kind.Options is { } options ? _net.AddNat(address, options).AddHost("192.168.1.2") : _net.AddHost(address);

    private IDhtNode AddNode(SimulatedHost host)
    {
        byte[] seed = new byte[32];
        BitConverter.TryWriteBytes(seed, _dht.Count);
        return _dht.AddNode(host, o => o.Seed = seed);
    }
}
