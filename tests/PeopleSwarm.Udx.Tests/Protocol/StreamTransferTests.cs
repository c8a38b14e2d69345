using PeopleSwarm.Testing;

namespace PeopleSwarm.Udx.Protocol;

public class StreamTransferTests
{
    public static TheoryData<CongestionControl, int> Storms
    {
        get
        {
            TheoryData<CongestionControl, int> storms = [];
            for (int seed = 1; seed <= 8; seed++)
            {
                storms.Add(CongestionControl.Bbr, seed);
                storms.Add(CongestionControl.NewReno, seed);
            }
            return storms;
        }
    }

    [Theory, InlineData(CongestionControl.Bbr), InlineData(CongestionControl.NewReno)]
    public void Moves_megabytes_both_ways_and_closes(CongestionControl control)
    {
        var pair = new StreamPair(1, new() { CongestionControl = control }, new() { Latency = TimeSpan.FromMilliseconds(10) });
        pair.Alice.Write(pair.Net.Now, StreamPair.Pattern(3_000_000), end: true);
        pair.Bob.Write(pair.Net.Now, StreamPair.Pattern(2_000_000, 1), end: true);
        pair.Net.Expect(() => pair.BothClosed, TimeSpan.FromSeconds(10));
        pair.AssertDelivered();
        Assert.Equal(StreamCloseReason.Completed, pair.Alice.Closed!.Value.Reason);
        Assert.Equal(StreamCloseReason.Completed, pair.Bob.Closed!.Value.Reason);
        Assert.Equal((0, 0), (pair.Alice.Endpoint.Counters.Retransmits, pair.Bob.Endpoint.Counters.Retransmits));
    }

    [Theory, MemberData(nameof(Storms))]
    public void Delivers_every_byte_once_and_in_order_whatever_the_network_does(CongestionControl control, int seed)
    {
        var link = new LinkOptions
        {
            Latency = TimeSpan.FromMilliseconds(20),
            Jitter = TimeSpan.FromMilliseconds(3),
            LossRate = 0.02 * seed,
            ReorderRate = 0.05,
            DuplicateRate = 0.05,
        };
        var pair = new StreamPair(seed, new() { CongestionControl = control }, link);
        pair.Alice.Write(pair.Net.Now, StreamPair.Pattern(300_000), end: true);
        pair.Bob.Write(pair.Net.Now, StreamPair.Pattern(200_000, 1), end: true);
        for (int i = 0; i < 600 && !pair.BothClosed; i++)
        {
            pair.Net.RunFor(TimeSpan.FromMilliseconds(200));
            pair.CheckInvariants();
        }
        Assert.True(pair.BothClosed, pair.Net.Describe());
        pair.AssertDelivered();
        Assert.Equal(StreamCloseReason.Completed, pair.Alice.Closed!.Value.Reason);
        Assert.Equal(StreamCloseReason.Completed, pair.Bob.Closed!.Value.Reason);
    }
}
