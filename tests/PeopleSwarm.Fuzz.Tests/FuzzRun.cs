using System.Globalization;
using PeopleSwarm.Testing;

namespace PeopleSwarm.Fuzz;

/// <summary>
/// How long to fuzz, and from which seed. <c>PEOPLESWARM_FUZZ_FACTOR</c> multiplies every count, for long runs;
/// <c>PEOPLESWARM_FUZZ_SEED</c> begins elsewhere, or repeats a run that failed.
/// </summary>
internal static class FuzzRun
{
    public static readonly int Factor = Number("PEOPLESWARM_FUZZ_FACTOR", 1);
    public static readonly int Seed = Number("PEOPLESWARM_FUZZ_SEED", 1);

    /// <summary>Feeds mutations of valid inputs, and random ones, to a parser. A failure names the seed and shows the input.</summary>
    /// <param name="corpus">Valid inputs.</param>
    /// <param name="count">Inputs, before the factor.</param>
    /// <param name="target">Must not throw.</param>
    public static void Feed(IReadOnlyList<byte[]> corpus, int count, Action<byte[]> target)
    {
        Assert.NotEmpty(corpus);
        foreach (byte[] valid in corpus) Try(valid, valid.Length, target);
        for (int i = 0; i < count * Factor; i++)
        {
            long seed = Seed * 1_000_003L + i;
            Try(Mutator.Next(new SeededRandom(seed), corpus), seed, target);
        }
    }

    /// <summary>Runs a scenario with many seeds; a failure names the one.</summary>
    public static void Seeds(int count, Action<long> scenario)
    {
        for (int i = 0; i < count * Factor; i++)
        {
            long seed = (long)Seed * 1_000_000 + i;
            try
            {
                scenario(seed);
            }
            catch (Exception error)
            {
                throw new InvalidOperationException($"Seed {seed}: {error.Message}", error);
            }
        }
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

    private static int Number(string variable, int otherwise) =>
        int.TryParse(Environment.GetEnvironmentVariable(variable), NumberStyles.Integer, CultureInfo.InvariantCulture, out int value) ? value : otherwise;
}
