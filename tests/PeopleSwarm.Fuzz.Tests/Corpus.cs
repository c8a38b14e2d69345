using System.Text.Json;

namespace PeopleSwarm.Fuzz;

/// <summary>Real bytes to begin with: every hexadecimal string of the golden vectors.</summary>
internal static class Corpus
{
    private const int MaxSize = 2048;

    private static readonly Lazy<byte[][]> s_all = new(() =>
    [
        .. Directory.GetFiles(Path.Combine(AppContext.BaseDirectory, "Vectors"), "*.json").Order(StringComparer.Ordinal)
            .SelectMany(file => Strings(JsonDocument.Parse(File.ReadAllText(file)).RootElement))
            .Distinct().Where(IsHex).Select(Convert.FromHexString).Where(b => b.Length is > 0 and <= MaxSize),
    ]);

    /// <summary>The bytes that a parser accepts, at most <paramref name="limit"/> of them.</summary>
    public static IReadOnlyList<byte[]> Where(Predicate<byte[]> isValid, int limit = 400) =>
        [.. s_all.Value.Where(b => isValid(b)).Take(limit)];

    private static bool IsHex(string text) => text.Length % 2 == 0 && text.All(char.IsAsciiHexDigit);

    private static IEnumerable<string> Strings(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.Object => element.EnumerateObject().SelectMany(p => Strings(p.Value)),
        JsonValueKind.Array => element.EnumerateArray().SelectMany(Strings),
        JsonValueKind.String => [element.GetString()!],
        _ => [],
    };
}
