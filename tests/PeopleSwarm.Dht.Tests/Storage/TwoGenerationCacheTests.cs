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

    [Fact]
    public void No_source_holds_more_than_its_share_whatever_happens() =>
        Gen.Select(Gen.Int[0, 20], Gen.UInt[0, 3], Gen.Int[1, 9], Gen.Int[0, 9]).Array[1, 300].Sample(steps =>
        {
            const long Share = 20;
            var cache = new TwoGenerationCache<int, (uint Source, int Weight)>(100, s_age, Share);
            var now = s_start;
            foreach (var (key, source, weight, kind) in steps)
            {
                if (kind == 0) cache.Remove(key);
                else if (kind == 1) cache.TryGet(now, key, out _, renew: true);
                else if (kind == 2) now += TimeSpan.FromMinutes(5);
                else cache.Set(now, key, (source, weight), source, weight);
                long[] held = new long[4];
                for (int i = 0; i <= 20; i++) if (cache.TryGet(now, i, out var value)) held[value.Source] += value.Weight;
                if (held.Sum() != cache.Weight || cache.Weight > 2 * 109 || held.Skip(1).Any(h => h > 2 * Share)) return false;
                if (kind > 2 && !cache.TryGet(now, key, out _)) return false; // the newest is never what gives way
            }
            return true;
        });

    [Fact]
    public void The_oldest_of_a_source_gives_way_and_nobody_elses()
    {
        var cache = new TwoGenerationCache<string, int>(1000, s_age, maxPerSource: 3);
        cache.Set(s_start, "other", 0, source: 2);
        foreach (string key in (string[])["a", "b", "c", "a", "d"]) cache.Set(s_start, key, 0, source: 1);
        Assert.Equal(["a", "c", "d", "other"], ((string[])["a", "b", "c", "d", "other"]).Where(k => cache.TryGet(s_start, k, out _)));
    }

    [Fact]
    public void Announcements_of_one_source_push_out_their_own_alone()
    {
        var store = new AnnounceStore(1000, s_age, maxPerSource: 10);
        var topic = new NodeId(new byte[32]);
        store.Set(s_start, topic, Key(200), [200], source: 7);
        for (byte i = 0; i < 100; i++) store.Set(s_start, topic, Key(i), [i], source: 8);
        var kept = store.Pick(s_start, topic, 50, new SeededRandom(1)).Select(r => r[0]).Order().ToArray();
        Assert.Equal([.. Enumerable.Range(90, 10).Select(i => (byte)i), 200], kept);
        store.Remove(topic, Key(95));
        store.Set(s_start, topic, Key(1), [1], source: 8);
        Assert.Equal(11, store.Count);

        static PublicKey Key(byte i) => new(Enumerable.Repeat(i, 32).ToArray());
    }
}
