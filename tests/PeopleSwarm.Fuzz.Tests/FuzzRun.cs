using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;
using PeopleSwarm.Testing;

namespace PeopleSwarm.Fuzz;

/// <summary>
/// How long to fuzz, and from which seed. <c>PEOPLESWARM_FUZZ_FACTOR</c> multiplies every count, for long runs;
/// <c>PEOPLESWARM_FUZZ_SEED</c> begins elsewhere, or repeats a run that failed; <c>PEOPLESWARM_FUZZ_LOG</c> names a file that gets a line
/// for each target: name, seed, cases, seconds.
/// </summary>
internal static class FuzzRun
{
    public static readonly int Factor = Number("PEOPLESWARM_FUZZ_FACTOR", 1);
    public static readonly int Seed = Number("PEOPLESWARM_FUZZ_SEED", 1);

    private static readonly Lock s_gate = new();

    /// <summary>The seed of the first case; runs with different <see cref="Seed"/> do not meet within a hundred million cases.</summary>
    public static long FirstSeed => Seed * 100_000_007L;

    /// <summary>Feeds mutations of valid inputs, and random ones, to a parser. A failure names the seed and shows the input.</summary>
    /// <param name="corpus">Valid inputs.</param>
    /// <param name="count">Inputs, before the factor.</param>
    /// <param name="target">Must not throw.</param>
    /// <param name="name">The target's name in the log.</param>
    public static void Feed(IReadOnlyList<byte[]> corpus, int count, Action<byte[]> target, [CallerMemberName] string name = "")
    {
        Assert.NotEmpty(corpus);
        var started = Stopwatch.StartNew();
        foreach (byte[] valid in corpus) Try(valid, valid.Length, target);
        for (int i = 0; i < count * Factor; i++)
        {
            long seed = FirstSeed + i;
            Try(Mutator.Next(new SeededRandom(seed), corpus), seed, target);
        }
        Log(name, (long)count * Factor, started.Elapsed);
    }

    /// <summary>Runs a scenario with many seeds; a failure names the one.</summary>
    /// <param name="count">Seeds, before the factor.</param>
    /// <param name="scenario">Must not throw.</param>
    /// <param name="casesPerSeed">Inputs that one seed generates, for the log.</param>
    /// <param name="name">The target's name in the log.</param>
    public static void Seeds(int count, Action<long> scenario, int casesPerSeed = 1, [CallerMemberName] string name = "")
    {
        var started = Stopwatch.StartNew();
        for (int i = 0; i < count * Factor; i++)
        {
            long seed = FirstSeed + i;
            try
            {
                scenario(seed);
            }
            catch (Exception error)
            {
                throw new InvalidOperationException($"Seed {seed}: {error.Message}", error);
            }
        }
        Log(name, (long)count * Factor * casesPerSeed, started.Elapsed);
    }

    private static void Try(byte[] input, long seed, Action<byte[]> target)
    {
        try
        {
            target(input);
        }
        catch (Exception error)
        {
            throw new InvalidOperationException($"Seed {seed}, input {Convert.ToHexStringLower(input)}: {error.Message}", error);
        }
    }

    private static void Log(string name, long cases, TimeSpan elapsed)
    {
        if (Environment.GetEnvironmentVariable("PEOPLESWARM_FUZZ_LOG") is not { Length: > 0 } file) return;
        lock (s_gate) File.AppendAllText(file, string.Create(CultureInfo.InvariantCulture, $"{name}\t{Seed}\t{cases}\t{elapsed.TotalSeconds:F1}{Environment.NewLine}"));
    }

    private static int Number(string variable, int otherwise) =>
        int.TryParse(Environment.GetEnvironmentVariable(variable), NumberStyles.Integer, CultureInfo.InvariantCulture, out int value) ? value : otherwise;
}
