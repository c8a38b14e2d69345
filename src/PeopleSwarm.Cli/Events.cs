using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

namespace PeopleSwarm.Cli;

/// <summary>What <c>join</c>, <c>listen</c> and <c>connect</c> tell of themselves. Members are safe on any thread.</summary>
internal interface IEvents
{
    /// <summary>Others can find us now.</summary>
    void Ready(PublicKey publicKey);

    /// <summary>A connection opened.</summary>
    void Connected(IPeerConnection connection);

    /// <summary>A connection goes this way: told when it opens and whenever that changes.</summary>
    void Path(PublicKey remotePublicKey, PeerPath path);

    /// <summary>A peer sent a line.</summary>
    void Received(PublicKey from, byte[] line);

    /// <summary>A connection closed; <paramref name="error"/> says why, null after a clean end.</summary>
    void Closed(PublicKey remotePublicKey, string? error);

    /// <summary>The command failed.</summary>
    void Failed(Trouble trouble);
}

internal static class ConnectionEvents
{
    /// <summary>Tells of an open connection and follows its path.</summary>
    public static void Opened(this IEvents events, IPeerConnection connection)
    {
        events.Connected(connection);
        connection.PathChanged += (_, path) => events.Path(connection.RemotePublicKey, path);
        events.Path(connection.RemotePublicKey, connection.Path);
    }
}

/// <summary>Events as JSON, an object a line.</summary>
internal sealed class JsonEvents(Stream output) : IEvents
{
    // Texts of peers stay readable; every character that JSON demands to be escaped is.
    private static readonly EventContext s_context = new(new JsonSerializerOptions
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    });

    private readonly Lock _lock = new();

    public void Ready(PublicKey publicKey) => Write(new ReadyEvent(publicKey.ToString()), s_context.ReadyEvent);

    public void Connected(IPeerConnection connection) => Write(new ConnectionEvent(connection.LocalPublicKey.ToString(),
        connection.RemotePublicKey.ToString(), Convert.ToHexStringLower(connection.HandshakeHash.Span), connection.IsInitiator,
        connection is ISwarmConnection { Peer: var peer } ? [.. peer.Topics.Select(t => t.ToString())] : []), s_context.ConnectionEvent);

    public void Path(PublicKey remotePublicKey, PeerPath path) => Write(new PathEvent(remotePublicKey.ToString(), path switch
    {
        PeerPath.Lan => "lan",
        PeerPath.Punched => "punched",
        PeerPath.Relayed => "relayed",
        _ => "direct",
    }), s_context.PathEvent);

    public void Received(PublicKey from, byte[] line) =>
        Write(new DataEvent(from.ToString(), Encoding.UTF8.GetString(line)), s_context.DataEvent);

    public void Closed(PublicKey remotePublicKey, string? error) => Write(new CloseEvent(remotePublicKey.ToString(), error), s_context.CloseEvent);

    public void Failed(Trouble trouble) => Write(new ErrorEvent(trouble.Message, trouble.NextStep), s_context.ErrorEvent);

    private void Write<T>(T value, JsonTypeInfo<T> type)
    {
        byte[] json = JsonSerializer.SerializeToUtf8Bytes(value, type);
        lock (_lock)
        {
            output.Write([.. json, (byte)'\n']);
            output.Flush();
        }
    }
}

internal abstract record NamedEvent([property: JsonPropertyOrder(-1)] string Event);

internal sealed record ReadyEvent(string PublicKey) : NamedEvent("ready");

internal sealed record ConnectionEvent(string PublicKey, string RemotePublicKey, string HandshakeHash, bool Initiator, string[] Topics)
    : NamedEvent("connection");

internal sealed record PathEvent(string RemotePublicKey, string Path) : NamedEvent("path");

internal sealed record DataEvent(string From, string Text) : NamedEvent("data");

internal sealed record CloseEvent(string RemotePublicKey, string? Error) : NamedEvent("close");

internal sealed record ErrorEvent(string Error, string? NextStep) : NamedEvent("error");

[JsonSerializable(typeof(ReadyEvent))]
[JsonSerializable(typeof(ConnectionEvent))]
[JsonSerializable(typeof(PathEvent))]
[JsonSerializable(typeof(DataEvent))]
[JsonSerializable(typeof(CloseEvent))]
[JsonSerializable(typeof(ErrorEvent))]
internal sealed partial class EventContext : JsonSerializerContext;
