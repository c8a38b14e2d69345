using CsCheck;
using PeopleSwarm.Testing;

namespace PeopleSwarm.Dht.Storage;

public class TwoGenerationCacheTests
{
    private static readonly Timestamp s_start = new(5_000_000);
    private static readonly TimeSpan s_age = TimeSpan.FromMinutes(20);

    [Fact]
    public void G8_an_entry_is_there_at_13_minutes_and_gone_at_27()
    {
        for (int minute = 0; minute < 14; minute++) // whenever in a generation it is stored
        {
            var cache = new TwoGenerationCache<int, string>(100, s_age);
            cache.Advance(s_start);
            var stored = s_start + TimeSpan.FromMinutes(minute);
            cache.Set(stored, 1, "a");
            Assert.True(cache.TryGet(stored + TimeSpan.FromMinutes(13), 1, out _));
            Assert.False(cache.TryGet(stored + TimeSpan.FromMinutes(27), 1, out _));
            Assert.Equal(0, cache.Count);
        }
    }

    [Fact]
    public void G8_only_a_renewing_read_keeps_an_entry()
    {
        var renewed = new TwoGenerationCache<int, string>(100, s_age);
        var read = new TwoGenerationCache<int, string>(100, s_age);
        renewed.Set(s_start, 1, "a");
        read.Set(s_start, 1, "a");
        for (int minute = 0; minute < 120; minute += 5)
        {
            Assert.True(renewed.TryGet(s_start + TimeSpan.FromMinutes(minute), 1, out _, renew: true));
            read.TryGet(s_start + TimeSpan.FromMinutes(minute), 1, out _);
        }
        Assert.False(read.TryGet(s_start + TimeSpan.FromMinutes(28), 1, out _));
        Assert.False(renewed.TryGet(s_start + TimeSpan.FromMinutes(115 + 27), 1, out _)); // and what was renewed expires too
    }

    [Fact]
    public void There_are_never_more_than_two_full_generations()
    {
        var cache = new TwoGenerationCache<int, int>(10, s_age);
        for (int i = 0; i < 1000; i++)
        {
            cache.Set(s_start, i, i);
            Assert.True(cache.Count <= 20);
            Assert.True(cache.TryGet(s_start, i, out _));
        }
    }

    [Fact]
    public void A_longer_silence_than_two_generations_drops_everything()
    {
        var cache = new TwoGenerationCache<int, int>(10, s_age);
        cache.Set(s_start, 1, 1);
        cache.Advance(s_start + TimeSpan.FromHours(5));
        Assert.Equal(0, cache.Count);
    }

    [Fact]
    public void Storing_again_replaces_in_either_generation() =>
        Gen.Int[0, 4].Array[1, 200].Sample(keys =>
        {
            var cache = new TwoGenerationCache<int, int>(1000, s_age);
            var now = s_start;
            for (int i = 0; i < keys.Length; i++)
            {
                cache.Set(now, keys[i], i);
                if (!cache.TryGet(now, keys[i], out int value) || value != i || cache.Count > 5) return false;
                now += TimeSpan.FromMinutes(1);
            }
            return true;
        });

    [Fact]
    public void A_rate_limiter_allows_its_burst_and_then_its_rate()
    {
        var limiter = new RateLimiter<int>(perSecond: 10, burst: 20, maxKeys: 100);
        int first = Enumerable.Range(0, 100).Count(_ => limiter.TryTake(s_start, 1));
        int later = Enumerable.Range(0, 100).Count(_ => limiter.TryTake(s_start + TimeSpan.FromSeconds(1), 1));
        Assert.Equal((20, 10), (first, later));
        Assert.True(limiter.TryTake(s_start, 2));
    }

    [Fact]
    public void The_store_never_holds_more_than_two_generations_and_picks_distinct_records()
    {
        var store = new AnnounceStore(50, s_age);
        var random = new SeededRandom(3);
        var topic = new NodeId(new byte[32]);
        for (int i = 0; i < 500; i++)
        {
            var key = new byte[32];
            random.Fill(key);
            store.Set(s_start, topic, new(key), key);
            Assert.True(store.Count <= 100);
            var picked = store.Pick(s_start, topic, 20, random);
            Assert.Equal(Math.Min(20, store.Count), picked.Distinct().Count());
        }
    }

    [Fact]
    public void Every_record_of_a_topic_is_picked_equally_often()
    {
        var store = new AnnounceStore(1000, s_age);
        var random = new SeededRandom(4);
        var topic = new NodeId(new byte[32]);
        for (byte i = 0; i < 40; i++) store.Set(s_start + TimeSpan.FromMinutes(i < 20 ? 0 : 14), topic, new(Enumerable.Repeat(i, 32).ToArray()), [i]);
        var counts = new int[40];
        for (int i = 0; i < 4000; i++)
            foreach (var record in store.Pick(s_start + TimeSpan.FromMinutes(14), topic, 20, random)) counts[record[0]]++;
        Assert.All(counts, c => Assert.InRange(c, 1850, 2150)); // 2000 expected, deviation about 32
    }
}
