namespace PeopleSwarm.Udx.Protocol;

/// <summary>32-bit packet numbers that wrap, compared by the sign of their difference (spec udx, 4; RFC 1982).</summary>
internal static class SeqNumber
{
    public static int Distance(uint from, uint to) => (int)(to - from);

    public static bool IsBefore(uint left, uint right) => (int)(left - right) < 0;

    public static bool IsAfter(uint left, uint right) => (int)(right - left) < 0;
}
