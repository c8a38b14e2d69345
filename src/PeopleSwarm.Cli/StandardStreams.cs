using System.Globalization;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace PeopleSwarm.Cli;

/// <summary>Standard input and output as bytes.</summary>
internal static partial class StandardStreams
{
    private const int OutputDescriptor = 1, ErrorDescriptor = 2;
    private const string Descriptors = "/proc/self/fd";

    public static Stream OpenInput() => Console.OpenStandardInput();

    /// <summary>Standard output. Where it is a pipe whose reader has gone, writing fails; the console's own stream would lose bytes silently.</summary>
    public static Stream OpenOutput()
    {
        if (!OperatingSystem.IsWindows() && Console.IsOutputRedirected)
        {
            var pipe = new FileStream(new SafeFileHandle(OutputDescriptor, ownsHandle: false), FileAccess.Write, bufferSize: 0);
            if (!pipe.CanSeek) return pipe;
        }
        return Console.OpenStandardOutput(); // a file keeps its offset, which other writers may share
    }

    /// <summary>Lets the reader of our output see its end while we go on. Where the system cannot, it does so when we exit.</summary>
    public static void EndOutput()
    {
        if (!OperatingSystem.IsLinux() || TargetOf(OutputDescriptor) is not { } output || output == TargetOf(ErrorDescriptor)) return;
        using var nothing = File.OpenHandle("/dev/null", FileMode.Open, FileAccess.Write);
        // The runtime keeps copies of the descriptor; closing any would leave its number to the next file, and stray text to that.
        foreach (string link in Directory.GetFileSystemEntries(Descriptors))
        {
            int descriptor = int.Parse(Path.GetFileName(link), CultureInfo.InvariantCulture);
            if (TargetOf(descriptor) == output && Dup2(nothing, descriptor) < 0)
                throw new IOException($"Standard output cannot be closed: error {Marshal.GetLastPInvokeError()}.");
        }
    }

    private static string? TargetOf(int descriptor) =>
        new FileInfo(Path.Combine(Descriptors, descriptor.ToString(CultureInfo.InvariantCulture))).LinkTarget is { } target
        && target.StartsWith("pipe:", StringComparison.Ordinal) ? target : null;

    [LibraryImport("libc", EntryPoint = "dup2", SetLastError = true)]
    private static partial int Dup2(SafeFileHandle from, int to);
}
