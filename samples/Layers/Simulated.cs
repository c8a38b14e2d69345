using PeopleSwarm;
using PeopleSwarm.Testing;

namespace Layers;

/// <summary>A protocol of one's own in a simulated internet: asks until it is answered.</summary>
internal static class Simulated
{
    public static void Run()
    {
        var network = new SimulatedNetwork(seed: 11) { Latency = TimeSpan.FromMilliseconds(80), LossRate = 0.4 };
        var (home, away) = (UdpEndPoint.Parse("5.0.0.1:1000"), UdpEndPoint.Parse("5.0.0.2:1000"));
        var asking = network.Add(home, new Question(network.Now, away));
        network.Add(away, new Question(network.Now, home) { IsAnswered = true }); // answers, asks nothing

        network.Expect(() => asking.IsAnswered, limit: TimeSpan.FromMinutes(1));
        Console.WriteLine($"testing: answered after {asking.Tries} tries; a second run takes as many, because the seed is the same");
    }

    private sealed class Question(Timestamp now, UdpEndPoint peer) : IDatagramMachine
    {
        private bool _asks, _answers;

        public bool IsAnswered { get; set; }
        public int Tries { get; private set; }
        public Timestamp? NextTimeout { get => IsAnswered ? null : field; private set; } = now;

        public bool Receive(Timestamp now, ReadOnlySpan<byte> datagram, in DatagramSource source)
        {
            if (datagram is [0]) _answers = true;
            if (datagram is [1]) IsAnswered = true;
            return datagram is [0] or [1];
        }

        public void HandleTimeout(Timestamp now) => (_asks, NextTimeout) = (true, now + TimeSpan.FromSeconds(1));

        public bool PollTransmit(Timestamp now, Span<byte> buffer, out Transmit transmit)
        {
            transmit = new(peer, Length: 1);
            if (!_asks && !_answers) return false;
            buffer[0] = (byte)(_answers ? 1 : 0);
            if (_answers) _answers = false;
            else (_asks, Tries) = (false, Tries + 1);
            return true;
        }
    }
}
