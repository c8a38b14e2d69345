namespace PeopleSwarm.Testing;

/// <summary>A simulated run failed. The message names the seed and ends with the latest packets.</summary>
public sealed class SimulationException : Exception
{
    /// <summary>Makes one.</summary>
    public SimulationException(string message, long seed, Exception? innerException = null) : base(message, innerException) => Seed = seed;

    /// <summary>The seed that repeats the run.</summary>
    public long Seed { get; }
}
