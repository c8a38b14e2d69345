using PeopleSwarm.Testing;

namespace PeopleSwarm.Udx.Protocol;

public class RecoveryTests
{
    private static readonly UdpEndPoint s_alice = new(0x05000001, 1), s_bob = new(0x05000002, 1);

    /// <summary>A wire with a round trip of <paramref name="rttMicros"/> that loses the transmissions chosen, counted from 0, on the way to Bob.</summary>
    private sealed class Wire(long rttMicros, params int[] lost)
    {
        private readonly PriorityQueue<(byte[] Datagram, bool ToBob), (long, int)> _queue = new();
        private readonly byte[] _buffer = new byte[65_507];
        private int _sentToBob, _order;

        public TestStream Alice { get; } = new(new(new(), new SeededRandom(1)), 1);

        public TestStream Bob { get; } = new(new(new(), new SeededRandom(2)), 2);

        public Timestamp Now { get; private set; } = new(1_000_000);

        /// <summary>Delay of single transmissions beyond the usual.</summary>
        public Dictionary<int, long> Held { get; } = [];

        public int SentToBob => _sentToBob;

        public void Connect()
        {
            Alice.Machine.Connect(Now, default, 2, s_bob);
            Bob.Machine.Connect(Now, default, 1, s_alice);
        }

        public bool RunUntil(Func<bool> condition, TimeSpan limit)
        {
            var end = Now + limit;
            Poll();
            while (!condition())
            {
                long next = _queue.TryPeek(out _, out var due) ? due.Item1 : long.MaxValue;
                foreach (var endpoint in (UdxEndpoint[])[Alice.Endpoint, Bob.Endpoint])
                    if (endpoint.NextTimeout is { } at) next = Math.Min(next, at.Microseconds);
                if (next > end.Microseconds) return false;
                Now = new(Math.Max(next, Now.Microseconds));
                while (_queue.TryPeek(out var item, out due) && due.Item1 <= Now.Microseconds)
                {
                    _queue.Dequeue();
                    if (item.ToBob) Bob.Endpoint.Receive(Now, item.Datagram, new(s_alice, default));
                    else Alice.Endpoint.Receive(Now, item.Datagram, new(s_bob, default));
                }
                Alice.Endpoint.HandleTimeout(Now);
                Bob.Endpoint.HandleTimeout(Now);
                Poll();
            }
            return true;
        }

        private void Poll()
        {
            Poll(Alice.Endpoint, true);
            Poll(Bob.Endpoint, false);
        }

        private void Poll(UdxEndpoint endpoint, bool toBob)
        {
            while (endpoint.PollTransmit(Now, _buffer, out var transmit))
            {
                int size = transmit.SegmentSize == 0 ? transmit.Length : transmit.SegmentSize;
                for (int at = 0; at < transmit.Length; at += size)
                {
                    int number = toBob ? _sentToBob++ : -1;
                    if (toBob && lost.Contains(number)) continue;
                    long due = Now.Microseconds + rttMicros / 2 + Held.GetValueOrDefault(number);
                    _queue.Enqueue((_buffer.AsSpan(at, Math.Min(size, transmit.Length - at)).ToArray(), toBob), (due, _order++));
                }
            }
        }
    }

    [Theory, InlineData(100), InlineData(4_000), InlineData(100_000)]
    public void A_lost_packet_with_others_behind_it_is_repeated_within_a_round_trip(long rtt)
    {
        var wire = new Wire(rtt, 3);
        wire.Connect();
        wire.Alice.Write(wire.Now, StreamPair.Pattern(9 * 1152));
        var start = wire.Now;
        Assert.True(wire.RunUntil(() => wire.Alice.Acknowledged == 9 * 1152, TimeSpan.FromSeconds(10)));
        Assert.Equal(2 * rtt, (wire.Now - start).TotalMicroseconds);
        Assert.Equal(1, wire.Alice.Endpoint.Counters.Retransmits);
        Assert.Equal(0, wire.Bob.Endpoint.Counters.Duplicates);
    }

