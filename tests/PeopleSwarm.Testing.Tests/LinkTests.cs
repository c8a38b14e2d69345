namespace PeopleSwarm.Testing;

public class LinkTests
{
    private static readonly UdpEndPoint s_alice = new(0x05000001, 1000), s_bob = new(0x05000002, 2000), s_carol = new(0x05000003, 3000);
    private static readonly TimeSpan s_ms = TimeSpan.FromMilliseconds(1);

    [Fact]
    public void Losses_come_at_the_given_rate()
    {
        var numbers = Arrivals(new LinkOptions { LossRate = 0.3 }, 10_000);
        Assert.InRange(numbers.Count, 6_800, 7_200);
        Assert.Equal(numbers.Order(), numbers);
    }

    [Fact]
    public void Burst_losses_come_in_runs()
    {
        var numbers = Arrivals(new LinkOptions { BurstLoss = new BurstLoss(GoodToBad: 0.01, BadToGood: 0.1) }, 20_000);
        var gaps = numbers.Zip(numbers.Skip(1), (a, b) => b - a - 1).Where(g => g > 0).ToList();
        Assert.InRange(numbers.Count / 20_000.0, 0.86, 0.95); // a share of 0.1 / 0.11 of the time is good
        Assert.InRange(gaps.Average(), 7, 13); // the mean burst is 10
    }

    [Fact]
    public void A_good_link_may_lose_a_share_too()
    {
        var numbers = Arrivals(new LinkOptions { BurstLoss = new BurstLoss(GoodToBad: 0, BadToGood: 1, LossWhileGood: 0.2) }, 10_000);
        Assert.InRange(numbers.Count, 7_800, 8_200);
    }

    [Theory, InlineData(-0.1), InlineData(1.1), InlineData(5), InlineData(double.NaN)]
    public void A_share_that_is_none_is_refused(double share)
    {
        Action[] mistakes =
        [
            () => _ = new LinkOptions { LossRate = share },
            () => _ = new LinkOptions { ReorderRate = share },
            () => _ = new LinkOptions { DuplicateRate = share },
            () => _ = new LinkOptions { CorruptionRate = share },
            () => _ = new BurstLoss(share, 0.5),
            () => _ = new BurstLoss(0.5, share),
            () => _ = new BurstLoss(0.5, 0.5, share),
            () => _ = new BurstLoss(0.5, 0.5) { LossWhileGood = share },
            () => new SimulatedNetwork(1).LossRate = share,
        ];
        Assert.All(mistakes, mistake => Assert.Throws<ArgumentOutOfRangeException>(mistake));
    }

    [Fact]
    public void Times_and_sizes_out_of_range_are_refused()
    {
        Action[] mistakes =
        [
            () => _ = new LinkOptions { Latency = -s_ms },
            () => _ = new LinkOptions { Jitter = -s_ms },
            () => _ = new LinkOptions { ReorderDelay = -s_ms },
            () => _ = new LinkOptions { BytesPerSecond = 0 },
            () => _ = new LinkOptions { QueueBytes = -1 },
            () => _ = new LinkOptions { Mtu = LinkOptions.HeaderSize - 1 },
            () => _ = new LinkOptions { Mtu = 65_536 },
            () => _ = new NatOptions { MappingTimeout = TimeSpan.Zero },
            () => _ = new NatOptions { DriftAfter = TimeSpan.Zero },
            () => _ = new NatOptions { MaxMappings = 0 },
            () => _ = new NatOptions { MaxMappings = 64_001 },
            () => new SimulatedNetwork(1).Hops = 255,
            () => new SimulatedNetwork(1).TimerLateness = -s_ms,
            () => new SimulatedNetwork(1).Trace.Capacity = -1,
        ];
        Assert.All(mistakes, mistake => Assert.Throws<ArgumentOutOfRangeException>(mistake));
    }

    [Fact]
    public void Jitter_delays_and_reorders_nothing()
    {
        var (at, numbers) = Timed(new LinkOptions { Latency = 50 * s_ms, Jitter = 10 * s_ms }, 1000, s_ms);
        Assert.Equal(Enumerable.Range(0, 1000), numbers);
        Assert.All(at.Select((t, i) => t - i * s_ms), d => Assert.InRange(d, 50 * s_ms, 60 * s_ms));
        Assert.True(at.Select((t, i) => t - i * s_ms).Distinct().Count() > 100);
    }

