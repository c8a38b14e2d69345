using PeopleSwarm.Swarm.Fakes;

namespace PeopleSwarm.Swarm.Policy;

public class FlushSetTests
{
    [Fact]
    public void A_flush_ends_when_its_last_peer_is_settled_whoever_else_is()
    {
        var flushes = new FlushSet();
        List<string> done = [];
        flushes.Add([Keys.Public(1), Keys.Public(2)], _ => done.Add("both"));
        flushes.Add([Keys.Public(2)], _ => done.Add("second"));
        flushes.Add([], _ => done.Add("none"));
        Assert.Equal(["none"], done);
        flushes.Settle(Keys.Public(3));
        flushes.Settle(Keys.Public(2));
        flushes.Settle(Keys.Public(2));
        Assert.Equal(["none", "second"], done);
        flushes.Settle(Keys.Public(1));
        Assert.Equal(["none", "second", "both"], done);
    }

    [Fact]
    public void Removed_flushes_are_not_completed_and_the_rest_can_be_at_once()
    {
        var flushes = new FlushSet();
        List<bool> done = [];
        var flush = flushes.Add([Keys.Public(1)], done.Add);
        flushes.Add([Keys.Public(1)], done.Add);
        flushes.Remove(flush!);
        flushes.CompleteAll(false);
        flushes.CompleteAll(true);
        Assert.Equal([false], done);
    }
}
