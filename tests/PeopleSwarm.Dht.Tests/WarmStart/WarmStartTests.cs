using PeopleSwarm.Dht.Node;
using PeopleSwarm.Dht.Rpc;
using PeopleSwarm.Dht.TestKit;

namespace PeopleSwarm.Dht.WarmStart;

public sealed class WarmStartTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("peopleswarm-").FullName;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private string StatePath => Path.Combine(_directory, "sub", "dht.state");

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public async Task A_node_finds_its_network_and_its_peers_although_the_bootstrap_node_is_gone()
    {
        await using var nodes = await LoopbackNodes.StartAsync(6, Cancel);
        await using var listener = await nodes.Nodes[1].ListenAsync(PeerKit.Key(2), cancellationToken: Cancel);
        string bootstrap = nodes.Nodes[0].Status.LocalEndPoint.ToString();
        await RunAsync(bootstrap, ConnectAsync);
        Assert.Equal([StatePath], Directory.GetFiles(Path.GetDirectoryName(StatePath)!));
        Assert.Contains($"peer {PeerKit.Key(2).PublicKey} ", await File.ReadAllTextAsync(StatePath, Cancel), StringComparison.Ordinal);

        await nodes.Nodes[0].DisposeAsync();
        await RunAsync(bootstrap, async guest =>
        {
            Assert.InRange(guest.Status.KnownNodes, 4, 5);
            await ConnectAsync(guest);
        });
    }

    [Fact]
    public async Task A_file_of_other_bootstrap_nodes_is_not_used()
    {
        await using var nodes = await LoopbackNodes.StartAsync(3, Cancel);
        await RunAsync(nodes.Nodes[0].Status.LocalEndPoint.ToString(), _ => Task.CompletedTask);
        Assert.True(File.Exists(StatePath));
        await RunAsync($"127.0.0.1:{FreePort.Find()}", guest =>
        {
            Assert.Equal(0, guest.Status.KnownNodes);
            Assert.StartsWith("peopleswarm-dht 1\nnetwork", File.ReadAllText(StatePath), StringComparison.Ordinal); // who learned nothing writes nothing
            return Task.CompletedTask;
        });
    }

    [Theory, InlineData("peopleswarm-dht 1\nnode"), InlineData(""), InlineData(null)]
    public async Task A_damaged_file_or_one_that_cannot_be_read_hinders_nobody(string? content)
    {
        await using var nodes = await LoopbackNodes.StartAsync(3, Cancel);
        Directory.CreateDirectory(content is null ? StatePath : Path.GetDirectoryName(StatePath)!);
        if (content is not null) await File.WriteAllTextAsync(StatePath, content, Cancel);
        await RunAsync(nodes.Nodes[0].Status.LocalEndPoint.ToString(), guest =>
        {
            Assert.True(guest.Status.KnownNodes >= 2);
            return Task.CompletedTask;
        });
        if (content is not null) Assert.True(NodeState.TryParse(await File.ReadAllTextAsync(StatePath, Cancel), out _));
    }

    [Theory, InlineData(1), InlineData(2)]
    public void A_memory_of_nothing_but_dead_nodes_costs_seconds(int seed)
    {
        var network = RpcNetwork.Grow(seed, 8);
        var node = network.AddNode(start: false);
        node.Machine.Remember(network.Network.Now, [.. Enumerable.Range(1, 200).Select(i => new UdpEndPoint((uint)(9 << 24 | i << 8), 1))]);
        Assert.True(node.Machine.Table.Count > 20);
        node.Machine.Start(network.Network.Now);
        network.Network.Expect(() => network.Nodes.Count(n => node.Machine.Table.Find(n.ExpectedId) is not null) >= 6, TimeSpan.FromSeconds(15));
    }

    private static async Task ConnectAsync(DhtNode guest) => (await guest.ConnectAsync(PeerKit.Key(2).PublicKey, cancellationToken: Cancel)).Abort();

    private async Task RunAsync(string bootstrap, Func<DhtNode, Task> work)
    {
        await using var alone = new LoopbackNodes();
        var node = alone.Add(o => (o.Bootstrap, o.StateFile, o.Ephemeral) = ([bootstrap], StatePath, EphemeralMode.Always));
        await node.WhenBootstrappedAsync(Cancel);
        await work(node);
    }
}
