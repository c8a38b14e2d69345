namespace PeopleSwarm.Testing;

/// <summary>The README's examples, kept alive.</summary>
public class ReadmeTests
{
    [Theory, InlineData(1), InlineData(2), InlineData(3)]
    public void Is_answered_although_a_third_of_the_datagrams_is_lost(long seed)
    {
        var (here, there) = (UdpEndPoint.Parse("5.0.0.1:1000"), UdpEndPoint.Parse("5.0.0.2:2000"));
        var network = new SimulatedNetwork(seed) { Latency = TimeSpan.FromMilliseconds(80), LossRate = 0.33 };
        var asking = network.Add(here, new Asking(network.Now, there));   // your machines
        network.Add(there, new Echo());

        network.Expect(() => asking.IsAnswered, limit: TimeSpan.FromSeconds(30));
    }

    [Fact]
    public void A_laptop_behind_a_slow_line_goes_into_a_cafe()
    {
        var network = new SimulatedNetwork(1);
        network.Link = new() { Latency = TimeSpan.FromMilliseconds(30), LossRate = 0.02, BurstLoss = new(GoodToBad: 0.01, BadToGood: 0.2), Mtu = 1400 };

        var home = network.AddNat("91.198.174.2", NatOptions.PortRestricted with { MappingTimeout = TimeSpan.FromSeconds(30), Hairpin = true });
        home.Uplink = new() { BytesPerSecond = 250_000, QueueBytes = 64 * 1024 };   // an access line of 2 Mbit/s that bloats

        var laptop = home.AddHost("192.168.1.20");
        network.After(TimeSpan.FromMinutes(5), () => laptop.MoveTo(UdpEndPoint.Parse("81.2.69.7:0")));   // into a café

        network.RunFor(TimeSpan.FromMinutes(4));
        Assert.Equal(UdpEndPoint.Parse("192.168.1.20:0"), laptop.Address);
        network.RunFor(TimeSpan.FromMinutes(2));
        Assert.Equal(UdpEndPoint.Parse("81.2.69.7:0"), laptop.Address);
    }

    private sealed class Asking(Timestamp now, UdpEndPoint peer) : IDatagramMachine
    {
        private bool _due;

        public bool IsAnswered { get; private set; }
        public Timestamp? NextTimeout { get; private set; } = now;

        public bool Receive(Timestamp now, ReadOnlySpan<byte> datagram, in DatagramSource source)
        {
            (IsAnswered, NextTimeout) = (true, null);
            return true;
        }

        public void HandleTimeout(Timestamp now) => (_due, NextTimeout) = (true, now + TimeSpan.FromSeconds(1));

        public bool PollTransmit(Timestamp now, Span<byte> buffer, out Transmit transmit)
        {
            transmit = new(peer, Length: 1);
            if (!_due) return false;
            (buffer[0], _due) = (42, false);
            return true;
        }
    }
}
