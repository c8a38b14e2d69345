namespace PeopleSwarm.Dht.Connect;

/// <summary>
/// When a relayed connection is punched again: after 10 to 20 s, as the reference waits for a peer that is busy, then at twice the pause before.
/// </summary>
internal sealed class UpgradeSchedule(int tries, IRandomSource random)
{
    private static readonly TimeSpan s_first = TimeSpan.FromSeconds(10), s_longest = TimeSpan.FromSeconds(160);

    private TimeSpan _pause = FirstPause(random);
    private int _left = tries;

    /// <summary>How long the other side waits for our next round: longer than any pause.</summary>
    public static TimeSpan Patience { get; } = s_longest + TimeSpan.FromSeconds(40);

    /// <summary>The pause before the next try; null if there is none.</summary>
    public TimeSpan? Next()
    {
        if (_left-- <= 0) return null;
        var pause = _pause;
        _pause = TimeSpan.FromTicks(Math.Min(s_longest.Ticks, 2 * pause.Ticks));
        return pause;
    }

    /// <summary>Random, so that many who were turned away do not come back at once.</summary>
    public static TimeSpan FirstPause(IRandomSource random) => s_first + TimeSpan.FromMilliseconds(random.Next((int)s_first.TotalMilliseconds));
}
