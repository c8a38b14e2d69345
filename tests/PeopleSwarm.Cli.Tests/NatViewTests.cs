using PeopleSwarm.Cli.Doctor;

namespace PeopleSwarm.Cli;

public class NatViewTests
{
    [Theory]
    [InlineData("open", "5.0.0.1:1 5.0.0.1:1 5.0.0.1:1", "5.0.0.1:1")]
    [InlineData("unknown", "5.0.0.1:1 5.0.0.1:1", null)]
    [InlineData("consistent", "5.0.0.1:1 5.0.0.1:1 5.0.0.1:1", null)]
    [InlineData("firewall", "192.168.0.2:1 192.168.0.2:1 192.168.0.2:1", null)]
    [InlineData("random", "5.0.0.1:1 5.0.0.1:2 5.0.0.1:3", null)]
    [InlineData("pool", "5.0.0.1:1 5.0.0.2:1 5.0.0.1:1", null)]
    public void What_nodes_see_tells_the_kind_of_nat(string kind, string seen, string? reachableAt) =>
        Assert.Equal(kind, View(seen, reachableAt).Judge().Value);

    [Theory]
    [InlineData("steady", "5.0.0.1:1 5.0.0.1:2", "5.0.0.1:1 5.0.0.1:2")]
    [InlineData("drifting", "5.0.0.1:1 5.0.0.1:2", "5.0.0.1:1 5.0.0.1:3")]
    [InlineData("unknown", "", "5.0.0.1:1")]
    public void A_second_look_tells_whether_mappings_drift(string value, string then, string now) =>
        Assert.Equal(value, View(now).Compare(View(then), TimeSpan.FromSeconds(5)).Value);

    private static NatView View(string seen, string? reachableAt = null) => new(
        seen.Split(' ', StringSplitOptions.RemoveEmptyEntries).Index().ToDictionary(s => new UdpEndPoint((uint)(9 << 24 | s.Index), 1), s => UdpEndPoint.Parse(s.Item)),
        reachableAt is null ? null : UdpEndPoint.Parse(reachableAt), [UdpEndPoint.Parse("192.168.0.2:0")]);
}
