namespace PeopleSwarm.Swarm.Fakes;

/// <summary>The same numbers for the same seed.</summary>
internal sealed class SeededRandom(int seed) : IRandomSource
{
    private readonly Lock _gate = new();
    private readonly Random _random = new(seed);

    public void Fill(Span<byte> destination)
    {
        lock (_gate) _random.NextBytes(destination);
    }
}

/// <summary>Always the smallest number.</summary>
internal sealed class NoRandom : IRandomSource
{
    public void Fill(Span<byte> destination) => destination.Clear();
}
