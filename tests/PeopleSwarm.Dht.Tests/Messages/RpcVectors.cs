using System.Text.Json;

namespace PeopleSwarm.Dht.Messages;

/// <summary>The golden vectors of the RPC layer, made by the npm packages.</summary>
internal static class RpcVectors
{
    private static readonly JsonDocument s_document =
        JsonDocument.Parse(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Vectors", "dht-rpc.json")));

    public static JsonElement Section(string name) => s_document.RootElement.GetProperty(name);

    public static IEnumerable<JsonElement> Vectors(string name) => Section(name).GetProperty("vectors").EnumerateArray();

    public static string Text(this JsonElement element, string name) => element.GetProperty(name).GetString()!;

    public static int Int(this JsonElement element, string name) => element.GetProperty(name).GetInt32();

    public static byte[] Bytes(this JsonElement element, string name) => Convert.FromHexString(element.Text(name));

    /// <summary>The hexadecimal member; null where it is null or missing.</summary>
    public static byte[]? OptionalBytes(this JsonElement element, string name) =>
        element.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? Convert.FromHexString(value.GetString()!) : null;

    public static NodeId? OptionalId(this JsonElement element, string name) =>
        element.OptionalBytes(name) is { } bytes ? new NodeId(bytes) : null;

    /// <summary>An address written as text or as an object of host and port.</summary>
    public static UdpEndPoint Address(this JsonElement element) => element.ValueKind == JsonValueKind.String
        ? UdpEndPoint.Parse(element.GetString()!)
        : UdpEndPoint.From(System.Net.IPAddress.Parse(element.Text("host")), (ushort)element.Int("port"));
}
