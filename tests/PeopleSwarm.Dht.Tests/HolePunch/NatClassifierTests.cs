using System.Text.Json;
using PeopleSwarm.Dht.Messages;

namespace PeopleSwarm.Dht.HolePunch;

public class NatClassifierTests
{
    private static readonly JsonElement s_vectors =
        JsonDocument.Parse(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Vectors", "hyperdht.json"))).RootElement.GetProperty("nat_analysis");

    public static TheoryData<string> Scenarios => [.. s_vectors.GetProperty("scenarios").EnumerateObject().Select(s => s.Name)];

    [Theory, MemberData(nameof(Scenarios))]
    public void Judges_each_sample_as_the_vectors_do(string scenario)
    {
        var nat = new NatClassifier(isFirewalled: true);
        foreach (var step in s_vectors.GetProperty("scenarios").GetProperty(scenario).EnumerateArray())
        {
            nat.Add(UdpEndPoint.Parse(step.Text("sample")), UdpEndPoint.Parse(step.Text("referrer")));
            Assert.Equal(step.Int("sampled"), nat.Count);
            Assert.Equal((PeerFirewallState)step.Int("firewall"), nat.Firewall);
            var addresses = step.GetProperty("addresses");
            if (addresses.ValueKind == JsonValueKind.Null) Assert.Null(nat.Addresses);
            else Assert.Equal(addresses.EnumerateArray().Select(a => a.Address()), nat.Addresses);
        }
    }

    [Fact]
    public void A_frozen_view_does_not_change()
    {
        var nat = new NatClassifier(isFirewalled: true);
        for (ushort i = 0; i < 3; i++) nat.Add(new(0x01010101, 1000), new(0x09090909, i));
        nat.IsFrozen = true;
        for (ushort i = 3; i < 20; i++) nat.Add(new(0x01010101, i), new(0x09090909, i));
        Assert.Equal(PeerFirewallState.Consistent, nat.Firewall);
        Assert.Equal(new UdpEndPoint(0x01010101, 1000), Assert.Single(nat.Addresses!));
    }

    [Fact]
    public void An_open_node_lists_the_address_others_see()
    {
        var nat = new NatClassifier(isFirewalled: false);
        nat.Add(new(0x01010101, 1000), new(0x09090909, 1));
        Assert.Equal(PeerFirewallState.Open, nat.Firewall);
        Assert.Equal(new UdpEndPoint(0x01010101, 1000), Assert.Single(nat.Addresses!));
    }
}
