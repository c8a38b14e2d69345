using PeopleSwarm.Swarm.Fakes;

namespace PeopleSwarm.Swarm.Policy;

public class PeerQueueTests
{
    [Fact]
    public void The_highest_priority_comes_first()
    {
        var queue = new PeerQueue(new SeededRandom(1), 10);
        foreach (int attempts in (int[])[3, 0, 2, 1]) Assert.True(queue.TryAdd(Peer(attempts, attempts)));
        Assert.Equal([1, 2, 0, 3], TakeAll(queue).Select(peer => peer.Attempts));
    }

    [Fact]
    public void Within_a_level_every_order_occurs()
    {
        HashSet<string> orders = [];
        for (int seed = 0; seed < 200; seed++)
        {
            var queue = new PeerQueue(new SeededRandom(seed), 10);
            for (int i = 0; i < 3; i++) queue.TryAdd(Peer(i, 0));
            orders.Add(string.Join(',', TakeAll(queue).Select(peer => peer.PublicKey)));
        }
        Assert.Equal(6, orders.Count);
    }

    [Fact]
    public void A_peer_stands_in_it_once_and_a_full_queue_takes_no_more()
    {
        var queue = new PeerQueue(new NoRandom(), 2);
        var peer = Peer(1, 0);
        Assert.True(queue.TryAdd(peer));
        Assert.False(queue.TryAdd(peer));
        Assert.True(queue.TryAdd(Peer(2, 0)));
        var late = Peer(3, 0);
        Assert.False(queue.TryAdd(late));
        Assert.False(late.IsQueued);
        Assert.Equal(2, queue.Count);
    }

    [Fact]
    public void A_peer_whose_priority_changed_is_still_found_to_remove()
    {
        var queue = new PeerQueue(new NoRandom(), 10);
        var peer = Peer(1, 0);
        queue.TryAdd(peer);
        peer.IsQueued = false;
        peer.Attempts = 1;
        peer.TryUpdatePriority();
        peer.IsQueued = true;
        Assert.True(queue.Remove(peer));
        Assert.False(queue.Remove(peer));
        Assert.Equal(0, queue.Count);
    }

    [Fact]
    public void Peers_that_are_not_eligible_stay()
    {
        var queue = new PeerQueue(new SeededRandom(3), 10);
        for (int i = 0; i < 6; i++) queue.TryAdd(Peer(i, 0));
        var taken = queue.Take(peer => peer.PublicKey == Keys.Public(4));
        Assert.Equal(Keys.Public(4), taken!.PublicKey);
        Assert.Null(queue.Take(_ => false));
        Assert.Equal(5, queue.Count);
        Assert.Equal(2, queue.RemoveAll(peer => peer.PublicKey < Keys.Public(2)).Count);
        Assert.Equal(3, queue.Keys.Count());
    }

    private static IEnumerable<PeerInfo> TakeAll(PeerQueue queue)
    {
        while (queue.Take(_ => true) is { } peer) yield return peer;
    }

    private static PeerInfo Peer(int key, int attempts)
    {
        var peer = new PeerInfo(Keys.Public(key)) { Attempts = attempts };
        peer.TryUpdatePriority();
        return peer;
    }
}
