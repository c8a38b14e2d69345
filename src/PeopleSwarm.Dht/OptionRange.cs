using System.Runtime.CompilerServices;

namespace PeopleSwarm.Dht;

/// <summary>Checks what a call was given.</summary>
internal static class OptionRange
{
    /// <exception cref="ArgumentOutOfRangeException">It is outside; it names the argument that holds the option, the message the option and its range.</exception>
    public static void Require<T>(T value, T min, T max, [CallerArgumentExpression(nameof(value))] string option = "") where T : IComparable<T>
    {
        if (value.CompareTo(min) < 0 || value.CompareTo(max) > 0) throw new ArgumentOutOfRangeException(option.Split('.')[0], value, $"{option} is {min} to {max}.");
    }
}
