using System.Text.Json;
using PeopleSwarm.Dht.Messages;

namespace PeopleSwarm.Dht.Nat;

public class NatSamplerTests
{
    [Theory, InlineData("consistent"), InlineData("random_port"), InlineData("one_bad_of_four"), InlineData("host_flip"), InlineData("mixed_long")]
    public void F2_the_ring_follows_the_vectors(string scenario)
    {
        var sampler = new NatSampler();
        foreach (var step in RpcVectors.Section("nat_sampler").GetProperty("scenarios").GetProperty(scenario).EnumerateArray())
        {
            Assert.Equal(step.Int("returns"), sampler.Add(step.GetProperty("add").Address()));
            Assert.Equal(step.Int("size"), sampler.Count);
            Assert.Equal(step.Int("threshold"), sampler.Threshold);
            var host = step.GetProperty("host");
            UdpEndPoint? expected = host.ValueKind == JsonValueKind.Null ? null : UdpEndPoint.Parse($"{host.GetString()}:{step.Int("port")}");
            Assert.Equal(expected, sampler.Result);
        }
    }

    [Fact]
    public void F1_the_ring_follows_a_changed_mapping()
    {
        var sampler = new NatSampler();
        var (before, after) = (UdpEndPoint.Parse("1.2.3.4:1000"), UdpEndPoint.Parse("1.2.3.4:2000"));
        for (int i = 0; i < 20; i++) sampler.Add(before);
        Assert.Equal(before, sampler.Result);
        for (int i = 0; i < 16; i++) sampler.Add(after);
        Assert.Equal(after, sampler.Result);
    }
}
