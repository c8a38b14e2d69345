using PeopleSwarm.Dht.Connect;
using PeopleSwarm.Dht.TestKit;

namespace PeopleSwarm.Dht.Relay;

public class RelayPairingTests
{
    [Fact]
    public void A_limit_that_is_over_at_once_ends_the_wait()
    {
        List<string> reasons = [];
        int settled = 0;
        RelayPairingEvents events = new((_, leg, reason) => reasons.Add(leg is null ? reason : "paired"), (_, _) => Assert.Fail("It was never paired."));
        RelayPairing pairing = new(new(PeerKit.Key(1).PublicKey, new Topic(new byte[32])), true, new FakeStream(7, new()), events, work => work(default),
            () => settled++, TimeSpan.FromTicks(1), new HastyTime());
        Assert.Equal((true, 1), (pairing.IsSettled, settled));
        Assert.Equal(["it did not pair us in time"], reasons);
    }
}
