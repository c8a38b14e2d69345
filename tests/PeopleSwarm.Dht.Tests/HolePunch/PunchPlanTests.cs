using PeopleSwarm.Dht.Messages;

namespace PeopleSwarm.Dht.HolePunch;

public class PunchPlanTests
{
    private static readonly UdpEndPoint s_remote = new(0x01010101, 1000);

    [Theory]
    [InlineData("open", "open", "Consistent")]
    [InlineData("open", "consistent", "Consistent")]
    [InlineData("consistent", "open", "Consistent")]
    [InlineData("consistent", "consistent", "Consistent")]
    [InlineData("open", "random", "RandomPorts")]
    [InlineData("consistent", "random", "RandomPorts")]
    [InlineData("random", "open", "BirthdaySockets")]
    [InlineData("random", "consistent", "BirthdaySockets")]
    [InlineData("random", "random", "Impossible")]
    [InlineData("unknown", "open", "Impossible")]
    [InlineData("unknown", "consistent", "Impossible")]
    [InlineData("unknown", "random", "Impossible")]
    [InlineData("unknown", "unknown", "Impossible")]
    [InlineData("open", "unknown", "Impossible")]
    [InlineData("consistent", "unknown", "Impossible")]
    [InlineData("random", "unknown", "Impossible")]
    public void Every_pair_of_nats_has_its_strategy(string local, string remote, string expected)
    {
        var strategy = PunchPlan.Choose(Parse(local), Parse(remote), [new(s_remote, IsVerified: true)]);
        Assert.Equal(Enum.Parse<PunchStrategy>(expected), strategy);
    }

    [Fact]
    public void No_host_is_sprayed_before_it_is_verified()
    {
        RemoteAddress[] unverified = [new(s_remote, IsVerified: false)];
        Assert.Equal(PunchStrategy.Impossible, PunchPlan.Choose(PeerFirewallState.Consistent, PeerFirewallState.Random, unverified));
        Assert.Equal(PunchStrategy.Impossible, PunchPlan.Choose(PeerFirewallState.Random, PeerFirewallState.Consistent, unverified));
    }

    [Fact]
    public void Nothing_is_punched_without_an_address()
    {
        Assert.Equal(PunchStrategy.Impossible, PunchPlan.Choose(PeerFirewallState.Consistent, PeerFirewallState.Consistent, []));
    }

    private static PeerFirewallState Parse(string name) => Enum.Parse<PeerFirewallState>(name, ignoreCase: true);
}
