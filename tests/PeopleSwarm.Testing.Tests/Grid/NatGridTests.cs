using System.Globalization;

namespace PeopleSwarm.Testing.Grid;

/// <summary>Every NAT with every other: which path is found, and how soon.</summary>
[Collection<AloneOnThePool>]
public class NatGridTests
{
    // By the classes of dialler and listener. Guessing a port takes a quarter of a second as a rule, a few seconds for two of a hundred pairs;
    // the relay carries the stream meanwhile.
    private static readonly Dictionary<(NatClass, NatClass), GridExpectation> s_expected = new()
    {
        [(NatClass.Open, NatClass.Open)] = new(PeerPath.Direct, Median: 0.25, Slowest: 0.5),
        [(NatClass.Open, NatClass.Consistent)] = new(PeerPath.Direct, Median: 0.25, Slowest: 0.5),
        [(NatClass.Open, NatClass.Random)] = new(PeerPath.Direct, Median: 0.25, Slowest: 0.5),
        [(NatClass.Consistent, NatClass.Open)] = new(PeerPath.Direct, Median: 0.25, Slowest: 0.5),
        [(NatClass.Consistent, NatClass.Consistent)] = new(PeerPath.Punched, Median: 0.3, Slowest: 0.5),
        [(NatClass.Consistent, NatClass.Random)] = new(PeerPath.Punched, Median: 0.5, Slowest: 1, MayBeRelayed: true, SlowestMove: 16),
        [(NatClass.Random, NatClass.Open)] = new(PeerPath.Direct, Median: 0.25, Slowest: 0.5),
        [(NatClass.Random, NatClass.Consistent)] = new(PeerPath.Punched, Median: 0.5, Slowest: 1, MayBeRelayed: true, SlowestMove: 16),
        [(NatClass.Random, NatClass.Random)] = new(PeerPath.Relayed, Median: 0.5, Slowest: 1), // neither port can be guessed
    };

    [Fact]
    public void Every_pair_of_NATs_is_connected_at_once_and_finds_the_path_that_its_kinds_allow()
    {
        using var grid = new NatGrid(seed: 4, NatKind.All);
        grid.Run();
        var classes = Summarize(grid);
        Report.Write("nat-grid-simulated", $"""
            Every pair of NATs on a simulated internet, 20 ms one way, with a relay that was found. D direct, P punched, R relayed, - no path;
            seconds of virtual time until the first message, and after > until the path that was better.
            Mapping/filtering: i endpoint-independent, a address-dependent, p address-and-port-dependent; ports: preserved, + sequential, ? random.

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
            double[] moves = [.. pairs.Where(p => p.Result.Final != p.Result.First).Select(p => p.Result.FinalTime.TotalSeconds).Order()];
            string text = string.Create(CultureInfo.InvariantCulture,
                $"{dialler,-10} dials {listener,-10}: {expected.Path,-8} {median:0.000} s to a stream (median), {pairs[^1].Result.Time.TotalSeconds:0.000} s (slowest of {pairs.Length})")
                + (moves.Length == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $"; {moves.Length} were relayed first, until {moves[moves.Length / 2]:0.000} s (median), {moves[^1]:0.000} s (slowest)"));
            string[] broken = [.. pairs.Where(p => !expected.Fits(p.Result)).Select(p => $"{p.Name}: {p.Result}")];
            summaries.Add((text, median > expected.Median ? [$"the median is over {expected.Median} s", .. broken] : broken));
        }
        return summaries;
    }

    /// <summary>What a cell of the table asks for, times in seconds: to a stream, and to the path that is final.</summary>
    private sealed record GridExpectation(PeerPath Path, double Median, double Slowest, bool MayBeRelayed = false, double SlowestMove = 0)
    {
        public bool Fits(GridResult result) => result.Final == Path && result.Time.TotalSeconds <= Slowest
            && (result.First == Path || MayBeRelayed && result.First == PeerPath.Relayed && result.FinalTime.TotalSeconds <= SlowestMove);
    }
}
