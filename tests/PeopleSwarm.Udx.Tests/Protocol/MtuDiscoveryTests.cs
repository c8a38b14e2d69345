using PeopleSwarm.Testing;

namespace PeopleSwarm.Udx.Protocol;

public class MtuDiscoveryTests
{
    [Theory]
    [InlineData(1500, 1500, 1500)]
    [InlineData(1500, 9000, 1500)]
    [InlineData(1500, 1358, 1343)]
    [InlineData(1500, 1200, 1200)]
    [InlineData(1200, 1500, 1200)]
    [InlineData(2076, 9000, 2076)]
    [InlineData(2076, 1492, 1477)]
    public void Finds_what_the_path_carries_without_taking_it_for_congestion(int maxMtu, int pathMtu, int atLeast)
    {
        var link = new LinkOptions { Latency = TimeSpan.FromMilliseconds(5), Mtu = pathMtu };
        var pair = new StreamPair(1, new() { MaxMtu = maxMtu }, link);
        for (int i = 0; i < 100; i++)
        {
            pair.Alice.Write(pair.Net.Now, StreamPair.Pattern(3000));
            pair.Net.RunFor(TimeSpan.FromMilliseconds(25));
        }
        Assert.InRange(pair.Alice.Machine.Mtu, atLeast, Math.Min(maxMtu, pathMtu));
        Assert.Equal(pair.Alice.Written, pair.Bob.Received);
        Assert.Equal(0, pair.Alice.Endpoint.Counters.LossEpisodes);
        Assert.InRange(pair.Alice.Endpoint.Counters.MtuProbes, 0, 20);
    }

    [Fact]
    public void A_probe_is_data_with_padding_and_its_repetition_has_none()
    {
        var peer = new RawPeer();
        peer.Stream.Write(peer.Now, StreamPair.Pattern(1152));
        peer.Poll();
        peer.Advance(TimeSpan.FromMilliseconds(10));
        peer.Receive(PacketTypes.None, 0, 1);
        peer.Stream.Write(peer.Now, StreamPair.Pattern(5 * 1152, 1));
        var sent = peer.Poll();
        var probe = RawPeer.Header(sent[0]);
        Assert.Equal((PacketTypes.Data, (byte)255), (probe.Types, probe.DataOffset));
        Assert.Equal((1455 - 28) * 2, sent[0].Length);
        Assert.Equal(new string('0', 510), sent[0][40..550]);
        Assert.All(sent.Skip(1), hex => Assert.Equal(0, RawPeer.Header(hex).DataOffset));
        peer.Advance(TimeSpan.FromMilliseconds(10));
        byte[] block = new byte[8];
        new SackRange(2, 6).Write(block);
        peer.Receive(PacketTypes.Sack, 0, 1, block);
        string again = peer.Poll()[0];
        Assert.Equal((1u, (byte)0), (RawPeer.Header(again).Seq, RawPeer.Header(again).DataOffset));
        Assert.Equal(sent[0][550..], again[40..]);
        Assert.Equal(1, peer.Endpoint.Counters.MtuProbesLost);
        Assert.Equal(0, peer.Endpoint.Counters.LossEpisodes);
    }

    [Fact]
    public void A_path_that_begins_to_swallow_large_packets_brings_the_base_back()
    {
        var mtu = new MtuDiscovery(1200, 1500);
        mtu.OnDelivered(1200);
        while (mtu.WantsProbe)
        {
            int size = mtu.ProbeSize;
            mtu.OnProbeSent();
            mtu.OnProbeDelivered(size);
        }
        Assert.Equal(1500, mtu.Mtu);
        for (int i = 0; i < 20; i++) Assert.False(mtu.OnLost(1500)); // congestion alone is no black hole
        mtu.OnDelivered(1500);
        mtu.OnTimeout();
        mtu.OnTimeout();
        bool isBlackHole = false;
        for (int i = 0; i < 6; i++) isBlackHole |= mtu.OnLost(1500);
        Assert.True(isBlackHole);
        Assert.Equal(1200, mtu.Mtu);
        mtu.OnDelivered(1200);
        Assert.True(mtu.WantsProbe); // and the search goes on below what failed
        Assert.InRange(mtu.ProbeSize, 1201, 1499);
    }

