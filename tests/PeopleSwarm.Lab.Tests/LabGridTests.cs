using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace PeopleSwarm.Lab;

/// <summary>Kernel NATs between real programs, and a relay that nobody was told of: every pair, its path at first and in the end, and how soon.</summary>
public class LabGridTests
{
    private static readonly (string Name, NatRules[] Nats)[] s_kinds =
    [
        ("open", []),
        ("cone", [NatRules.Cone]),
        ("restricted", [NatRules.Restricted]),
        ("symmetric", [NatRules.Symmetric]),
        ("two NATs", [NatRules.Restricted, NatRules.Restricted]),
    ];

    [Theory]
    [InlineData("ours", "ours")]
    [InlineData("ours", "npm")]
    [InlineData("npm", "ours")]
    public async Task Every_pair_finds_the_path_that_its_kinds_allow(string dialler, string listener)
    {
        await using var lab = await NetworkLab.StartAsync();
        var started = Stopwatch.StartNew();
        var results = await RunAsync(lab, dialler, listener);
        string text = Describe(dialler, listener, results) + string.Create(CultureInfo.InvariantCulture, $"\n{started.Elapsed.TotalSeconds:0} s for all of them\n");
        Report.Write($"nat-grid-kernel-{dialler}-{listener}", text);
        for (int i = 0; i < s_kinds.Length; i++)
            for (int j = 0; j < s_kinds.Length; j++)
            {
                var expected = LabExpectation.Of(s_kinds[i].Name, s_kinds[j].Name, dialler, listener);
                var result = results[i, j];
                Assert.True(expected.Fits(result), $"{s_kinds[i].Name} dials {s_kinds[j].Name}: {result} {result.Error}, wanted {expected}\n{text}");
            }
    }

    private static async Task<LabResult[,]> RunAsync(NetworkLab lab, string dialler, string listener)
    {
        int count = s_kinds.Length;
        var diallers = s_kinds.Select(k => Start(lab.AddSite(k.Nats), dialler)).ToArray();
        var listeners = s_kinds.Select(k => Start(lab.AddSite(k.Nats), listener)).ToArray();
        await Task.WhenAll(diallers.Select(d => LabDial.RunAsync(d, listeners[0]))); // code is compiled now, and not in what is measured
        await Task.WhenAll(listeners.Select(l => LabDial.RunAsync(diallers[0], l)));
        var results = new LabResult[count, count];
        for (int round = 0; round < count; round++)
            await Task.WhenAll(Enumerable.Range(0, count).Select(async i =>
            {
                int j = (i + round) % count;
                results[i, j] = await LabDial.RunAsync(diallers[i], listeners[j]);
            }));
        return results;
    }

    private static LabPeer Start(LabSite site, string what) => what == "npm" ? site.StartNpmPeer() : site.StartPeer();

    private static string Describe(string dialler, string listener, LabResult[,] results)
    {
        var text = new StringBuilder($"{dialler} dials {listener} through kernel NATs; path and ms to a stream, > the better path and ms to it" + "\n" + "".PadRight(12));
        foreach (var (name, _) in s_kinds) text.Append(name.PadRight(29));
        for (int i = 0; i < s_kinds.Length; i++)
        {
            text.Append('\n').Append(s_kinds[i].Name.PadRight(12));
            for (int j = 0; j < s_kinds.Length; j++) text.Append(results[i, j].ToString().PadRight(29));
        }
        return text.Append('\n').ToString();
    }
}
