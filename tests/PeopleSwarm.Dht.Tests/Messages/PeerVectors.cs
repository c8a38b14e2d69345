using System.Text.Json;

namespace PeopleSwarm.Dht.Messages;

/// <summary>The golden vectors of the peer layer, made by the npm packages.</summary>
internal static class PeerVectors
{
    private static readonly JsonDocument s_document =
        JsonDocument.Parse(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Vectors", "hyperdht.json")));

    public static JsonElement Section(string name) => s_document.RootElement.GetProperty(name);

    public static IEnumerable<JsonElement> Vectors(string name) => Section(name).GetProperty("vectors").EnumerateArray();

    public static JsonElement Captured(string name) => Section("captured").GetProperty(name);

    /// <summary>The datagrams of all captures.</summary>
    public static IEnumerable<JsonElement> AllDatagrams() =>
        from capture in Section("captured").EnumerateObject()
        where capture.Value.ValueKind == JsonValueKind.Object
        from datagram in capture.Value.GetProperty("datagrams").EnumerateArray()
        select datagram;

    /// <summary>The member as an address; null where it is null or missing.</summary>
    public static UdpEndPoint? OptionalAddress(this JsonElement element, string name) =>
        element.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Object ? value.Address() : null;

    /// <summary>The member as addresses; null where it is null or missing.</summary>
    public static UdpEndPoint[]? OptionalAddresses(this JsonElement element, string name) =>
        element.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Array ? value.EnumerateArray().Select(a => a.Address()).ToArray() : null;

    public static PeerRecord Record(this JsonElement element) =>
        new(PublicKey.Parse(element.Text("publicKey")), element.OptionalAddresses("relayAddresses") ?? []);

    public static string Hex(byte[] bytes) => Convert.ToHexStringLower(bytes);
}