    [Fact]
    public void Reordered_datagrams_are_overtaken_and_all_arrive()
    {
        var (at, numbers) = Timed(new LinkOptions { ReorderRate = 0.1, ReorderDelay = 20 * s_ms }, 1000, s_ms);
        Assert.Equal(Enumerable.Range(0, 1000), numbers.Order());
        int overtaken = numbers.Zip(numbers.Skip(1)).Count(p => p.Second < p.First);
        Assert.InRange(overtaken, 50, 120);
        Assert.Equal(at.Order(), at);
    }

    [Fact]
    public void Duplicates_arrive_twice()
    {
        var numbers = Arrivals(new LinkOptions { DuplicateRate = 0.25 }, 4_000);
        Assert.InRange(numbers.Count, 4_850, 5_150);
        Assert.Equal(4_000, numbers.Distinct().Count());
        Assert.All(numbers.CountBy(n => n), n => Assert.InRange(n.Value, 1, 2));
    }

    [Fact]
    public void Corrupted_datagrams_differ_in_one_bit()
    {
        var net = new SimulatedNetwork(1) { Link = new LinkOptions { CorruptionRate = 0.5 } };
        var alice = net.Add(s_alice, new Sender());
        var bob = net.Add(s_bob, new Sender());
        byte[] sent = [.. Enumerable.Repeat((byte)0x55, 100)];
        for (int i = 0; i < 1000; i++) alice.Send(sent, s_bob);
        net.RunNow();
        var bits = bob.Received.Select(r => r.Data.Zip(sent, (a, b) => System.Numerics.BitOperations.PopCount((uint)(a ^ b))).Sum()).ToList();
        Assert.All(bits, b => Assert.InRange(b, 0, 1));
        Assert.InRange(bits.Sum(), 450, 550);
    }

    [Fact]
    public void A_rate_spaces_datagrams_and_a_full_queue_drops_them()
    {
        // 72 bytes and 28 of headers at 100,000 bytes a second: one a millisecond.
        var net = new SimulatedNetwork(1) { Link = new LinkOptions { BytesPerSecond = 100_000, QueueBytes = 1000, Latency = 5 * s_ms } };
        var start = net.Now;
        var alice = net.Add(s_alice, new Sender());
        var bob = new Echo();
        net.Add(s_bob, bob);
        for (int i = 0; i < 20; i++) alice.Send(new byte[72], s_bob);
        net.RunFor(TimeSpan.FromSeconds(1));
        Assert.Equal(Enumerable.Range(1, 10).Select(i => start + (i + 5) * s_ms), bob.Received.Select(r => r.At));
        Assert.Equal(10, net.Statistics.DroppedFor(DropReason.QueueFull));
    }

    [Fact]
    public void An_uplink_is_shared_by_all_destinations()
    {
        var net = new SimulatedNetwork(1);
        var start = net.Now;
        var alice = net.Add(s_alice, new Sender());
        net.Hosts[0].Uplink = new LinkOptions { BytesPerSecond = 100_000 };
        Echo bob = net.Add(s_bob, new Echo()), carol = net.Add(s_carol, new Echo());
        for (int i = 0; i < 3; i++)
        {
            alice.Send(new byte[72], s_bob);
            alice.Send(new byte[72], s_carol);
        }
        net.RunFor(TimeSpan.FromSeconds(1));
        Assert.Equal([1, 3, 5], bob.Received.Select(r => (r.At - start) / s_ms));
        Assert.Equal([2, 4, 6], carol.Received.Select(r => (r.At - start) / s_ms));
    }

    [Theory, InlineData(1472, 1), InlineData(1473, 0)]
    public void What_exceeds_the_mtu_with_its_headers_vanishes(int size, int arrives)
    {
        var net = new SimulatedNetwork(1) { Link = new LinkOptions { Mtu = 1500 } };
        var alice = net.Add(s_alice, new Sender());
        var bob = net.Add(s_bob, new Sender());
        alice.Send(new byte[size], s_bob);
        net.RunNow();
        Assert.Equal(arrives, bob.Received.Count);
        Assert.Equal(1 - arrives, net.Statistics.DroppedFor(DropReason.TooLarge));
    }

