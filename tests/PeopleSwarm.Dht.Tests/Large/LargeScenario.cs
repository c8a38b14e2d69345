using System.Globalization;
using System.Text;

namespace PeopleSwarm.Dht.Large;

/// <summary>The life of a large network: it grows, rests, has half of its nodes replaced, is cut in two for ten minutes, and is whole again.</summary>
internal sealed class LargeScenario(int nodes, long seed)
{
    private const int Announcements = 30;
    private const double LookUpsPerSecond = 2;
    private readonly StringBuilder _report = new();
    private readonly TimeSpan _began = Environment.CpuUsage.TotalTime;

    /// <summary>Bytes of the heap for each node, everything simulated included, once the network rests.</summary>
    public double BytesPerNode { get; private set; }

    /// <summary>Mean round trips until an announcement is found, by the size of the network.</summary>
    public List<(int Nodes, double Hops)> Hops { get; } = [];

    /// <summary>Takes the lines of the report as they come; null for none.</summary>
    public TextWriter? Progress { get; init; }

    public int LookUps { get; private set; }
    public int Failures { get; private set; }

    public override string ToString() => _report.ToString();

    public void Run()
    {
        long before = GC.GetTotalMemory(forceFullCollection: true);
        var network = new LargeNetwork(seed);
        foreach (int size in new[] { nodes / 16, nodes / 4, nodes })
        {
            network.Grow(size);
            MeasureIdleTraffic(network, size); // meanwhile everybody has looked around once
            if (Hops.Count == 0) Announce(network);
            network.Live(TimeSpan.FromMinutes(2), LookUpsPerSecond);
            MeasureHops(network, size);
        }
        BytesPerNode = (double)(GC.GetTotalMemory(forceFullCollection: true) - before) / nodes;
        Line($"memory per simulated node: {BytesPerNode / 1024:0.0} KiB");
        Phase(network, "half of the nodes replaced in an hour", () => network.Live(TimeSpan.FromHours(1), LookUpsPerSecond, nodes / 2));
        Phase(network, "cut in two for ten minutes, each half by itself", () =>
        {
            network.Cut();
            network.Live(TimeSpan.FromMinutes(10), LookUpsPerSecond);
            network.Heal();
        });
        Phase(network, "whole again, from the first second on", () => network.Live(TimeSpan.FromMinutes(10), LookUpsPerSecond));
        Line($"all look-ups: {LookUps - Failures} of {LookUps} found, {100.0 * (LookUps - Failures) / LookUps:0.000} %");
        GC.KeepAlive(network);
    }

    private static void Announce(LargeNetwork network)
    {
        for (int i = 0; i < Announcements; i++)
        {
            network.Announce();
            network.Network.RunFor(TimeSpan.FromSeconds(1));
        }
    }

    private void MeasureHops(LargeNetwork network, int size)
    {
        double hops = network.LookUps.Where(l => l.FoundAfter is not null).Average(l => l.FoundAfter!.Value / LargeNetwork.RoundTrip);
        Line($"{size} nodes at rest: found after {hops:0.00} round trips, {network.LookUps.Average(l => l.Requests):0.0} requests a look-up");
        Hops.Add((size, hops));
        Count(network);
    }

    private void MeasureIdleTraffic(LargeNetwork network, int size)
    {
        var (sent, bytes) = (network.Network.Statistics.Sent, network.Network.Statistics.SentBytes);
        network.Network.RunFor(TimeSpan.FromMinutes(6));
        double perHour = 10.0 / size;
        Line($"{size} nodes, idle: each sends {(network.Network.Statistics.Sent - sent) * perHour:0} datagrams, {(network.Network.Statistics.SentBytes - bytes) * perHour / 1024:0} KiB an hour");
    }

    private void Phase(LargeNetwork network, string name, Action run)
    {
        run();
        network.Network.RunFor(TimeSpan.FromSeconds(30));
        int failed = network.LookUps.Count(l => l.FoundAfter is null);
        var times = network.LookUps.Where(l => l.FoundAfter is not null).Select(l => l.FoundAfter!.Value.TotalMilliseconds).Order().ToArray();
        Line($"{name}: {network.LookUps.Count - failed} of {network.LookUps.Count} look-ups found, after {times[times.Length / 2]:0} ms (median), {times[times.Length * 99 / 100]:0} ms (99 of 100)");
        Count(network);
    }

    private void Count(LargeNetwork network)
    {
        LookUps += network.LookUps.Count;
        Failures += network.LookUps.Count(l => l.FoundAfter is null);
        network.LookUps.Clear();
    }

    private void Line(FormattableString text)
    {
        double seconds = (Environment.CpuUsage.TotalTime - _began).TotalSeconds; // of the processor: others may use the machine, too
        string line = string.Create(CultureInfo.InvariantCulture, $"{seconds,6:0.0} s  {text.ToString(CultureInfo.InvariantCulture)}");
        _report.AppendLine(line);
        Progress?.WriteLine(line);
    }
}
