using System.Text.Json;

namespace PeopleSwarm.Noise;

/// <summary>The golden vectors, produced by the published npm packages.</summary>
internal static class Vectors
{
    private static readonly JsonElement s_noise = Load("noise-and-secretstream.json").GetProperty("sets");
    private static readonly JsonElement s_dht = Load("hyperdht-noise.json");

    public static JsonElement Noise(string path) => At(s_noise, path);

    public static JsonElement Dht(string path) => At(s_dht, path);

    public static TheoryData<int> CasesOf(string path) => [.. Enumerable.Range(0, Noise(path).GetArrayLength())];

    public static JsonElement At(this JsonElement element, string path)
    {
        foreach (string name in path.Split('.')) element = element.GetProperty(name);
        return element;
    }

    public static byte[] Bytes(this JsonElement element) => Convert.FromHexString(element.GetString()!);

    public static byte[] Bytes(this JsonElement element, string path) => element.At(path).Bytes();

    public static string Text(this JsonElement element, string path) => element.At(path).GetString()!;

    private static JsonElement Load(string name) =>
        JsonDocument.Parse(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Vectors", name))).RootElement;
}
