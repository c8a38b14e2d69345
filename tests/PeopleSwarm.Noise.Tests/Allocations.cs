namespace PeopleSwarm.Noise;

/// <summary>What code allocates again and again.</summary>
internal static class Allocations
{
    private const int MaxRounds = 10;

    /// <summary>
    /// The fewest bytes that this thread allocates in a round: buffers may leave a shared pool now and then, but what a message costs, it costs in
    /// every round. Tries no more once a round costs at most <paramref name="enough"/>.
    /// </summary>
    public static long OfRound(Action round, long enough = 0)
    {
        long fewest = long.MaxValue;
        for (int i = 0; i < MaxRounds && fewest > enough; i++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            round();
            fewest = Math.Min(fewest, GC.GetAllocatedBytesForCurrentThread() - before);
        }
        return fewest;
    }
}
