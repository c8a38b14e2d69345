namespace PeopleSwarm.Udx.Protocol;

/// <summary>What a path delivered during an outage says little of what it carries afterwards.</summary>
public class SlowStartAfterOutageTests
{
    [Theory, InlineData(CongestionControl.Bbr), InlineData(CongestionControl.NewReno)]
    public void A_stream_whose_first_answer_was_one_small_packet_in_seconds_goes_on_with_the_rest(CongestionControl control)
    {
        var peer = new RawPeer(new() { CongestionControl = control, InitialRto = TimeSpan.FromSeconds(3) });
        peer.Stream.Write(peer.Now, new byte[10_000]);
        peer.Poll();
        peer.Advance(TimeSpan.FromSeconds(2));
        peer.Stream.EndWriting(peer.Now);
        uint end = RawPeer.Header(Assert.Single(peer.Poll())).Seq;

        // Of all that was sent only the END arrived: 20 bytes in two seconds.
        peer.Advance(TimeSpan.FromMilliseconds(200));
        byte[] block = new byte[8];
        new SackRange(end, end + 1).Write(block);
        peer.Receive(PacketTypes.Sack, 0, 0, block);
        peer.Advance(TimeSpan.FromSeconds(1)); // and what is repeated now is lost as well

        // From now on everything arrives.
        uint next = 0;
        for (int i = 0; i < 200 && peer.Stream.Acknowledged < 10_000; i++)
        {
            int before = peer.Sent.Count;
            peer.Advance(TimeSpan.FromMilliseconds(50));
            var arrived = peer.Sent.Skip(before).Select(s => RawPeer.Header(Convert.ToHexStringLower(s.Datagram)))
                .Where(h => (h.Types & (PacketTypes.Data | PacketTypes.End)) != 0).Select(h => h.Seq).ToHashSet();
            while (arrived.Contains(next) || next == end) next++;
            peer.Receive(PacketTypes.None, 0, next);
        }
        Assert.Equal(10_000, peer.Stream.Acknowledged);
    }
}
