namespace PeopleSwarm.Fuzz;

public class UdxScenarioFuzzTests
{
    [Fact]
    public void Streams_deliver_every_byte_once_in_order_and_end()
    {
        int filled = 0;
        FuzzRun.Seeds(1000, seed =>
        {
            var scenario = new UdxScenario(seed);
            scenario.Run();
            if (scenario.HasFilledReorderBuffer) filled++;
        });
        Assert.True(filled >= 5, $"Only {filled} scenarios reached the bound of the reorder buffer.");
    }
}
