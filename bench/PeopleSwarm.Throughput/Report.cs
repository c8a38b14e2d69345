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
        Console.WriteLine("| Case | What | Pair | Median | npm | Against npm | Reach | Aim |");
        Console.WriteLine("| --- | --- | --- | ---: | ---: | ---: | ---: | ---: |");
        foreach (var (benchmark, medians) in _rows)
            foreach (var goal in benchmark.Goals)
                Console.WriteLine(Row(benchmark, goal, medians));
    }

    /// <summary>How many times as good as npm with npm the first goal of each case is.</summary>
    public void Draw(string file)
    {
        var bars = (from row in _rows
                    from goal in row.Case.Goals.Where(g => ReferenceEquals(g, row.Case.Goals[0]) || g.Dialler != g.Listener)
                    select (Label: $"{row.Case.Name}\n{PairName(goal.Dialler, goal.Listener)}", Value: goal.Ratio(Of(row.Medians, goal), Npm(row.Medians)))).ToList();
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

    private string Row(BenchmarkCase benchmark, Goal goal, Dictionary<string, Measurement> medians)
    {
        var (judged, npm) = (Of(medians, goal), Npm(medians));
        string against = string.Create(CultureInfo.InvariantCulture, $"{goal.Ratio(judged, npm):F2}×");
        if (goal.Against == Yardstick.OneStream && OneStream() is { } one)
            against += string.Create(CultureInfo.InvariantCulture, $", {goal.Of(judged) / goal.Of(one):P0} of one stream");
        return $"| {benchmark.Name} | {goal.What} | {PairName(goal.Dialler, goal.Listener)} | {Text(goal, judged)} | {Text(goal, npm)} | {against} | {goal.Reach} | {goal.Aim} |";
    }

    private Measurement? OneStream()
    {
        foreach (var (benchmark, medians) in _rows)
            if (benchmark.Name == "raw") return medians[PairName(Side.Ours, Side.Ours)];
        return null;
    }

    private static string Text(Goal goal, Measurement measurement) => string.Format(CultureInfo.InvariantCulture, goal.Unit, goal.Of(measurement));

    private static Measurement Of(Dictionary<string, Measurement> medians, Goal goal) => medians[PairName(goal.Dialler, goal.Listener)];

    private static Measurement Npm(Dictionary<string, Measurement> medians) => medians[PairName(Side.Npm, Side.Npm)];

    private static string Name(Side side) => side == Side.Ours ? "ours" : "npm";
}
