using PeopleSwarm.Testing;

namespace PeopleSwarm.Udx.Protocol;

public class LastWordsTests
{
    [Fact]
    public void A_peer_that_missed_every_end_gets_it_from_the_closed_stream()
    {
        var pair = new StreamPair(1);
        UdpEndPoint alice = UdpEndPoint.Parse("5.0.0.1:0"), bob = UdpEndPoint.Parse("5.0.0.2:0");
        pair.Bob.Write(pair.Net.Now, [1, 2, 3], end: true);
        pair.Net.Expect(() => pair.Alice.PeerEnded && pair.Bob.Acknowledged == 3, TimeSpan.FromSeconds(1));

        pair.Net.SetOneWayLink(alice, bob, new LinkOptions { LossRate = 1 });
        pair.Alice.EndWriting(pair.Net.Now);
        pair.Net.Expect(() => pair.Alice.Closed is not null, TimeSpan.FromSeconds(20));
        Assert.Equal(StreamCloseReason.Completed, pair.Alice.Closed!.Value.Reason);
        Assert.Null(pair.Bob.Closed);

        pair.Net.SetOneWayLink(alice, bob, null);
        pair.Net.Expect(() => pair.Bob.Closed is not null, TimeSpan.FromSeconds(15));
        Assert.Equal(StreamCloseReason.Completed, pair.Bob.Closed!.Value.Reason);
    }
}
