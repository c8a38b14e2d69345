namespace PeopleSwarm.Udx;

/// <summary>How large the blocks of a stream's pipes are: small for a quiet stream, growing with what is in the pipe.</summary>
internal static class PipeSegments
{
    public const int Smallest = 512;
    public const int Largest = 64 * 1024;

    /// <summary>The size of the next block of a pipe that holds so many bytes.</summary>
    public static int Size(long held) => (int)Math.Clamp(4 * held, Smallest, Largest);
}
