using System.Buffers;
using System.Diagnostics;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;

namespace PeopleSwarm.Lab;

/// <summary>What the lab's commands do. Each listener and each dialler is a node of its own, so that no attempt knows of another.</summary>
internal sealed class LabEndpoint : IAsyncDisposable
{
    private static readonly TimeSpan s_dialLimit = TimeSpan.FromSeconds(40), s_echoLimit = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan s_restLimit = TimeSpan.FromSeconds(10), s_pathLimit = TimeSpan.FromSeconds(40);
    private readonly Lock _lock = new();
    private readonly List<ServiceProvider> _nodes = [];
    private readonly Dictionary<int, IPeerConnection> _connections = [];

    public void Take(JsonElement command) => _ = Task.Run(() => RunAsync(command));

    public async ValueTask DisposeAsync()
    {
        ServiceProvider[] nodes;
        lock (_lock) nodes = [.. _nodes];
        await Task.WhenAll(nodes.Select(n => n.DisposeAsync().AsTask()));
    }

    private async Task RunAsync(JsonElement command)
    {
        int id = command.GetProperty("id").GetInt32();
        try
        {
            await (command.GetProperty("command").GetString() switch
            {
                "serve" => ServeAsync(id, [.. command.GetProperty("hosts").EnumerateArray().Select(h => h.GetString()!)]),
                "listen" => ListenAsync(id, Bootstrap()),
                "connect" => ConnectAsync(id, PublicKey.Parse(command.GetProperty("publicKey").GetString()!), Bootstrap()),
                "relay" => RelayAsync(id, Bootstrap()),
                "exchange" => ExchangeAsync(id),
                "direct" => DirectAsync(id),
                var other => throw new ArgumentException($"There is no command '{other}'."),
            });
        }
        catch (Exception error) // told to the test, which knows what it wanted
        {
            Tell(new { @event = $"failed{id}", error = error is PeerConnectException connect ? connect.Error.ToString() : error.ToString(), milliseconds = 0.0 });
        }

        string Bootstrap() => command.GetProperty("bootstrap").GetString()!;
    }

    /// <summary>A DHT: the first host's node is where the others begin.</summary>
    private async Task ServeAsync(int id, string[] hosts)
    {
        for (int i = 0; i < hosts.Length; i++)
        {
            var node = Add(o =>
            {
                (o.Host, o.Bootstrap) = (hosts[i], i == 0 ? [] : [$"{hosts[0]}:{o.Port}"]);
                (o.IsBootstrapper, o.Ephemeral) = (i == 0, EphemeralMode.Never);
            });
            await node.WhenBootstrappedAsync();
        }
        Tell(new { @event = $"serving{id}" });
    }

    /// <summary>A relay that offers itself to all: nobody is told its key.</summary>
    private async Task RelayAsync(int id, string bootstrap)
    {
        var node = Add(o => o.Bootstrap = [bootstrap]);
        await node.WhenBootstrappedAsync();
        await node.RelayAsync();
        Tell(new { @event = $"relaying{id}" });
    }

    private async Task ListenAsync(int id, string bootstrap)
    {
        var node = await AddAtRestAsync(bootstrap);
        var listener = await node.ListenAsync();
        Tell(new { @event = $"listening{id}", publicKey = listener.PublicKey.ToString() });
        await foreach (var connection in listener.AcceptAllAsync()) _ = EchoAsync(id, connection);
    }

    private async Task EchoAsync(int id, IPeerConnection connection)
    {
        lock (_lock) _connections[id] = connection;
        await using (connection)
            try
            {
                Tell(new { @event = $"accepted{id}", path = connection.Path.ToString() });
                await connection.Input.CopyToAsync(connection.Output);
            }
            catch (IOException)
            {
                return;
            }
    }

    private async Task ConnectAsync(int id, PublicKey publicKey, string bootstrap)
    {
        var node = await AddAtRestAsync(bootstrap);
        long started = Stopwatch.GetTimestamp();
        try
        {
            var connection = await node.ConnectAsync(publicKey, new() { Timeout = s_dialLimit });
            lock (_lock) _connections[id] = connection;
            await EchoedAsync(connection);
            Tell(new { @event = $"connected{id}", path = connection.Path.ToString(), milliseconds = Stopwatch.GetElapsedTime(started).TotalMilliseconds });
        }
        catch (PeerConnectException error)
        {
            await Console.Error.WriteLineAsync($"{error.Message}\n{string.Join('\n', error.Attempts)}");
            Tell(new { @event = $"failed{id}", error = error.Error.ToString(), milliseconds = Stopwatch.GetElapsedTime(started).TotalMilliseconds });
        }
    }

    private async Task ExchangeAsync(int id)
    {
        IPeerConnection connection;
        lock (_lock) connection = _connections[id];
        long started = Stopwatch.GetTimestamp();
        await EchoedAsync(connection).WaitAsync(s_echoLimit);
        Tell(new { @event = $"exchanged{id}", remote = connection.RemoteEndPoint.ToString(), milliseconds = Stopwatch.GetElapsedTime(started).TotalMilliseconds });
    }

    /// <summary>Waits until the connection does not go through a relay any more, for a while.</summary>
    private async Task DirectAsync(int id)
    {
        IPeerConnection connection;
        lock (_lock) connection = _connections[id];
        long started = Stopwatch.GetTimestamp();
        while (connection.Path == PeerPath.Relayed && Stopwatch.GetElapsedTime(started) < s_pathLimit) await Task.Delay(5);
        Tell(new { @event = $"path{id}", path = connection.Path.ToString(), milliseconds = Stopwatch.GetElapsedTime(started).TotalMilliseconds });
    }

    private static async Task EchoedAsync(IPeerConnection connection)
    {
        byte[] sent = Guid.NewGuid().ToByteArray();
        await connection.Output.WriteAsync(sent);
        var read = await connection.Input.ReadAtLeastAsync(sent.Length);
        if (!read.Buffer.Slice(0, Math.Min(sent.Length, read.Buffer.Length)).ToArray().AsSpan().SequenceEqual(sent))
            throw new InvalidDataException("The echo is not what was sent.");
        connection.Input.AdvanceTo(read.Buffer.GetPosition(sent.Length));
    }

    /// <summary>A node that knows its NAT, and has the relay that it keeps.</summary>
    private async Task<IDhtNode> AddAtRestAsync(string bootstrap)
    {
        var node = Add(o => o.Bootstrap = [bootstrap]);
        await node.WhenBootstrappedAsync();
        long started = Stopwatch.GetTimestamp();
        while (node.Status is { ObservedEndPoint: null, IsRandomized: false } or { IsRandomized: true, Relay: null } && Stopwatch.GetElapsedTime(started) < s_restLimit)
            await Task.Delay(5);
        return node;
    }

    private IDhtNode Add(Action<DhtOptions> configure)
    {
        var services = new ServiceCollection().AddDht(configure).BuildServiceProvider();
        lock (_lock) _nodes.Add(services);
        return services.GetRequiredService<IDhtNode>();
    }

    private static void Tell<T>(T value)
    {
        lock (Console.Out)
        {
            Console.Out.WriteLine(JsonSerializer.Serialize(value));
            Console.Out.Flush();
        }
    }
}
