using System.Text.Json;

namespace PeopleSwarm.Udx.Protocol;

/// <summary>Packets captured from the original (spec udx, 24).</summary>
internal static class Vectors
{
    private static readonly JsonElement s_root = Load();

    public static JsonElement Relay => s_root.GetProperty("relay");

    public static JsonElement ChangeRemote => s_root.GetProperty("changeRemote");

    public static JsonElement Capture(string name) => Find("captures", name);

    public static JsonElement RawPeer(string name) => Find("rawPeer", name);

    /// <summary>Every packet of the file that is there in full or by its header.</summary>
    public static IEnumerable<JsonElement> AllPackets => Walk(s_root);

    public static IEnumerable<JsonElement> Items(this JsonElement element, string name) =>
        element.TryGetProperty(name, out var items) && items.ValueKind == JsonValueKind.Array ? items.EnumerateArray() : [];

    public static string Text(this JsonElement element, string name) => element.GetProperty(name).GetString()!;

    private static JsonElement Find(string list, string name) =>
        s_root.GetProperty(list).EnumerateArray().Single(item => item.Text("name") == name);

    private static IEnumerable<JsonElement> Walk(JsonElement element)
    {
        if (element.ValueKind == JsonValueKind.Array)
        {
            foreach (var item in element.EnumerateArray())
                foreach (var packet in Walk(item)) yield return packet;
        }
        if (element.ValueKind != JsonValueKind.Object) yield break;
        if (element.TryGetProperty("decoded", out _)) yield return element;
        foreach (var property in element.EnumerateObject())
            foreach (var packet in Walk(property.Value)) yield return packet;
    }

    private static JsonElement Load()
    {
        using var document = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "Vectors", "udx.json")));
        return document.RootElement.Clone();
    }
}
