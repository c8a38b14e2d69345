using PeopleSwarm.Testing;

namespace PeopleSwarm.Udx.Protocol;

/// <summary>A slow link shared by so many streams that four packets of each are more than it and its queue hold.</summary>
public class CrowdedLinkTests
{
    private const int Streams = 50, Rate = 250_000;
    private static readonly UdpEndPoint s_left = new(0x05000001, 1000), s_right = new(0x05000002, 2000);
    private static readonly TimeSpan s_time = TimeSpan.FromMinutes(2);

    /// <summary>Algorithm, whether both ends write, the seed, and the least that any stream gets of its fair share.</summary>
    [Theory]
    [InlineData(CongestionControl.Bbr, false, 1, 0.33)]
    [InlineData(CongestionControl.Bbr, true, 1, 0.1)]
    [InlineData(CongestionControl.Bbr, false, 2, 0.33)]
    [InlineData(CongestionControl.Bbr, true, 2, 0.1)]
    [InlineData(CongestionControl.NewReno, false, 1, 0.2)]
    [InlineData(CongestionControl.NewReno, true, 1, 0.33)]
    public void No_stream_is_given_up_and_all_share_the_link(CongestionControl control, bool bothWays, long seed, double leastShare)
    {
        SimulatedNetwork net = new(seed) { Link = new() { Latency = TimeSpan.FromMilliseconds(20), BytesPerSecond = Rate, QueueBytes = Rate / 2 } };
        UdxOptions options = new() { CongestionControl = control };
        var left = net.Add(s_left, new UdxEndpoint(options, net.Random.Fork(1)));
        var right = net.Add(s_right, new UdxEndpoint(options, net.Random.Fork(2)));
        byte[] bulk = new byte[Rate * (int)s_time.TotalSeconds / 10];
        List<TestStream> readers = [], all = [];
        for (uint i = 0; i < Streams; i++)
        {
            TestStream from = new(left, 100 + i), to = new(right, 200 + i);
            from.Machine.Connect(net.Now, default, 200 + i, s_right);
            to.Machine.Connect(net.Now, default, 100 + i, s_left);
            from.Write(net.Now, bulk);
            if (bothWays) to.Write(net.Now, bulk);
            readers.Add(to);
            if (bothWays) readers.Add(from);
            all.AddRange([from, to]);
        }
        net.RunFor(s_time);
        double fair = Rate * s_time.TotalSeconds * (bothWays ? 2 : 1) / readers.Count;
        double used = readers.Average(r => r.ReceivedLength) / fair, slowest = readers.Min(r => r.ReceivedLength) / fair;
        string text = $"{used:P1} of the link used, slowest {slowest:P1}, fastest {readers.Max(r => r.ReceivedLength) / fair:P1} of fair, "
            + $"{(double)left.Counters.PacketsLost / left.Counters.PacketsOut:P1} lost, {left.Counters.RetransmissionTimeouts} time-outs, "
            + $"closed: {string.Join(", ", all.Where(s => s.Closed is not null).Select(s => $"{s.Machine.LocalId} {s.Closed!.Value.Reason}"))}";
        Assert.True(all.TrueForAll(s => s.Closed is null) && used > 0.8 && slowest >= leastShare, text);
    }
}