    [Fact]
    public void Directions_and_pairs_can_differ()
    {
        var net = new SimulatedNetwork(1) { Latency = 10 * s_ms };
        net.SetOneWayLink(s_alice, s_bob, new LinkOptions { Latency = 100 * s_ms });
        var start = net.Now;
        var toBob = net.Add(s_alice, new Pinger(net.Now, s_bob, s_ms, 1));
        var toAlice = net.Add(s_carol, new Pinger(net.Now, s_bob, s_ms, 1));
        net.Add(s_bob, new Echo());
        net.RunFor(TimeSpan.FromSeconds(1));
        Assert.Equal(start + 110 * s_ms, Assert.Single(toBob.Received).At);
        Assert.Equal(start + 20 * s_ms, Assert.Single(toAlice.Received).At);
    }

    [Fact]
    public void A_pair_can_differ_both_ways_and_go_back_to_what_all_have()
    {
        var net = new SimulatedNetwork(1) { Latency = 10 * s_ms };
        Sender alice = net.Add(s_alice, new Sender());
        net.Add(s_bob, new Echo());
        net.SetLink(s_alice, s_bob, new LinkOptions { Latency = 100 * s_ms });
        Assert.Equal(200 * s_ms, RoundTrip());
        net.SetLink(s_alice, s_bob, null);
        Assert.Equal(20 * s_ms, RoundTrip());

        TimeSpan RoundTrip()
        {
            var start = net.Now;
            int heard = alice.Received.Count;
            alice.Send([1], s_bob);
            net.Expect(() => alice.Received.Count > heard, TimeSpan.FromSeconds(1));
            return net.Now - start;
        }
    }

    [Theory, InlineData(3, 4, 1), InlineData(3, 3, 0)]
    public void A_datagram_with_no_more_hops_than_there_are_routers_dies(int routers, byte ttl, int arrives)
    {
        var net = new SimulatedNetwork(1) { Hops = routers };
        var alice = net.Add(s_alice, new Sender());
        var bob = net.Add(s_bob, new Sender());
        alice.Send([1], s_bob, ttl: ttl);
        net.RunNow();
        Assert.Equal((arrives, 1L - arrives), (bob.Received.Count, net.Statistics.DroppedFor(DropReason.HopLimit)));
    }

    [Fact]
    public void Hosts_of_different_groups_are_cut_off_until_the_network_heals()
    {
        var net = new SimulatedNetwork(1);
        var alice = net.Add(s_alice, new Sender());
        Sender bob = net.Add(s_bob, new Sender()), carol = net.Add(s_carol, new Sender());
        net.Partition([net.Hosts[0], net.Hosts[1]]);
        Send();
        Assert.Equal((1, 0), (bob.Received.Count, carol.Received.Count));
        Assert.Equal(1, net.Statistics.DroppedFor(DropReason.Partitioned));
        net.Heal();
        Send();
        Assert.Equal((2, 1), (bob.Received.Count, carol.Received.Count));

        void Send()
        {
            alice.Send([1], s_bob);
            alice.Send([1], s_carol);
            net.RunNow();
        }
    }

    private static List<int> Arrivals(LinkOptions link, int count) => Timed(link, count, TimeSpan.FromMicroseconds(10)).Numbers;

    private static (List<TimeSpan> At, List<int> Numbers) Timed(LinkOptions link, int count, TimeSpan interval)
    {
        var net = new SimulatedNetwork(1) { Link = link };
        var start = net.Now;
        net.Add(s_alice, new Pinger(net.Now, s_bob, interval, count));
        var bob = new Echo();
        net.Add(s_bob, bob);
        net.RunFor(TimeSpan.FromMinutes(1));
        return ([.. bob.Received.Select(r => r.At - start)], [.. bob.Received.Select(r => BitConverter.ToInt32(r.Data))]);
    }
}
