namespace PeopleSwarm.Dht.Connect;

/// <summary>How a peer was reached the last time.</summary>
/// <param name="Relays">Nodes that forward to it.</param>
/// <param name="First">The one that answered, or the peer itself if strangers reach it; null if that was in an earlier run.</param>
/// <param name="Took">Time the answer took.</param>
internal sealed record KnownWay(IReadOnlyList<UdpEndPoint> Relays, UdpEndPoint? First = null, TimeSpan Took = default)
{
    private static readonly TimeSpan s_slack = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan s_mostHeadStart = TimeSpan.FromMilliseconds(250); // the delay between attempts of RFC 8305, section 5

    /// <summary>How long <see cref="First"/> alone is asked before all others are too: it answers again as it did, or it is gone.</summary>
    public TimeSpan HeadStart => Took < s_mostHeadStart / 2 - s_slack ? 2 * Took + s_slack : s_mostHeadStart;
}
