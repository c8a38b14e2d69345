using System.Runtime.CompilerServices;

namespace PeopleSwarm.Testing;

/// <summary>Ranges of options: a loss of 5 meant as a percentage is told at once, not by a test in which nothing arrives.</summary>
internal static class Require
{
    public static double Share(double value, [CallerMemberName] string name = "") =>
        value is >= 0 and <= 1 ? value : throw new ArgumentOutOfRangeException(name, value, "A share is 0 to 1.");

    public static TimeSpan NotNegative(TimeSpan value, [CallerMemberName] string name = "") =>
        value >= TimeSpan.Zero ? value : throw new ArgumentOutOfRangeException(name, value, "A time is not negative.");

    public static TimeSpan Positive(TimeSpan value, [CallerMemberName] string name = "") =>
        value > TimeSpan.Zero ? value : throw new ArgumentOutOfRangeException(name, value, "A time is above zero.");

    public static long Range(long value, long least, long most, [CallerMemberName] string name = "") =>
        value >= least && value <= most ? value : throw new ArgumentOutOfRangeException(name, value, $"The range is {least} to {most}.");
}
