namespace PeopleSwarm.Udx;

/// <summary>How large the blocks of a stream's pipes are: small for a quiet stream, growing with what is in the pipe.</summary>
internal static class PipeSegments
{
    /// <summary>For a message that is read late, or never.</summary>
    public const int Smallest = 64;

    /// <summary>For what is written: how long that is shows only when it is flushed, and the block goes back once the peer has it.</summary>
    public const int SmallestWritten = 512;

    public const int Largest = 64 * 1024;

    /// <summary>The size of the next block of a pipe that holds so many bytes.</summary>
    public static int Size(long held) => (int)Math.Clamp(4 * held, SmallestWritten, Largest);

    /// <summary>The size of the block of a pipe that holds nothing but these bytes.</summary>
    public static int SizeAlone(int bytes) => bytes <= SmallestWritten ? bytes : Size(bytes);
}
