namespace PeopleSwarm.Testing;

/// <summary>The README's first test, kept alive.</summary>
public class ReadmeTests
{
    [Theory, InlineData(1), InlineData(2), InlineData(3)]
    public void Is_answered_although_a_third_of_the_datagrams_is_lost(long seed)
    {
        var (here, there) = (UdpEndPoint.Parse("5.0.0.1:1000"), UdpEndPoint.Parse("5.0.0.2:2000"));
        var network = new SimulatedNetwork(seed) { Latency = TimeSpan.FromMilliseconds(80), LossRate = 0.33 };
        var asking = network.Add(here, new Asking(network.Now, there));
        network.Add(there, new Echo());

        network.Expect(() => asking.IsAnswered, limit: TimeSpan.FromSeconds(30));
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
