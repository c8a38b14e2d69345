using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Text;

namespace PeopleSwarm.Cli.Commands;

/// <summary><c>demo</c>: the main job on this machine alone, a DHT and two swarms that meet on a topic.</summary>
internal static class DemoCommand
{
    private const int Nodes = 3;
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(20);

    public static Command Create()
    {
        var verbose = SharedOptions.Verbose();
        var command = new Command("demo", "Runs a DHT and two swarms on this machine alone; they meet on a topic and talk.") { verbose };
        command.SetAction(async (parsed, cancellation) =>
        {
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
            limit.CancelAfter(s_limit);
            try
            {
                await RunAsync(parsed.GetValue(verbose), limit.Token);
                return CommandLine.Success;
            }
            catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
            {
                throw new TroubleException($"The two swarms did not get through within {s_limit.TotalSeconds} s.",
                    "Run it again with --verbose, and check that a firewall lets UDP through on 127.0.0.1.");
            }
        });
        return command;
    }

    private static async Task RunAsync(bool verbose, CancellationToken cancellation)
    {
        long started = Stopwatch.GetTimestamp();
        var topic = new Topic(Repeat(0x07));

        Step(started, $"A DHT of {Nodes} nodes on this machine");
        await using var first = Layers.CreateBootstrapNode(IPAddress.Loopback, port: 0, verbose);
        await first.Dht.StartAsync(cancellation);
        var bootstrap = first.Dht.Status.LocalEndPoint.ToString();
        Line("bootstrap node", bootstrap);
        await using var others = await StartNodesAsync(bootstrap, verbose, cancellation);

        Step(started, "Two swarms, each with a key pair made from its seed");
        await using var alice = await EnterAsync("alice", 0x04, bootstrap, verbose, cancellation);
        await using var bob = await EnterAsync("bob", 0x05, bootstrap, verbose, cancellation);

        Step(started, $"Both join topic {topic}");
        await alice.Swarm.Join(topic).FlushedAsync(cancellation);
        Line("alice", "announced");
        await bob.Swarm.Join(topic).FlushedAsync(cancellation);
        Line("bob", "announced");

        var connections = await Task.WhenAll(FirstConnectionAsync(alice.Swarm, cancellation), FirstConnectionAsync(bob.Swarm, cancellation));
        Step(started, "They found each other");
        Describe("alice", connections[0]);
        Describe("bob", connections[1]);
        if (!connections[0].HandshakeHash.Span.SequenceEqual(connections[1].HandshakeHash.Span))
            throw new TroubleException("The two sides ended the handshake with different hashes.");
        Line("", "Both handshake hashes are equal: nobody stands between the two.");

        Step(started, "A line of text in each direction");
        await Task.WhenAll(
            SayAsync(connections[0], "hello bob, this is alice", cancellation),
            SayAsync(connections[1], "hello alice, this is bob", cancellation));
        string[] heard = await Task.WhenAll(HearAsync(connections[0], cancellation), HearAsync(connections[1], cancellation));
        Line("alice heard", heard[0]);
        Line("bob heard", heard[1]);

        Step(started, "Everybody leaves");
        await Task.WhenAll(alice.DisposeAsync().AsTask(), bob.DisposeAsync().AsTask());
        Line("", "Done.");
    }

    private static async Task<AsyncGroup> StartNodesAsync(string bootstrap, bool verbose, CancellationToken cancellation)
    {
        var settings = new NodeSettings([bootstrap], IPAddress.Loopback, Persistent: true, verbose);
        var nodes = Enumerable.Range(1, Nodes - 1).Select(_ => Layers.CreateNode(settings, port: 0)).ToArray();
        var group = new AsyncGroup(nodes);
        await Task.WhenAll(nodes.Select(n => n.Dht.WhenBootstrappedAsync(cancellation)));
        foreach (var node in nodes) Line("node", node.Dht.Status.LocalEndPoint.ToString());
        return group;
    }

    private static async Task<Layers> EnterAsync(string name, byte seed, string bootstrap, bool verbose, CancellationToken cancellation)
    {
        var layers = await Layers.EnterAsync(new(KeyPair.FromSeed(Repeat(seed)), [bootstrap], verbose, IPAddress.Loopback), cancellation);
        Line(name, $"publicKey {layers.Swarm.KeyPair.PublicKey}");
        Line("", $"secretKey {Convert.ToHexStringLower(layers.Swarm.KeyPair.SecretKey)}");
        return layers;
    }

    private static async Task<ISwarmConnection> FirstConnectionAsync(IPeerSwarm swarm, CancellationToken cancellation) =>
        await swarm.AcceptAllAsync(cancellation).FirstAsync(cancellation);

    private static async Task SayAsync(ISwarmConnection connection, string text, CancellationToken cancellation) =>
        await connection.Output.WriteAsync(Encoding.UTF8.GetBytes(text + "\n"), cancellation);

    private static async Task<string> HearAsync(ISwarmConnection connection, CancellationToken cancellation) =>
        Encoding.UTF8.GetString(await Lines.ReadAsync(connection.Input, Timeout.InfiniteTimeSpan, cancellation).FirstAsync(cancellation));

    private static void Describe(string name, ISwarmConnection connection)
    {
        var peer = connection.Peer;
        Line(name, $"remote key      {connection.RemotePublicKey}");
        Line("", $"own key         {connection.LocalPublicKey}");
        Line("", $"handshake hash  {Convert.ToHexStringLower(connection.HandshakeHash.Span)}");
        Line("", $"path            {(connection.IsInitiator ? "we dialled" : "the peer dialled")}, {connection.RemoteEndPoint}");
        string topics = peer.Topics.Count == 0 ? "no topic (it found us)" : "topic " + string.Join(", ", peer.Topics);
        Line("", $"peer info       {topics}; priority {peer.Priority}; attempts {peer.Attempts}");
    }

    private static void Step(long started, string text) => Console.Out.WriteLine(
        string.Create(CultureInfo.InvariantCulture, $"\n[{Stopwatch.GetElapsedTime(started).TotalSeconds:0.00} s] {text}"));

    private static void Line(string label, string text) => Console.Out.WriteLine($"  {label,-15}{text}");

    private static byte[] Repeat(byte value)
    {
        var bytes = new byte[32];
        bytes.AsSpan().Fill(value);
        return bytes;
    }

    private sealed class AsyncGroup(IReadOnlyList<IAsyncDisposable> members) : IAsyncDisposable
    {
        public async ValueTask DisposeAsync() => await Task.WhenAll(members.Select(m => m.DisposeAsync().AsTask()));
    }
}
