using PeopleSwarm.Swarm.Fakes;

namespace PeopleSwarm.Swarm.Policy;

public class PeerTableTests
{
    [Fact]
    public void Strangers_are_remembered_up_to_the_limit_and_vouched_peers_beyond()
    {
        var table = new PeerTable(2, 2, null);
        Assert.NotNull(table.GetOrTryAdd(Keys.Public(1)));
        Assert.NotNull(table.GetOrTryAdd(Keys.Public(2)));
        Assert.Null(table.GetOrTryAdd(Keys.Public(3)));
        Assert.Same(table.GetOrTryAdd(Keys.Public(2)), table.GetOrAdd(Keys.Public(2)));
        Assert.NotNull(table.GetOrAdd(Keys.Public(4)));
        Assert.Equal(3, table.Count);
    }

    [Fact]
    public void The_oldest_ban_is_lifted_beyond_the_limit()
    {
        var table = new PeerTable(10, 2, null);
        table.Ban(table.GetOrAdd(Keys.Public(1)), out var lifted);
        table.Ban(table.GetOrAdd(Keys.Public(2)), out lifted);
        table.Ban(table.GetOrAdd(Keys.Public(2)), out lifted);
        Assert.Null(lifted);
        table.Ban(table.GetOrAdd(Keys.Public(3)), out lifted);
        Assert.Equal(Keys.Public(1), lifted!.PublicKey);
        Assert.False(lifted.IsBanned);
        Assert.Equal(2, table.BannedCount);
    }

    [Fact]
    public void A_ban_on_a_forgotten_object_reaches_the_peer_that_is_known_now()
    {
        var table = new PeerTable(10, 10, null);
        var old = table.GetOrAdd(Keys.Public(1));
        table.Remove(old);
        var known = table.GetOrAdd(Keys.Public(1));
        Assert.Same(known, table.Ban(old, out _));
        Assert.True(known.IsBanned);
        Assert.Same(known, table.Unban(old));
        Assert.False(known.IsBanned || old.IsBanned);
        table.Remove(old);
        Assert.True(table.TryGet(Keys.Public(1), out _));
    }
}
