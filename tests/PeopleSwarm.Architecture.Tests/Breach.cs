namespace PeopleSwarm.Architecture;

internal static class Breach
{
    /// <summary>Fails with a line for each breach.</summary>
    public static void None<T>(IEnumerable<T> breaches, string? rule = null)
    {
        var lines = breaches.Select(b => b!.ToString()).Distinct().Order(StringComparer.Ordinal).ToList();
        Assert.True(lines.Count == 0, $"{rule}{Environment.NewLine}{string.Join(Environment.NewLine, lines)}");
    }
}
