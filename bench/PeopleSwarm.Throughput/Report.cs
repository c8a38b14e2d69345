using System.Globalization;
using ScottPlot;

namespace PeopleSwarm.Throughput;

/// <summary>Medians as a table on the console and as a chart in a file.</summary>
internal sealed class Report
{
    private readonly List<(BenchmarkCase Case, Dictionary<string, Measurement> Medians)> _rows = [];

    public void Add(BenchmarkCase benchmark, Dictionary<string, Measurement> medians) => _rows.Add((benchmark, medians));

    public void Print()
    {
        Console.WriteLine();
        Console.WriteLine("| Case | Pair | MB/s | CPU s/GB | p50 µs | p99 µs | slowest share | against npm |");
        Console.WriteLine("| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |");
        foreach (var (benchmark, medians) in _rows)
            foreach (var (pair, m) in medians)
                Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                    $"| {benchmark.Name} | {pair} | {m.MegabytesPerSecond:F0} | {m.CpuSecondsPerGigabyte:F2} | {m.P50Micros:F0} | {m.P99Micros:F0} | {m.SlowestShare:P0} | {Ratio(benchmark, m, medians)} |"));
    }

    /// <summary>How many times better than npm with npm, for each pair with ours in it.</summary>
    public void Draw(string file)
    {
        var bars = (from row in _rows
                    from pair in row.Medians
                    where pair.Key != PairName(Side.Npm, Side.Npm)
                    select (Label: $"{row.Case.Name}\n{pair.Key}", Value: RatioOf(row.Case, pair.Value, row.Medians))).ToList();
        using var plot = new Plot();
        var drawn = plot.Add.Bars([.. bars.Select(b => b.Value)]);
        for (int i = 0; i < bars.Count; i++) drawn.Bars[i].Label = string.Create(CultureInfo.InvariantCulture, $"{bars[i].Value:F1}×");
        drawn.ValueLabelStyle.Bold = true;
        plot.Axes.Bottom.SetTicks([.. Enumerable.Range(0, bars.Count).Select(i => (double)i)], [.. bars.Select(b => b.Label)]);
        plot.Axes.Bottom.TickLabelStyle.FontSize = 11;
        plot.Add.HorizontalLine(1).LinePattern = LinePattern.Dashed;
        plot.Axes.Margins(bottom: 0, top: 0.15);
        plot.YLabel("times npm with npm, higher is better");
        plot.Title(string.Create(CultureInfo.InvariantCulture, $"PeopleSwarm against the npm peers, {Environment.ProcessorCount} cores, loopback"));
        plot.SaveSvg(file, Math.Max(600, 150 * bars.Count), 420);
    }

    public static string PairName(Side dialler, Side listener) => $"{Name(dialler)} → {Name(listener)}";

    private static string Name(Side side) => side == Side.Ours ? "ours" : "npm";

    private static string Ratio(BenchmarkCase benchmark, Measurement m, Dictionary<string, Measurement> medians) =>
        string.Create(CultureInfo.InvariantCulture, $"{RatioOf(benchmark, m, medians):F2}×");

    private static double RatioOf(BenchmarkCase benchmark, Measurement m, Dictionary<string, Measurement> medians)
    {
        var npm = medians[PairName(Side.Npm, Side.Npm)];
        return benchmark.IsPing ? npm.P50Micros / m.P50Micros : m.MegabytesPerSecond / npm.MegabytesPerSecond;
    }
}
