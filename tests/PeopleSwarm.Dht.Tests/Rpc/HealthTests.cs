using PeopleSwarm.Dht.Messages;

namespace PeopleSwarm.Dht.Rpc;

public class HealthTests
{
    [Fact]
    public void Health_follows_the_vectors_until_the_reference_forgets_to_recover()
    {
        var health = new Health();
        long responses = 0, timeouts = 0;
        var steps = RpcVectors.Section("health").GetProperty("steps").EnumerateArray().ToArray();
        for (int i = 0; i < steps.Length; i++)
        {
            responses += steps[i].Int("new_responses");
            timeouts += steps[i].Int("new_timeouts");
            health.Update(responses, timeouts);
            Assert.Equal(steps[i].GetProperty("cold").GetBoolean(), health.IsCold);
            Assert.Equal(steps[i].GetProperty("idle").GetBoolean(), health.IsIdle);
            Assert.Equal(steps[i].GetProperty("online").GetBoolean(), health.IsOnline);
            bool fourHealthyTicks = i == steps.Length - 1;
            Assert.Equal(steps[i].GetProperty("degraded").GetBoolean() && !fourHealthyTicks, health.IsDegraded);
        }
    }

    [Fact]
    public void S27_degraded_clears_after_four_healthy_ticks_even_after_an_outage()
    {
        var health = new Health();
        long responses = 0, timeouts = 0;
        void Tick(int newResponses, int newTimeouts) => health.Update(responses += newResponses, timeouts += newTimeouts);
        for (int i = 0; i < 4; i++) Tick(0, 0);
        for (int i = 0; i < 5; i++) Tick(0, 20);
        Assert.False(health.IsOnline);
        for (int i = 0; i < 4; i++) Tick(5, 20);
        Assert.True(health.IsOnline);
        Assert.True(health.IsDegraded);
        for (int i = 0; i < 3; i++) Tick(20, 0);
        Assert.True(health.IsDegraded);
        Tick(20, 0);
        Assert.False(health.IsDegraded);
    }
}
