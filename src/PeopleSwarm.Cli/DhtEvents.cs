using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

namespace PeopleSwarm.Cli;

/// <summary>What the operations of <c>dht</c> tell with <c>--json</c>, an object a line.</summary>
internal static class DhtEvents
{
    private static readonly DhtEventContext s_context = new(new JsonSerializerOptions
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    });

    public static string Line(PeerEvent value) => Line(value, s_context.PeerEvent);

    public static string Line(AnnouncedEvent value) => Line(value, s_context.AnnouncedEvent);

    public static string Line(ValueEvent value) => Line(value, s_context.ValueEvent);

    public static string Line(StoredEvent value) => Line(value, s_context.StoredEvent);

    public static string Line(ErrorEvent value) => Line(value, s_context.ErrorEvent);

    private static string Line<T>(T value, JsonTypeInfo<T> type) => JsonSerializer.Serialize(value, type);
}

/// <summary>A peer announced on the topic.</summary>
internal sealed record PeerEvent(string PublicKey, string[] Relays) : NamedEvent("peer");

/// <summary>The announcement was taken, or withdrawn, by so many nodes; the seed of a key pair made for it withdraws it.</summary>
internal sealed record AnnouncedEvent(string Event, string PublicKey, string Topic, int Nodes, string? Seed) : NamedEvent(Event);

/// <summary>A value; sequence number and signature belong to a mutable one.</summary>
internal sealed record ValueEvent(string Key, string Hex, string Text, string From, long? Seq, string? Signature) : NamedEvent("value");

/// <summary>A value was stored on so many nodes.</summary>
internal sealed record StoredEvent(string Key, int Nodes, long? Seq) : NamedEvent("stored");

[JsonSerializable(typeof(PeerEvent))]
[JsonSerializable(typeof(AnnouncedEvent))]
[JsonSerializable(typeof(ValueEvent))]
[JsonSerializable(typeof(StoredEvent))]
[JsonSerializable(typeof(ErrorEvent))]
internal sealed partial class DhtEventContext : JsonSerializerContext;
