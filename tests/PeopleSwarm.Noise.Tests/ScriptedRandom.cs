namespace PeopleSwarm.Noise;

/// <summary>Random bytes that are written down: each fill takes the next entry, which must have its length.</summary>
internal sealed class ScriptedRandom(params byte[][] fills) : IRandomSource
{
    private int _next;

    public void Fill(Span<byte> destination)
    {
        byte[] bytes = fills[_next++];
        Assert.Equal(bytes.Length, destination.Length);
        bytes.CopyTo(destination);
    }
}

/// <summary>Random bytes from a seed.</summary>
internal sealed class SeededRandom(int seed) : IRandomSource
{
    private readonly Random _random = new(seed);

    public void Fill(Span<byte> destination) => _random.NextBytes(destination);
}
