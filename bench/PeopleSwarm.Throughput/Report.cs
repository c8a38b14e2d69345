using System.Globalization;
using ScottPlot;

namespace PeopleSwarm.Throughput;

/// <summary>Medians as a table on the console and as a chart in a file.</summary>
internal sealed class Report
{
    private const string FontName = "DejaVu Sans"; // measured with, and replaced by the viewer's own where it is not there

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

    /// <summary>How many times as good as npm with npm each number is, on a scale of doublings.</summary>
    public void Draw(string file)
    {
        var rows = (from row in _rows
                    from goal in row.Case.Goals.Where(g => g.Against == Yardstick.Npm || ReferenceEquals(g, row.Case.Goals[0]))
                    let judged = Of(row.Medians, goal)
                    let npm = Npm(row.Medians)
                    let ratio = goal.Ratio(judged, npm)
                    where double.IsFinite(ratio) && ratio > 0
                    select (Title: $"{row.Case.Title}: {goal.What}", Ratio: ratio, Text: $"{Text(goal, judged)}, npm {Text(goal, npm)}")).Reverse().ToList();
        if (rows.Count == 0) return;
        using var plot = new Plot();
        plot.Font.Set(FontName);
        var drawn = plot.Add.Bars([.. rows.Select(r => Math.Log2(r.Ratio))]);
        drawn.Horizontal = true;
        for (int i = 0; i < rows.Count; i++)
        {
            bool isBehind = rows[i].Ratio < 1;
            drawn.Bars[i].FillColor = Color.FromHex(isBehind ? "#c0504d" : "#2f6fb2");
            drawn.Bars[i].LineWidth = 0;
            drawn.Bars[i].Size = 0.6;
            var label = plot.Add.Text(string.Create(CultureInfo.InvariantCulture, $"{rows[i].Ratio:F1}×  ({rows[i].Text})"), Math.Max(0, Math.Log2(rows[i].Ratio)) + 0.08, i);
            (label.LabelFontSize, label.LabelAlignment) = (12, Alignment.MiddleLeft);
        }
        plot.Axes.Left.SetTicks([.. Enumerable.Range(0, rows.Count).Select(i => (double)i)], [.. rows.Select(r => r.Title)]);
        double low = Math.Min(-1, Math.Floor(rows.Min(r => Math.Log2(r.Ratio)))), high = Math.Ceiling(rows.Max(r => Math.Log2(r.Ratio)));
        double[] doublings = [.. Enumerable.Range((int)low, (int)(high - low) + 1).Select(d => (double)d)];
        plot.Axes.Bottom.SetTicks(doublings, [.. doublings.Select(d => d < 0 ? $"1/{Math.Pow(2, -d)}" : $"{Math.Pow(2, d)}×")]);
        plot.Axes.Left.TickLabelStyle.FontSize = plot.Axes.Bottom.TickLabelStyle.FontSize = 12;
        plot.Axes.Left.MajorTickStyle.Length = 0;
        plot.Axes.SetLimits(low, high + 2.5, -0.7, rows.Count - 0.3); // room for the last label
        plot.Axes.Top.IsVisible = plot.Axes.Right.IsVisible = false;
        plot.HideGrid();
        plot.Add.VerticalLine(0, 1, Colors.Black);
        plot.XLabel("times as good as npm with npm, each step a doubling");
        plot.Axes.Bottom.Label.FontSize = 12;
        plot.Axes.Bottom.Label.Bold = false;
        plot.Title(string.Create(CultureInfo.InvariantCulture, $"PeopleSwarm against the npm peers: {Environment.ProcessorCount} cores, two processes, medians"), 15);
        plot.SaveSvg(file, 1000, 110 + 30 * rows.Count);
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
