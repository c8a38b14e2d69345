using PeopleSwarm.Testing;

namespace PeopleSwarm.Udx.Protocol;

public class CongestionTests
{
    /// <summary>Algorithm, bytes per second, one-way latency in ms, queue in bandwidth-delay products, loss, seconds, least share of the rate.</summary>
    public static TheoryData<CongestionControl, long, double, double, double, double, double> Paths => new()
    {
        { CongestionControl.Bbr, 1_250_000, 50, 1, 0, 15, 0.80 },
        { CongestionControl.Bbr, 1_250_000, 50, 1, 0.01, 15, 0.75 },
        { CongestionControl.Bbr, 1_250_000, 50, 0.1, 0, 15, 0.85 },
        { CongestionControl.Bbr, 12_500_000, 25, 1, 0.05, 6, 0.85 },
        { CongestionControl.Bbr, 12_500_000, 25, 1, 0.1, 6, 0.62 },
        { CongestionControl.Bbr, 12_500_000, 25, 0.1, 0, 4, 0.85 },
        { CongestionControl.Bbr, 12_500_000, 25, 0.1, 0.01, 6, 0.82 },
        { CongestionControl.Bbr, 12_500_000, 10, 1, 0.001, 4, 0.80 },
        { CongestionControl.Bbr, 25_000_000, 50, 1, 0.05, 5, 0.70 }, // more gaps than an acknowledgement tells
        { CongestionControl.Bbr, 100_000_000, 0.1, 4, 0, 0.3, 0.80 },
        { CongestionControl.Bbr, 1_000_000_000, 0.02, 8, 0, 0.05, 0.70 },
        { CongestionControl.NewReno, 1_250_000, 50, 1, 0, 15, 0.80 },
        { CongestionControl.NewReno, 100_000_000, 0.1, 4, 0, 0.3, 0.80 },
    };

    [Theory, MemberData(nameof(Paths))]
    public void Uses_the_path(CongestionControl control, long rate, double latencyMs, double queue, double loss, double seconds, double share)
    {
        var latency = TimeSpan.FromMilliseconds(latencyMs);
        var link = new LinkOptions
        {
            Latency = latency,
            BytesPerSecond = rate,
            QueueBytes = Math.Max(20_000, (long)(queue * rate * 2 * latency.TotalSeconds)),
            LossRate = loss,
        };
        var options = new UdxOptions { CongestionControl = control, ReceiveWindow = 16 * 1024 * 1024 };
        var pair = new StreamPair(7, options, link);
        pair.Alice.Write(pair.Net.Now, new byte[(int)(rate * seconds)]);
        pair.Net.RunFor(TimeSpan.FromSeconds(seconds));
        double used = pair.Bob.ReceivedLength / (rate * seconds);
        var counters = pair.Alice.Endpoint.Counters;
        string text = $"{used:P1} of the rate, {counters.PacketsOut} sent, {counters.Retransmits} again, {pair.Bob.Endpoint.Counters.Duplicates} twice, {counters.PacketsLost} lost, {pair.Bob.Endpoint.Counters.DroppedWindow} no room, {counters.SpuriousRetransmits} for nothing, "
            + $"{counters.LossEpisodes} episodes, {counters.RetransmissionTimeouts} timeouts, rtt {pair.Alice.Machine.RoundTripTime.TotalMilliseconds} ms";
        Assert.True(used >= share, text);
        Assert.True(counters.Retransmits <= (loss + 0.05) * counters.PacketsOut, text);
        Assert.Equal(0, pair.Bob.Endpoint.Counters.Duplicates); // nothing was repeated for nothing
    }

    /// <summary>A link's own losses are made up for; those of a queue that flows overrun between them must not be answered with more.</summary>
    [Theory, InlineData(1), InlineData(2), InlineData(3)]
    public void Flows_that_share_a_short_queue_do_not_answer_their_losses_with_more(long seed)
    {
        const int Flows = 4, Rate = 12_500_000;
        UdpEndPoint left = new(0x05000001, 1000), right = new(0x05000002, 2000);
        SimulatedNetwork net = new(seed) { Link = new() { Latency = TimeSpan.FromMilliseconds(25), BytesPerSecond = Rate, QueueBytes = Rate / 100 } };
        var from = net.Add(left, new UdxEndpoint(new(), net.Random.Fork(1)));
        var to = net.Add(right, new UdxEndpoint(new(), net.Random.Fork(2)));
        List<TestStream> readers = [];
        byte[] bytes = new byte[Rate];
        for (uint i = 0; i < Flows; i++)
        {
            TestStream writer = new(from, 100 + i), reader = new(to, 200 + i);
            writer.Machine.Connect(net.Now, default, 200 + i, right);
            reader.Machine.Connect(net.Now, default, 100 + i, left);
            writer.Write(net.Now, bytes);
            readers.Add(reader);
            net.RunFor(TimeSpan.FromMilliseconds(37)); // not in step
        }
        net.RunFor(TimeSpan.FromSeconds(1));
        long sent = from.Counters.PacketsOut, lost = from.Counters.PacketsLost, received = readers.Sum(r => r.ReceivedLength);
        net.RunFor(TimeSpan.FromSeconds(2));
        double lostShare = (double)(from.Counters.PacketsLost - lost) / (from.Counters.PacketsOut - sent);
        double used = (readers.Sum(r => r.ReceivedLength) - received) / (2.0 * Rate);
        Assert.True(lostShare < 0.11 && used > 0.9, $"{lostShare:P1} lost, {used:P1} of the rate used.");
    }
}
