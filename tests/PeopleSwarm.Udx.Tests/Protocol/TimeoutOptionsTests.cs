namespace PeopleSwarm.Udx.Protocol;

/// <summary>The options that bound how long a stream waits and how often it tries.</summary>
public class TimeoutOptionsTests
{
    [Theory, InlineData(250), InlineData(3000)]
    public void The_first_repetition_comes_after_the_initial_timeout(int milliseconds)
    {
        var peer = new RawPeer(new() { InitialRto = TimeSpan.FromMilliseconds(milliseconds), MaxRto = TimeSpan.FromSeconds(60) });
        var repetitions = RepetitionsOf(peer, TimeSpan.FromSeconds(10));
        Assert.Equal(milliseconds, repetitions[0].TotalMilliseconds, 1.0);
        Assert.Equal(3 * milliseconds, repetitions[1].TotalMilliseconds, 1.0); // doubled
    }

    [Theory, InlineData(50), InlineData(900)]
    public void After_a_round_trip_was_measured_the_timeout_is_the_least_above_it(int milliseconds)
    {
        var peer = new RawPeer(new() { MinRto = TimeSpan.FromMilliseconds(milliseconds) });
        peer.Stream.Write(peer.Now, "a"u8);
        peer.Poll();
        peer.Advance(TimeSpan.FromMilliseconds(10));
        peer.Receive(PacketTypes.None, 0, 1);
        var repetitions = RepetitionsOf(peer, TimeSpan.FromSeconds(5));
        // Two tail-loss probes may come first; each sets the timeout anew.
        Assert.Contains(repetitions, r => r.TotalMilliseconds >= 10 + milliseconds);
        Assert.All(repetitions.Take(1), r => Assert.InRange(r.TotalMilliseconds, 4, 10 + milliseconds + 1));
        var gaps = repetitions.Zip(repetitions.Skip(1), (a, b) => (b - a).TotalMilliseconds).ToList();
        Assert.Contains(gaps, g => Math.Abs(g - (10 + milliseconds)) <= 2);
    }

    [Fact]
    public void The_timeout_never_grows_beyond_its_bound()
    {
        var peer = new RawPeer(new() { MaxRto = TimeSpan.FromSeconds(2), MaxTimeouts = 30, IdleTimeout = TimeSpan.FromMinutes(5) });
        var repetitions = RepetitionsOf(peer, TimeSpan.FromSeconds(30));
        var gaps = repetitions.Zip(repetitions.Skip(1), (a, b) => (b - a).TotalSeconds).ToList();
        Assert.True(gaps.Count > 10);
        Assert.All(gaps, g => Assert.InRange(g, 0, 2.001));
        Assert.Equal(2, gaps[^1], 0.001);
    }

    [Theory, InlineData(1), InlineData(4)]
    public void So_many_timeouts_in_a_row_end_a_stream(int timeouts)
    {
        var peer = new RawPeer(new() { MaxTimeouts = timeouts, IdleTimeout = TimeSpan.FromHours(1) });
        var repetitions = RepetitionsOf(peer, TimeSpan.FromMinutes(10));
        Assert.Equal(StreamCloseReason.TimedOut, peer.Stream.Closed!.Value.Reason);
        Assert.Equal(timeouts - 1, repetitions.Count);
    }

    [Theory, InlineData(2), InlineData(40)]
    public void A_closed_stream_answers_for_as_long_as_it_is_told(int seconds)
    {
        var peer = new RawPeer(new() { TimeWait = TimeSpan.FromSeconds(seconds) });
        peer.Stream.Write(peer.Now, "a"u8, end: true);
        peer.Poll();
        peer.Receive(PacketTypes.End, 0, 1);
        Assert.NotNull(peer.Stream.Closed);
        peer.Advance(TimeSpan.FromSeconds(seconds - 0.1));
        Assert.True(peer.Receive(PacketTypes.End, 0, 1));
        peer.Advance(TimeSpan.FromSeconds(0.2));
        Assert.False(peer.Receive(PacketTypes.End, 0, 1));
    }

    /// <summary>When the one packet that is written now is sent again, counted from its first sending.</summary>
    private static List<TimeSpan> RepetitionsOf(RawPeer peer, TimeSpan within)
    {
        peer.Stream.Write(peer.Now, "b"u8);
        peer.Poll();
        int before = peer.Sent.Count;
        var start = peer.Now;
        peer.Advance(within);
        return [.. peer.Sent.Skip(before).Where(s => UdxHeader.TryParse(s.Datagram, out var h) && (h.Types & PacketTypes.Data) != 0).Select(s => s.At - start)];
    }
}