    [Fact]
    public void New_packets_are_small_again_behind_a_black_hole()
    {
        var link = new LinkOptions { Latency = TimeSpan.FromMilliseconds(5) };
        var pair = new StreamPair(1, link: link);
        for (int i = 0; i < 20; i++)
        {
            pair.Alice.Write(pair.Net.Now, StreamPair.Pattern(3000));
            pair.Net.RunFor(TimeSpan.FromMilliseconds(25));
        }
        Assert.Equal(1500, pair.Alice.Machine.Mtu);
        pair.Net.Link = link with { Mtu = 1300 };
        pair.Alice.Write(pair.Net.Now, StreamPair.Pattern(100_000));
        pair.Net.Expect(() => pair.Alice.Endpoint.Counters.BlackHoles > 0, TimeSpan.FromSeconds(5));
        Assert.Equal(1200, pair.Alice.Machine.Mtu);
        pair.Net.Expect(() => pair.Bob.ReceivedLength == pair.Alice.End, TimeSpan.FromSeconds(5));
        pair.AssertDelivered();
    }

    [Theory, InlineData(1), InlineData(2), InlineData(3)]
    public void A_transfer_goes_on_when_the_path_carries_less_than_before(long seed)
    {
        var link = new LinkOptions { Latency = TimeSpan.FromMilliseconds(20), BytesPerSecond = 2_000_000, QueueBytes = 80_000, LossRate = 0.01 };
        var pair = new StreamPair(seed, link: link);
        pair.Alice.Write(pair.Net.Now, StreamPair.Pattern(6_000_000), end: true);
        pair.Net.RunFor(TimeSpan.FromSeconds(1));
        Assert.Equal(1500, pair.Alice.Machine.Mtu);
        pair.Net.Link = link with { Mtu = 1380 };
        pair.Net.RunFor(TimeSpan.FromSeconds(3)); // time to notice, and to repeat a pipe of packets
        long received = pair.Bob.ReceivedLength;
        pair.Net.RunFor(TimeSpan.FromSeconds(1));
        Assert.True(pair.Bob.ReceivedLength - received > 500_000, $"{pair.Bob.ReceivedLength - received} bytes in a second.");
        pair.Net.Expect(() => pair.Bob.PeerEnded, TimeSpan.FromSeconds(6));
        pair.AssertDelivered();
        Assert.Equal(1, pair.Alice.Endpoint.Counters.BlackHoles);
        Assert.InRange(pair.Alice.Machine.Mtu, 1300, 1380);
    }

    [Fact]
    public void What_was_cut_for_a_larger_path_leaves_alone_and_may_be_cut_on_the_way()
    {
        var peer = new RawPeer();
        Search(peer, rounds: 10);
        peer.Stream.Write(peer.Now, StreamPair.Pattern(10 * 2028));
        for (int timeouts = 0; peer.Endpoint.Counters.BlackHoles == 0; timeouts++)
        {
            Assert.InRange(timeouts, 0, 10);
            peer.Advance(TimeSpan.FromMilliseconds(200));
        }
        Assert.Contains(peer.Transmits, t => t.MayFragment);
        peer.Transmits.Clear();
        peer.Advance(TimeSpan.FromSeconds(2));
        Assert.NotEmpty(peer.Transmits);
        Assert.All(peer.Transmits, t => Assert.Equal((true, 0, 2048), (t.MayFragment, t.SegmentSize, t.Length)));
    }

    [Theory, InlineData(1500, 2076), InlineData(1499, 1499), InlineData(1200, 1200)]
    public void On_a_loopback_packets_are_as_large_as_a_peer_takes(int maxMtu, int expected)
    {
        var peer = new RawPeer(new() { MaxMtu = maxMtu });
        Search(peer, rounds: 10);
        Assert.Equal(expected, peer.Machine.Mtu);
        peer.Machine.ChangeRemote(peer.Now, default, RawPeer.RemoteId, UdpEndPoint.Parse("5.0.0.1:1000"));
        Search(peer, rounds: 10);
        Assert.Equal(maxMtu, peer.Machine.Mtu);
    }

    /// <summary>Full packets, all acknowledged.</summary>
    private static void Search(RawPeer peer, int rounds)
    {
        for (; rounds > 0; rounds--)
        {
            peer.Stream.Write(peer.Now, StreamPair.Pattern(2 * UdxPacket.MaxSize));
            uint last = RawPeer.Header(peer.Poll()[^1]).Seq;
            peer.Advance(TimeSpan.FromMilliseconds(1));
            peer.Receive(PacketTypes.None, 0, last + 1);
        }
    }
}
