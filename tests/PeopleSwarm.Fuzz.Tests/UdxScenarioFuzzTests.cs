namespace PeopleSwarm.Fuzz;

public class UdxScenarioFuzzTests
{
    [Fact]
    public void Streams_deliver_every_byte_once_in_order_and_end() => FuzzRun.Seeds(1000, seed => new UdxScenario(seed).Run());
}
