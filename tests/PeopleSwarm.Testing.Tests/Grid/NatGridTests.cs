using System.Globalization;

namespace PeopleSwarm.Testing.Grid;

/// <summary>Every NAT with every other: which path is found, and how soon.</summary>
[Collection<AloneOnThePool>]
public class NatGridTests
{
    // By the classes of dialler and listener. Guessing a port takes a quarter of a second as a rule, a few seconds for two of a hundred pairs.
    private static readonly Dictionary<(NatClass, NatClass), GridExpectation> s_expected = new()
    {
        [(NatClass.Open, NatClass.Open)] = new(PeerPath.Direct, Median: 0.25, Slowest: 0.5),
        [(NatClass.Open, NatClass.Consistent)] = new(PeerPath.Direct, Median: 0.25, Slowest: 0.5),
        [(NatClass.Open, NatClass.Random)] = new(PeerPath.Direct, Median: 0.25, Slowest: 0.5),
        [(NatClass.Consistent, NatClass.Open)] = new(PeerPath.Direct, Median: 0.25, Slowest: 0.5),
        [(NatClass.Consistent, NatClass.Consistent)] = new(PeerPath.Punched, Median: 0.3, Slowest: 0.5),
        [(NatClass.Consistent, NatClass.Random)] = new(PeerPath.Punched, Median: 0.5, Slowest: 16),
        [(NatClass.Random, NatClass.Open)] = new(PeerPath.Direct, Median: 0.25, Slowest: 0.5),
        [(NatClass.Random, NatClass.Consistent)] = new(PeerPath.Punched, Median: 0.5, Slowest: 16),
        [(NatClass.Random, NatClass.Random)] = new(Path: null, Median: 0.5, Slowest: 1), // neither port can be guessed: only a relay helps
    };

    [Fact]
    public void Every_pair_of_NATs_finds_the_path_that_its_kinds_allow()
    {
        using var grid = new NatGrid(seed: 4, NatKind.All);
        // One attempt in a thousand at a random port misses.
        grid.Run(tries: (from, to) => (from.Class == NatClass.Random) != (to.Class == NatClass.Random) ? 2 : 1);
        var classes = Summarize(grid);
        Report.Write("nat-grid-simulated", $"""
            Every pair of NATs on a simulated internet, 20 ms one way. D direct, P punched, - no path; seconds of virtual time until the first
            message; * for each further attempt. Mapping/filtering: i endpoint-independent, a address-dependent, p address-and-port-dependent;
            ports: preserved, + sequential, ? random.

            {grid}
            {string.Join(Environment.NewLine, classes.Select(c => c.Text))}

            """);
        Assert.All(classes, c => Assert.True(c.Broken.Length == 0, c.Text + ": " + string.Join(", ", c.Broken)));
    }

    private static List<(string Text, string[] Broken)> Summarize(NatGrid grid)
    {
        var kinds = NatKind.All;
        var summaries = new List<(string, string[])>();
        foreach (var ((dialler, listener), expected) in s_expected)
        {
            var pairs = (from i in Enumerable.Range(0, kinds.Count)
                         from j in Enumerable.Range(0, kinds.Count)
                         where kinds[i].Class == dialler && kinds[j].Class == listener
                         orderby grid.Results[i, j].Time
                         select (Name: $"{kinds[i].Name} with {kinds[j].Name} {grid.Results[i, j].Error}", Result: grid.Results[i, j])).ToArray();
            double median = pairs[pairs.Length / 2].Result.Time.TotalSeconds;
            string text = string.Create(CultureInfo.InvariantCulture,
                $"{dialler,-10} dials {listener,-10}: {expected.Path?.ToString() ?? "no path",-8} in {median:0.000} s (median), {pairs[^1].Result.Time.TotalSeconds:0.000} s (slowest of {pairs.Length})");
            string[] broken = [.. pairs.Where(p => p.Result.Path != expected.Path || p.Result.Time.TotalSeconds > expected.Slowest).Select(p => $"{p.Name}: {p.Result}")];
            summaries.Add((text, median > expected.Median ? [$"the median is over {expected.Median} s", .. broken] : broken));
        }
        return summaries;
    }

    /// <summary>What a cell of the table asks for, times in seconds.</summary>
    private sealed record GridExpectation(PeerPath? Path, double Median, double Slowest);
}