    [Fact]
    public void A_lost_tail_is_probed_for_long_before_the_timeout()
    {
        var wire = new Wire(20_000, 2);
        wire.Connect();
        for (int i = 1; i <= 3; i++)
        {
            wire.Alice.Write(wire.Now, "message"u8);
            var start = wire.Now;
            Assert.True(wire.RunUntil(() => wire.Alice.Acknowledged == 7 * i, TimeSpan.FromSeconds(10)));
            Assert.InRange((wire.Now - start).TotalMilliseconds, 20, i < 3 ? 20 : 65);
        }
        Assert.Equal((1, 0), (wire.Alice.Endpoint.Counters.TailLossProbes, wire.Alice.Endpoint.Counters.RetransmissionTimeouts));
    }

    [Fact]
    public void A_lost_tail_is_probed_for_after_a_recovery_as_well()
    {
        var wire = new Wire(10_000, 1, 5); // the original waits a second for the second one
        wire.Connect();
        wire.Alice.Write(wire.Now, StreamPair.Pattern(4 * 1152));
        Assert.True(wire.RunUntil(() => wire.Alice.Acknowledged == 4 * 1152, TimeSpan.FromSeconds(1)));
        Assert.Equal(1, wire.Alice.Endpoint.Counters.LossEpisodes);
        wire.Alice.Write(wire.Now, "tail"u8);
        var start = wire.Now;
        Assert.True(wire.RunUntil(() => wire.Alice.Acknowledged == wire.Alice.End, TimeSpan.FromSeconds(10)));
        Assert.InRange((wire.Now - start).TotalMilliseconds, 10, 50);
    }

    [Fact]
    public void A_lost_repetition_is_noticed_without_the_timeout()
    {
        var wire = new Wire(20_000, 3, 10); // transmission 10 repeats number 3
        wire.Connect();
        wire.Alice.Write(wire.Now, StreamPair.Pattern(10 * 1152));
        var start = wire.Now;
        Assert.True(wire.RunUntil(() => wire.Alice.Acknowledged == 10 * 1152, TimeSpan.FromSeconds(10)));
        Assert.InRange((wire.Now - start).TotalMilliseconds, 60, 130);
        Assert.Equal(0, wire.Alice.Endpoint.Counters.RetransmissionTimeouts);
    }

    [Theory, InlineData(60, 20), InlineData(1_000, 300), InlineData(40_000, 5_000)]
    public void Reordering_that_was_seen_before_causes_no_repetition(long rtt, long delay)
    {
        var wire = new Wire(rtt);
        wire.Connect();
        for (int round = 0; round < 30; round++)
        {
            wire.Held[wire.SentToBob + 2] = delay;
            wire.Alice.Write(wire.Now, StreamPair.Pattern(4 * 1152));
            Assert.True(wire.RunUntil(() => wire.Alice.Acknowledged == wire.Alice.End, TimeSpan.FromSeconds(10)));
        }
        Assert.InRange(wire.Alice.Endpoint.Counters.Retransmits, 0, 1);
    }

    [Fact]
    public void Timeouts_double_and_one_answer_brings_all_back()
    {
        var net = new StreamPair(1, link: new() { Latency = TimeSpan.FromMilliseconds(20) });
        net.Alice.Write(net.Net.Now, StreamPair.Pattern(500_000));
        net.Net.RunFor(TimeSpan.FromMilliseconds(200));
        net.Net.LossRate = 1;
        net.Net.RunFor(TimeSpan.FromSeconds(6));
        Assert.InRange(net.Alice.Endpoint.Counters.RetransmissionTimeouts, 3, 5);
        net.Net.LossRate = 0;
        net.Net.Expect(() => net.Bob.ReceivedLength == 500_000, TimeSpan.FromSeconds(10));
        net.CheckInvariants();
    }

    [Fact]
    public void More_gaps_than_an_acknowledgement_tells_are_filled_without_needless_repetition()
    {
        int[] lost = [.. Enumerable.Range(0, 150).Select(i => 20 + 2 * i)];
        var wire = new Wire(20_000, lost);
        wire.Connect();
        wire.Alice.Write(wire.Now, StreamPair.Pattern(700_000));
        Assert.True(wire.RunUntil(() => wire.Alice.Acknowledged == 700_000, TimeSpan.FromSeconds(10)));
        Assert.Equal(lost.Length, wire.Alice.Endpoint.Counters.Retransmits);
        Assert.Equal(0, wire.Bob.Endpoint.Counters.Duplicates);
        Assert.Equal(wire.Alice.Written, wire.Bob.Received);
    }
}
