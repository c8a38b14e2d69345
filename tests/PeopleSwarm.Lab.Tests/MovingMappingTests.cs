using System.Globalization;

namespace PeopleSwarm.Lab;

/// <summary>A NAT that forgets its mappings while connections use them.</summary>
public class MovingMappingTests
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(30);

    [Theory]
    [InlineData("dialler", "ours", "ours")]
    [InlineData("listener", "ours", "ours")]
    [InlineData("dialler", "npm", "ours")]
    [InlineData("listener", "ours", "npm")] // npm peers do not follow us, but we follow them
    public async Task A_connection_goes_on_when_the_mapping_it_uses_gets_another_port(string moving, string dialling, string listening)
    {
        await using var lab = await NetworkLab.StartAsync();
        var behind = lab.AddSite(NatRules.Restricted);
        var open = lab.AddSite();
        var dialler = Start(moving == "dialler" ? behind : open, dialling);
        var listener = Start(moving == "dialler" ? open : behind, listening);
        var (result, id) = await LabDial.OpenAsync(dialler, listener);
        Assert.NotNull(result.First);
        double before = await ExchangeAsync(dialler, id);
        behind.MoveMappings();
        double after = await ExchangeAsync(dialler, id);
        double settled = await ExchangeAsync(dialler, id);
        Report.Write($"nat-mapping-moves-{moving}-{dialling}-{listening}", string.Create(CultureInfo.InvariantCulture,
            $"{dialling} with {listening}, the {moving}'s mapping moves: round trip {before:0.0} ms before, {after:0.0} ms across, {settled:0.0} ms after\n"));
    }

    private static LabPeer Start(LabSite site, string what) => what == "npm" ? site.StartNpmPeer() : site.StartPeer();

    private static async Task<double> ExchangeAsync(LabPeer dialler, int id)
    {
        dialler.Process.Send(new { command = "exchange", id });
        return (await dialler.Process.ReadAsync($"exchanged{id}", s_limit)).GetProperty("milliseconds").GetDouble();
    }
}
