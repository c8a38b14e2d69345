using System.Diagnostics;
using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;

namespace PeopleSwarm.Throughput.Peers;

/// <summary>Our nodes in the cases of <c>dht</c>; the counterpart of <c>tests/npm/bench/dht.js</c>.</summary>
internal static class DhtWork
{
    private const int Warmup = 50, Times = 300, Resting = 50, Dials = 200, Connections = 3000, DialsAtOnce = 16;

    public static Task RunAsync(JsonObject args) => (string)args["mode"]! switch
    {
        "operations" => OperateAsync((int)args["nodes"]!),
        "serve" => ServeAsync(),
        "rest" => RestAsync(),
        "connect-listen" => ListenAsync(),
        _ => DialAsync((int)args["port"]!, PublicKey.Parse((string)args["publicKey"]!)),
    };

    private static async Task OperateAsync(int count)
    {
        await using var network = await LocalDht.StartAsync(count);
        await using var container = LocalDht.CreateNode(network.BootstrapPort, o => o.Ephemeral = EphemeralMode.Always);
        var node = container.GetRequiredService<IDhtNode>();
        await node.WhenBootstrappedAsync();
        var random = new Random(1);
        double lookup = await MedianAsync(() => node.Lookup(NextTopic()).FinishAsync());
        double announce = await MedianAsync(() => node.Announce(NextTopic(), node.KeyPair).FinishAsync());
        double put = await MedianAsync(() => node.PutImmutableAsync(NextTopic().ToArray()));
        PeerLines.Emit("done", new() { ["lookup"] = lookup, ["announce"] = announce, ["put"] = put });

        Topic NextTopic()
        {
            byte[] bytes = new byte[Topic.Size];
            random.NextBytes(bytes);
            return new(bytes);
        }
    }

    private static async Task ServeAsync()
    {
        await using var network = await LocalDht.StartAsync(10);
        PeerLines.Emit("ready", new() { ["port"] = network.Node.Status.LocalEndPoint.Port });
        await PeerLines.ReadAsync();
        using var self = Process.GetCurrentProcess();
        var before = self.TotalProcessorTime;
        PeerLines.Emit("started");
        await PeerLines.ReadAsync();
        self.Refresh();
        PeerLines.Emit("done", new() { ["cpuSeconds"] = (self.TotalProcessorTime - before).TotalSeconds });
    }

    private static async Task RestAsync()
    {
        await using var network = await LocalDht.StartAsync(10);
        long before = await MemoryAsync();
        for (int i = 0; i < Resting; i++) await network.AddAsync();
        PeerLines.Emit("done", new() { ["kilobytes"] = (await MemoryAsync() - before) / 1024.0 / Resting });
    }

    private static async Task ListenAsync()
    {
        await using var network = await LocalDht.StartAsync(4);
        await using var listener = await network.Node.ListenAsync();
        PeerLines.Emit("ready", new() { ["publicKey"] = listener.PublicKey.ToString(), ["port"] = network.BootstrapPort });
        await foreach (var connection in listener.AcceptAllAsync()) _ = CloseAfterPeerAsync(connection);
    }

    private static async Task CloseAfterPeerAsync(IPeerConnection connection)
    {
        await connection.Closed;
        await connection.DisposeAsync();
    }

    private static async Task DialAsync(int port, PublicKey publicKey)
    {
        await using var container = LocalDht.CreateNode(port);
        var node = container.GetRequiredService<IDhtNode>();
        await node.WhenBootstrappedAsync();
        var times = new List<double>();
        for (int i = -Warmup; i < Dials; i++)
        {
            long started = Stopwatch.GetTimestamp();
            var connection = await node.ConnectAsync(publicKey);
            if (i >= 0) times.Add(Stopwatch.GetElapsedTime(started).TotalMilliseconds);
            Abort(connection);
        }
        times.Sort();
        long began = Stopwatch.GetTimestamp();
        int left = Connections;
        await Task.WhenAll(Enumerable.Range(0, DialsAtOnce).Select(async _ =>
        {
            while (Interlocked.Decrement(ref left) >= 0) Abort(await node.ConnectAsync(publicKey));
        }));
        double perSecond = Connections / Stopwatch.GetElapsedTime(began).TotalSeconds;
        PeerLines.Emit("done", new() { ["p50"] = times[Dials / 2], ["p95"] = times[Dials * 95 / 100], ["perSecond"] = perSecond });
    }

    private static void Abort(IPeerConnection connection)
    {
        connection.Abort();
        _ = connection.DisposeAsync().AsTask();
    }

    private static async Task<double> MedianAsync(Func<Task> operation)
    {
        for (int i = 0; i < Warmup; i++) await operation();
        var times = new double[Times];
        for (int i = 0; i < Times; i++)
        {
            long started = Stopwatch.GetTimestamp();
            await operation();
            times[i] = Stopwatch.GetElapsedTime(started).TotalMilliseconds;
        }
        Array.Sort(times);
        return times[Times / 2];
    }

    private static async Task<long> MemoryAsync()
    {
        await Task.Delay(TimeSpan.FromSeconds(3));
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        using var self = Process.GetCurrentProcess();
        return self.WorkingSet64;
    }
}
