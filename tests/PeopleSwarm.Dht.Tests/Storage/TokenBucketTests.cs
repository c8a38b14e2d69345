namespace PeopleSwarm.Dht.Storage;

public class TokenBucketTests
{
    [Fact]
    public void Gives_a_burst_at_once_and_then_its_rate()
    {
        var bucket = new TokenBucket(perSecond: 10, burst: 20);
        var now = new Timestamp(1_000_000);
        Assert.Equal(20, Taken(now));
        Assert.Equal(0, Taken(now));
        Assert.Equal(5, Taken(now += TimeSpan.FromSeconds(0.5)));
        Assert.Equal(20, Taken(now + TimeSpan.FromHours(1)));

        int Taken(Timestamp at)
        {
            int taken = 0;
            while (taken < 1000 && bucket.TryTake(at)) taken++;
            return taken;
        }
    }
}
