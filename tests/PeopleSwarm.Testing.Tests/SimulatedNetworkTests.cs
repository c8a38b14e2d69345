namespace PeopleSwarm.Testing;

public class SimulatedNetworkTests
{
    private static readonly UdpEndPoint s_alice = new(0x05000001, 1000), s_bob = new(0x05000002, 2000);
    private static readonly TimeSpan s_ms = TimeSpan.FromMilliseconds(1);

    [Fact]
    public void An_answer_takes_two_latencies_to_the_microsecond()
    {
        var net = new SimulatedNetwork(1) { Latency = TimeSpan.FromMicroseconds(12_345) };
        var start = net.Now;
        var alice = net.Add(s_alice, new Pinger(net.Now, s_bob, s_ms, 1));
        net.Add(s_bob, new Echo());

        Assert.True(net.RunUntil(() => alice.Received.Count == 1, TimeSpan.FromSeconds(1)), net.Describe());

        Assert.Equal((start + TimeSpan.FromMicroseconds(24_690), 0, s_bob), alice.Received[0]);
        Assert.Equal(alice.Received[0].At, net.Now);
    }

    [Fact]
    public void One_seed_gives_one_run_and_another_seed_another()
    {
        Assert.Equal(Run(7), Run(7));
        Assert.NotEqual(Run(7), Run(8));

        static string Run(long seed)
        {
            var net = new SimulatedNetwork(seed)
            {
                Latency = 30 * s_ms, Jitter = 20 * s_ms, LossRate = 0.2, ReorderRate = 0.2, DuplicateRate = 0.2, TimerLateness = s_ms,
            };
            net.Trace.Capacity = 10_000;
            net.Add(s_alice, new Pinger(net.Now, s_bob, s_ms, 200));
            net.Add(s_bob, new Echo());
            net.RunFor(TimeSpan.FromSeconds(5));
            return net.Trace.ToString();
        }
    }

    [Fact]
    public void A_run_that_does_not_get_there_stops_at_the_limit()
    {
        var net = new SimulatedNetwork(1);
        var start = net.Now;
        Assert.False(net.RunUntil(() => false, TimeSpan.FromHours(1)));
        Assert.Equal(start + TimeSpan.FromHours(1), net.Now);
    }

