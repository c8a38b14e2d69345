using System.Globalization;

namespace PeopleSwarm.Lab;

/// <summary>The pair that is hard to punch, again and again.</summary>
public class LabGuessTests
{
    private const int Rounds = 10;
    private const double MedianLimit = 1500; // 3,500 ms with a probe every 20 ms, as npm sends them

    [Fact]
    public async Task Restricted_and_symmetric_meet_in_half_a_second_as_a_rule()
    {
        await using var lab = await NetworkLab.StartAsync();
        var restricted = lab.AddSite(NatRules.Restricted).StartPeer();
        var symmetric = lab.AddSite(NatRules.Symmetric).StartPeer();
        await LabDial.RunAsync(restricted, symmetric);
        await LabDial.RunAsync(symmetric, restricted);
        var (dialling, listening) = (new List<LabResult>(), new List<LabResult>());
        for (int i = 0; i < Rounds; i++)
        {
            dialling.Add(await LabDial.RunAsync(restricted, symmetric));
            listening.Add(await LabDial.RunAsync(symmetric, restricted));
        }
        Report.Write("nat-guess-kernel", $"{Describe("restricted dials symmetric", dialling)}\n{Describe("symmetric dials restricted", listening)}\n");
        Assert.True(Median(dialling) < MedianLimit && Median(listening) < MedianLimit, $"{Median(dialling)} and {Median(listening)} ms");
    }

    private static double Median(List<LabResult> results) => results.Select(r => r.Path is null ? double.MaxValue : r.Milliseconds).Order().ElementAt(Rounds / 2);

    private static string Describe(string what, List<LabResult> results) => string.Create(CultureInfo.InvariantCulture,
        $"{what}, ours: median {Median(results):0} ms of {string.Join(", ", results.Select(r => r.ToString()))}");
}
