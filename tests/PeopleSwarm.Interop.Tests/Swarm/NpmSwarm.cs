using System.Text.Json;
using PeopleSwarm.Interop.Harness;

namespace PeopleSwarm.Interop.Swarm;

/// <summary>An npm swarm in a process of its own.</summary>
internal sealed class NpmSwarm(NodePeer process, PublicKey publicKey) : IAsyncDisposable
{
    public NodePeer Process { get; } = process;

    public PublicKey PublicKey { get; } = publicKey;

    public static async Task<NpmSwarm> StartAsync(IEnumerable<UdpEndPoint> bootstrap, Topic? topic = null, JoinOptions? options = null,
        string? seed = null, PublicKey? deny = null, bool isFirewalled = false)
    {
        options ??= new();
        var (process, ready) = await NodePeer.StartReadyAsync("swarm/peer.js", new
        {
            bootstrap = bootstrap.Select(node => node.ToString()),
            topic = topic?.ToString(),
            server = options.Server,
            client = options.Client,
            seed,
            firewalled = isFirewalled,
            deny = deny is { } key ? [key.ToString()] : Array.Empty<string>(),
        }, TimeSpan.FromSeconds(60));
        return new(process, Key(ready, "publicKey"));
    }

    public void Send(object command) => Process.Send(command);

    /// <summary>The next connection: whose, and its handshake hash.</summary>
    public async Task<Connection> NextConnectionAsync() => Connection.Read(await Process.ReadAsync("connection"));

    /// <summary>The open connections.</summary>
    public async Task<IReadOnlyList<Connection>> ConnectionsAsync()
    {
        Send(new { command = "connections" });
        var answer = await Process.ReadAsync("connections");
        return [.. answer.GetProperty("list").EnumerateArray().Select(Connection.Read)];
    }

    /// <summary>The keys that the DHT lists on a topic.</summary>
    public async Task<IReadOnlyList<string>> LookupAsync(Topic topic)
    {
        Send(new { command = "lookup", topic = topic.ToString() });
        var answer = await Process.ReadAsync("lookup");
        return [.. answer.GetProperty("keys").EnumerateArray().Select(key => key.GetString()!)];
    }

    public ValueTask DisposeAsync() => Process.DisposeAsync();

    private static PublicKey Key(JsonElement element, string name) => PublicKey.Parse(element.GetProperty(name).GetString()!);

    /// <summary>A connection as its npm end sees it.</summary>
    internal sealed record Connection(PublicKey Key, bool IsInitiator, string Hash)
    {
        public static Connection Read(JsonElement element) =>
            new(NpmSwarm.Key(element, "key"), element.GetProperty("initiator").GetBoolean(), element.GetProperty("hash").GetString()!);
    }
}