    [Fact]
    public void A_failed_expectation_names_the_seed_the_condition_and_the_packets()
    {
        var net = new SimulatedNetwork(4711) { LossRate = 1 };
        var alice = net.Add(s_alice, new Pinger(net.Now, s_bob, s_ms, 1));
        var error = Assert.Throws<SimulationException>(() => net.Expect(() => alice.Received.Count > 0, TimeSpan.FromSeconds(1)));
        Assert.Equal(4711, error.Seed);
        Assert.Contains("seed 4711", error.Message, StringComparison.Ordinal);
        Assert.Contains("alice.Received.Count > 0", error.Message, StringComparison.Ordinal);
        Assert.Contains("5.0.0.1:1000 -> 5.0.0.2:2000", error.Message, StringComparison.Ordinal);
        Assert.Contains("5.0.0.1:1000 NoRoute 5.0.0.2:2000", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_run_of_segments_arrives_as_single_datagrams_and_the_last_may_be_short()
    {
        var net = new SimulatedNetwork(1);
        var alice = net.Add(s_alice, new Sender());
        var bob = net.Add(s_bob, new Sender());
        alice.Send([1, 1, 1, 2, 2, 2, 3], s_bob, segmentSize: 3);
        net.RunNow();
        Assert.Equal([[1, 1, 1], [2, 2, 2], [3]], bob.Received.Select(r => r.Data));
    }

    [Fact]
    public void Datagrams_are_offered_in_the_order_the_machines_were_added()
    {
        var net = new SimulatedNetwork(1);
        var alice = net.Add(s_alice, new Sender());
        Echo first = new() { Accepts = d => d[0] == 1 }, second = new();
        net.AddLoop([s_bob], first, second);
        alice.Send([1], s_bob);
        alice.Send([2], s_bob);
        net.RunNow();
        Assert.Equal([1], Assert.Single(first.Received).Data);
        Assert.Equal([2], Assert.Single(second.Received).Data);
    }

    [Fact]
    public void A_loop_knows_its_sockets_apart()
    {
        var net = new SimulatedNetwork(1);
        var alice = net.Add(s_alice, new Sender());
        var bob = new Echo();
        var loop = net.AddLoop([s_bob, s_bob.WithPort(2001), new UdpEndPoint(0x05000003, 7)], bob);
        alice.Send([1], s_bob.WithPort(2001));
        alice.Send([2], loop.GetLocalEndPoint(new SocketId(2)));
        net.RunNow();
        Assert.Equal([1, 2], bob.Received.Select(r => r.Source.Socket.Value));
        Assert.Equal([s_bob.WithPort(2001), new UdpEndPoint(0x05000003, 7)], alice.Received.Select(r => r.Source.From));

        loop.Close(new SocketId(1));
        alice.Send([3], s_bob.WithPort(2001));
        net.RunNow();
        Assert.Equal(2, bob.Received.Count);
        Assert.Equal(1, net.Statistics.DroppedFor(DropReason.NoSocket));
    }

    [Fact]
    public void An_exception_in_a_machine_ends_the_run_with_the_seed()
    {
        var net = new SimulatedNetwork(99);
        var alice = net.Add(s_alice, new Sender());
        net.Add(s_bob, new Echo { Accepts = _ => throw new InvalidOperationException("broken") });
        alice.Send([1], s_bob);
        var error = Assert.Throws<SimulationException>(net.RunNow);
        Assert.Contains("seed 99", error.Message, StringComparison.Ordinal);
        Assert.IsType<InvalidOperationException>(error.InnerException);
    }

    [Fact]
    public void A_machine_that_does_not_let_its_timeout_pass_is_found()
    {
        var net = new SimulatedNetwork(1);
        net.Add(s_alice, new Stuck(net.Now));
        Assert.Contains("Stuck", Assert.Throws<SimulationException>(net.RunNow).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_transmit_to_port_0_is_found()
    {
        var net = new SimulatedNetwork(1);
        net.Add(s_alice, new Sender()).Send([1], s_bob.WithPort(0));
        Assert.Contains("the port is 0", Assert.Throws<SimulationException>(net.RunNow).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Timers_are_late_but_never_early()
    {
        var net = new SimulatedNetwork(5) { TimerLateness = 10 * s_ms };
        var start = net.Now;
        net.Add(s_alice, new Pinger(net.Now, s_bob, 100 * s_ms, 50));
        var bob = net.Add(s_bob, new Echo());
        net.RunFor(TimeSpan.FromSeconds(10));
        var late = bob.Received.Select((r, i) => r.At - (start + i * 100 * s_ms)).ToList();
        Assert.Equal(50, late.Count);
        Assert.All(late, l => Assert.InRange(l, TimeSpan.Zero, 10 * s_ms));
        Assert.True(late.Distinct().Count() > 10);
    }

    [Fact]
    public void After_a_jump_everything_is_late_and_nothing_is_lost()
    {
        var net = new SimulatedNetwork(1) { Latency = s_ms };
        var start = net.Now;
        net.Add(s_alice, new Pinger(net.Now, s_bob, 10 * s_ms, 5));
        var bob = net.Add(s_bob, new Echo());
        net.RunFor(15 * s_ms);
        net.Jump(TimeSpan.FromMinutes(5));
        net.RunFor(100 * s_ms);
        Assert.Equal([0, 1, 2, 3, 4], bob.Received.Select(r => BitConverter.ToInt32(r.Data)));
        Assert.True(bob.Received[2].At - start >= TimeSpan.FromMinutes(5));
    }
}

internal sealed class Stuck(Timestamp now) : IDatagramMachine
{
    public Timestamp? NextTimeout => now;
    public bool Receive(Timestamp now, ReadOnlySpan<byte> datagram, in DatagramSource source) => false;
    public void HandleTimeout(Timestamp now) { }

    public bool PollTransmit(Timestamp now, Span<byte> buffer, out Transmit transmit)
    {
        transmit = default;
        return false;
    }
}
