using PeopleSwarm.Swarm.Fakes;

namespace PeopleSwarm.Swarm.Policy;

public class RetryScheduleTests
{
    private static readonly Timestamp s_start = new(5_000_000);
    private static readonly RetryBackoffs s_backoffs = new(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(5),
        TimeSpan.FromSeconds(15), TimeSpan.FromMinutes(10), TimeSpan.FromMilliseconds(500));

    [Theory]
    [InlineData(0, false, 1)]
    [InlineData(0, true, 1)]
    [InlineData(1, true, 1)]
    [InlineData(1, false, 5)]
    [InlineData(2, true, 5)]
    [InlineData(2, false, 15)]
    [InlineData(3, true, 15)]
    [InlineData(3, false, 15)]
    public void The_delay_follows_attempts_and_proof(int attempts, bool isProven, int seconds)
    {
        var retries = new RetrySchedule(s_backoffs with { Jitter = TimeSpan.Zero }, new NoRandom());
        var peer = Peer(attempts, isProven);
        Assert.True(retries.TryAdd(s_start, peer));
        Assert.True(peer.IsWaiting);
        Assert.Equal(s_start + TimeSpan.FromSeconds(seconds) * 0.66 * 2, retries.NextTimeout);
    }

    [Fact]
    public void Beyond_three_attempts_only_explicit_peers_are_tried()
    {
        var retries = new RetrySchedule(s_backoffs with { Jitter = TimeSpan.Zero }, new NoRandom());
        Assert.False(retries.TryAdd(s_start, Peer(4, true)));
        var peer = Peer(4, false);
        peer.IsExplicit = true;
        Assert.True(retries.TryAdd(s_start, peer));
        Assert.Equal(s_start + TimeSpan.FromMinutes(10) * 0.66 * 2, retries.NextTimeout);
    }

    [Fact]
    public void Banned_peers_and_those_without_reconnecting_are_not_tried()
    {
        var retries = new RetrySchedule(s_backoffs, new NoRandom());
        var banned = Peer(0, true);
        banned.Ban();
        var unwanted = Peer(0, true);
        unwanted.Reconnect(false);
        Assert.False(retries.TryAdd(s_start, banned) || retries.TryAdd(s_start, unwanted));
        Assert.Null(retries.NextTimeout);
    }

    [Fact]
    public void The_real_delay_lies_between_two_and_four_thirds_of_the_nominal_one()
    {
        var retries = new RetrySchedule(s_backoffs with { Jitter = TimeSpan.Zero }, new NoRandom());
        var random = new Random(1);
        var now = s_start;
        List<double> delays = [];
        for (int i = 0; i < 2000; i++)
        {
            now += TimeSpan.FromMilliseconds(random.Next(1, 3000));
            Assert.True(retries.TryAdd(now, Peer(0, false)));
            delays.Add((retries.NextTimeout!.Value - now).TotalSeconds);
            Assert.NotNull(retries.TakeDue(retries.NextTimeout!.Value));
        }
        Assert.InRange(delays.Min(), 0.66, 0.68);
        Assert.InRange(delays.Max(), 1.30, 1.32);
    }

    [Fact]
    public void Peers_lost_within_one_interval_are_tried_together()
    {
        var retries = new RetrySchedule(s_backoffs with { Jitter = TimeSpan.Zero }, new NoRandom());
        for (int i = 0; i < 5; i++) retries.TryAdd(s_start + TimeSpan.FromMilliseconds(100 * i), Peer(0, false));
        var due = retries.NextTimeout!.Value;
        Assert.Null(retries.TakeDue(due - TimeSpan.FromMicroseconds(1)));
        for (int i = 0; i < 5; i++) Assert.False(retries.TakeDue(due)!.IsWaiting);
        Assert.Null(retries.NextTimeout);
    }

    [Fact]
    public void The_jitter_spreads_the_levels_as_the_reference_does()
    {
        double least = double.MaxValue, most = 0;
        for (int seed = 0; seed < 500; seed++)
        {
            var retries = new RetrySchedule(s_backoffs, new SeededRandom(seed));
            retries.TryAdd(s_start, Peer(0, false));
            double seconds = (retries.NextTimeout!.Value - s_start).TotalSeconds / 1.32;
            (least, most) = (Math.Min(least, seconds), Math.Max(most, seconds));
        }
        Assert.InRange(least, 0.999, 1.1);
        Assert.InRange(most, 1.85, 2.0);
    }

    [Fact]
    public void Taking_all_clears_every_mark()
    {
        var retries = new RetrySchedule(s_backoffs, new SeededRandom(1));
        PeerInfo[] peers = [Peer(0, true), Peer(1, false), Peer(3, false)];
        foreach (var peer in peers) retries.TryAdd(s_start, peer);
        Assert.Equal(3, retries.TakeAll().Count());
        Assert.DoesNotContain(peers, peer => peer.IsWaiting);
    }

    private static PeerInfo Peer(int attempts, bool isProven)
    {
        var peer = new PeerInfo(Keys.Public(attempts));
        if (isProven) peer.Connected(s_start);
        peer.Attempts = attempts;
        return peer;
    }
}
