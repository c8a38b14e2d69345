using System.Globalization;

namespace PeopleSwarm.Lab;

/// <summary>The pairs that are hard to connect, again and again: time to a stream that works, and to the direct path.</summary>
public class LabMedianTests
{
    private const int Rounds = 10;
    private const double DirectLimit = 2000;

    [Fact]
    public async Task Hard_pairs_have_a_stream_at_once_and_the_direct_path_soon_where_there_is_one()
    {
        await using var lab = await NetworkLab.StartAsync();
        LabPeer restricted = lab.AddSite(NatRules.Restricted).StartPeer(), symmetric = lab.AddSite(NatRules.Symmetric).StartPeer(), other = lab.AddSite(NatRules.Symmetric).StartPeer();
        await MeasureAsync("restricted dials symmetric", restricted, symmetric, streamLimit: 500);
        await MeasureAsync("symmetric dials restricted", symmetric, restricted, streamLimit: 500);
        await MeasureAsync("symmetric dials symmetric", symmetric, other, streamLimit: 100);
    }

    private static async Task MeasureAsync(string what, LabPeer dialler, LabPeer listener, double streamLimit)
    {
        bool staysRelayed = dialler.IsSymmetric && listener.IsSymmetric;
        for (int i = 0; i < 3; i++) await LabDial.RunAsync(dialler, listener); // code is compiled now, and not in what is measured
        var results = new List<LabResult>();
        for (int i = 0; i < Rounds; i++) results.Add(await LabDial.RunAsync(dialler, listener));
        double stream = Median(results, static r => r.First is null ? double.MaxValue : r.Milliseconds);
        double direct = Median(results, static r => r.Final is null or nameof(PeerPath.Relayed) ? double.MaxValue : r.Milliseconds + r.MovedAfter);
        string text = string.Create(CultureInfo.InvariantCulture,
            $"{what}, ours: median {stream:0} ms to a stream{(staysRelayed ? "" : $", {direct:0} ms to the direct path")}; {string.Join(", ", results)}\n");
        Report.Write("nat-median-kernel-" + what.Replace(' ', '-'), text);
        Assert.True(stream < streamLimit && (staysRelayed || direct < DirectLimit), text);
    }

    private static double Median(List<LabResult> results, Func<LabResult, double> value) => results.Select(value).Order().ElementAt(Rounds / 2);
}
