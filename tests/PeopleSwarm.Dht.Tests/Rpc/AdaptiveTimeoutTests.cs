using PeopleSwarm.Dht.Messages;
using PeopleSwarm.Testing;

namespace PeopleSwarm.Dht.Rpc;

public class AdaptiveTimeoutTests
{
    [Fact]
    public void Estimates_follow_the_vectors()
    {
        AdaptiveTimeout.Estimate? estimate = null;
        foreach (var step in RpcVectors.Section("adaptive_timeout").GetProperty("steps").EnumerateArray())
        {
            int rtt = step.Int("put");
            estimate = estimate?.With(rtt) ?? new(rtt, rtt >> 1);
            Assert.Equal((step.Int("avg"), step.Int("variance")), (estimate.Value.AverageMs, estimate.Value.VarianceMs));
            foreach (int attempt in (int[])[1, 2, 3, 9]) Assert.Equal(step.Int($"attempt{attempt}"), estimate.Value.TimeoutMs(attempt, jitterMs: 0));
        }
    }

    [Fact]
    public void Unknown_addresses_climb_the_ladder_of_the_vectors()
    {
        var timeouts = new AdaptiveTimeout(new SeededRandom(1));
        foreach (var step in RpcVectors.Section("adaptive_timeout").GetProperty("unknown").EnumerateArray())
        {
            double ms = timeouts.For(default, UdpEndPoint.Loopback(1), step.Int("attempt")).TotalMilliseconds;
            Assert.InRange(ms, step.Int("timeout"), step.Int("timeout") + 255);
        }
    }

    [Fact]
    public void What_was_learned_is_forgotten_after_two_generations()
    {
        var timeouts = new AdaptiveTimeout(new SeededRandom(1));
        var address = UdpEndPoint.Loopback(1);
        timeouts.Learn(new(1), address, TimeSpan.FromMilliseconds(1500), sends: 1);
        Assert.InRange(timeouts.For(new(2), address, 1).TotalMilliseconds, 3000, 3255);
        timeouts.Learn(new(3), address, TimeSpan.FromMilliseconds(1), sends: 3); // a late answer says nothing
        Assert.InRange(timeouts.For(new(601_000_000), address, 1).TotalMilliseconds, 3000, 3255);
        Assert.InRange(timeouts.For(new(1_202_000_000), address, 1).TotalMilliseconds, 250, 505);
    }
}
