namespace PeopleSwarm.Dht.Large;

/// <summary>Alone, because what else lives in the process would count as memory of the nodes.</summary>
[CollectionDefinition(nameof(LargeNetworkTests), DisableParallelization = true)]
[Collection(nameof(LargeNetworkTests))]
public class LargeNetworkTests
{
    private const int Nodes = 1000;

    [Fact]
    public void A_thousand_nodes_find_what_is_announced_while_half_of_them_are_replaced_and_the_network_is_cut()
    {
        var scenario = new LargeScenario(Nodes, seed: 1);
        scenario.Run();
        Report.Write("dht-of-a-thousand-nodes", scenario.ToString());
        Assert.True(scenario.LookUps > 5000, $"only {scenario.LookUps} look-ups");
        Assert.True(scenario.Failures <= scenario.LookUps / 1000, scenario.ToString());
        Assert.True(scenario.BytesPerNode < 40 * 1024, scenario.ToString());
        // Four times the nodes: two more bits to tell apart. A look-up gains at least three a hop.
        for (int i = 1; i < scenario.Hops.Count; i++)
            Assert.True(scenario.Hops[i].Hops - scenario.Hops[i - 1].Hops < 2.0 / 3 + 0.2, scenario.ToString());
    }
}
