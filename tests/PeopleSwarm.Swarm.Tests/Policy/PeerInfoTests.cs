using PeopleSwarm.Swarm.Fakes;

namespace PeopleSwarm.Swarm.Policy;

public class PeerInfoTests
{
    private static readonly Timestamp s_start = new(1_000_000);

    [Theory]
    [InlineData(0, PeerPriority.Normal)]
    [InlineData(1, PeerPriority.VeryHigh)]
    [InlineData(2, PeerPriority.High)]
    [InlineData(3, PeerPriority.Low)]
    public void The_priority_follows_the_attempts(int attempts, PeerPriority priority)
    {
        var peer = new PeerInfo(Keys.Public(1)) { Attempts = attempts };
        Assert.True(peer.TryUpdatePriority());
        Assert.Equal(priority, peer.Priority);
        Assert.Equal(attempts < 3, peer.IsPrioritized);
    }

    [Fact]
    public void After_three_attempts_only_explicit_peers_are_dialled()
    {
        var peer = new PeerInfo(Keys.Public(1)) { Attempts = 4 };
        Assert.False(peer.TryUpdatePriority());
        peer.IsExplicit = true;
        Assert.True(peer.TryUpdatePriority());
        Assert.Equal(3, peer.Attempts);
        Assert.Equal(PeerPriority.Low, peer.Priority);
    }

    [Fact]
    public void Banned_and_queued_peers_are_not_dialled()
    {
        var peer = new PeerInfo(Keys.Public(1));
        peer.Ban();
        Assert.False(peer.TryUpdatePriority());
        peer.Ban(false);
        peer.IsQueued = true;
        Assert.False(peer.TryUpdatePriority());
    }

    [Theory]
    [InlineData(14_999, 3)]
    [InlineData(15_000, 1)]
    public void A_connection_of_15_s_clears_the_attempts(int milliseconds, int attempts)
    {
        var peer = new PeerInfo(Keys.Public(1)) { Attempts = 2 };
        peer.Connected(s_start);
        Assert.True(peer is { IsProven: true, IsClient: true });
        peer.Disconnected(s_start + TimeSpan.FromMilliseconds(milliseconds));
        Assert.Equal(attempts, peer.Attempts);
        peer.Disconnected(s_start + TimeSpan.FromMinutes(1)); // a failed dial is no connection
        Assert.Equal(attempts + 1, peer.Attempts);
    }

    [Fact]
    public void The_oldest_topic_makes_room()
    {
        var peer = new PeerInfo(Keys.Public(1));
        Assert.True(peer.TryAddTopic(Keys.Topic(1), 2));
        Assert.False(peer.TryAddTopic(Keys.Topic(1), 2));
        Assert.True(peer.TryAddTopic(Keys.Topic(2), 2));
        Assert.True(peer.TryAddTopic(Keys.Topic(3), 2));
        Assert.Equal([Keys.Topic(2), Keys.Topic(3)], peer.Topics);
    }

    [Fact]
    public void Anything_but_a_connection_keeps_it_known()
    {
        Assert.True(new PeerInfo(Keys.Public(1)).IsForgettable);
        Assert.False(new PeerInfo(Keys.Public(1)) { IsExplicit = true }.IsForgettable);
        Assert.False(new PeerInfo(Keys.Public(1)) { IsQueued = true }.IsForgettable);
        Assert.False(new PeerInfo(Keys.Public(1)) { IsWaiting = true }.IsForgettable);
        Assert.False(new PeerInfo(Keys.Public(1)) { IsDue = true }.IsForgettable);
        var banned = new PeerInfo(Keys.Public(1));
        banned.Ban();
        Assert.False(banned.IsForgettable);
    }
}
