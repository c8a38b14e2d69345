using System.Text.Json;

namespace PeopleSwarm.Interop.Dht;

/// <summary>The RPC layer with npm dht-rpc nodes.</summary>
public class RpcTests
{
    private static readonly NodeId s_target = NodeId.Parse(new string('5', 64));

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Our_node_joins_npm_nodes_becomes_persistent_and_enters_their_tables()
    {
        await using var network = new RpcNetwork();
        var (bootstrapper, _) = await network.AddNpmAsync();
        var (second, _) = await network.AddNpmAsync();
        var (third, _) = await network.AddNpmAsync();
        var (node, _) = await network.AddOursAsync();
        Assert.NotNull(node.Status.Id);
        Assert.Equal(node.Status.LocalEndPoint, node.Status.PublicEndPoint);
        Assert.Equal(3, node.Status.KnownNodes);
        int port = node.Status.LocalEndPoint.Port;
        foreach (var peer in new[] { bootstrapper, second, third }) await RpcNetwork.WaitForStateAsync(peer, state => Ports(state).Contains(port));
    }

    [Fact]
    public async Task An_npm_node_joins_ours_alone_becomes_persistent_and_enters_our_tables()
    {
        await using var network = new RpcNetwork();
        var nodes = new List<IDhtNode>();
        for (int i = 0; i < 4; i++) nodes.Add((await network.AddOursAsync()).Node);
        var (peer, ready) = await network.AddNpmAsync();
        Assert.False(ready.GetProperty("ephemeral").GetBoolean());
        Assert.False(ready.GetProperty("firewalled").GetBoolean());
        Assert.Equal(nodes.Select(n => (int)n.Status.LocalEndPoint.Port).Order(), Ports(ready).Order());
        var id = NodeId.Parse(ready.GetProperty("id").GetString()!);
        foreach (var node in nodes)
        {
            await using var query = node.Query(new(CommittedValues.Command, id));
            var result = await query.FinishAsync(Cancel);
            Assert.Equal(UdpEndPoint.Loopback((ushort)ready.GetProperty("port").GetInt32()), result.ClosestNodes[0]);
        }
    }

    [Fact]
    public async Task An_adaptive_node_of_ours_finds_its_firewall_open_in_a_mixed_network()
    {
        await using var network = new RpcNetwork();
        await network.AddNpmAsync();
        await network.AddOursAsync();
        await network.AddNpmAsync();
        await network.AddOursAsync();
        var (ours, _) = await network.AddOursAsync(EphemeralMode.Adaptive);
        for (int i = 0; ours.Status.IsFirewalled && i < 1000; i++) await Task.Delay(20, Cancel); // the answer may come after the walk
        Assert.True(ours.Status is { IsEphemeral: true, IsFirewalled: false });
        Assert.Equal(ours.Status.LocalEndPoint, ours.Status.PublicEndPoint);
    }

    [Fact]
    public async Task An_adaptive_npm_node_finds_its_firewall_open_by_asking_ours_alone()
    {
        await using var network = new RpcNetwork();
        for (int i = 0; i < 6; i++) await network.AddOursAsync();
        var (peer, _) = await network.AddNpmAsync(ephemeral: null);
        peer.Send(new { command = "probe" });
        var probed = await peer.ReadAsync("probe");
        Assert.False(probed.GetProperty("firewalled").GetBoolean()); // three of the five newest must have answered on the server socket
        Assert.True(probed.GetProperty("ephemeral").GetBoolean());
    }

    [Theory, InlineData(0), InlineData(5), InlineData(1800)]
    public async Task What_an_npm_node_commits_to_ours_ours_give_back(int length)
    {
        await using var network = new RpcNetwork();
        var ours = new List<CommittedValues>();
        for (int i = 0; i < 3; i++) ours.Add((await network.AddOursAsync()).Values);
        var (peer, _) = await network.AddNpmAsync();
        var value = Enumerable.Range(0, length).Select(i => (byte)i).ToArray();
        peer.Send(new { command = "query", target = s_target.ToString(), value = Convert.ToHexString(value), commit = true });
        var made = await peer.ReadAsync("query");
        Assert.Equal(3, made.GetProperty("successes").GetInt32());
        Assert.All(ours, values => Assert.Equal(value, Assert.Single(values.Values)));
        peer.Send(new { command = "query", target = s_target.ToString(), value = "", commit = false });
        var read = await peer.ReadAsync("query");
        var replies = read.GetProperty("replies").EnumerateArray().ToArray();
        Assert.Equal(3, replies.Length);
        Assert.All(replies, reply => Assert.Equal(Convert.ToHexStringLower(value), reply.GetProperty("value").GetString()));
    }

    [Theory, InlineData(0), InlineData(5), InlineData(1800)]
    public async Task What_our_node_commits_to_npm_nodes_they_give_back(int length)
    {
        await using var network = new RpcNetwork();
        var peers = new[] { (await network.AddNpmAsync()).Peer, (await network.AddNpmAsync()).Peer, (await network.AddNpmAsync()).Peer };
        var (node, _) = await network.AddOursAsync();
        var value = Enumerable.Range(0, length).Select(i => (byte)i).ToArray();
        await using var write = node.Query(new(CommittedValues.Command, s_target), new()
        {
            Commit = reply => new(CommittedValues.Command, s_target, value, reply.Token),
        });
        var written = await write.FinishAsync(Cancel);
        Assert.Equal(3, written.Committed);
        foreach (var peer in peers)
        {
            var state = await RpcNetwork.WaitForStateAsync(peer, s => s.GetProperty("stored").GetArrayLength() == 1);
            Assert.Equal(Convert.ToHexStringLower(value), state.GetProperty("stored")[0].GetString());
        }
        await using var read = node.Query(new(CommittedValues.Command, s_target));
        var answers = new List<DhtResponse>();
        await foreach (var answer in read) answers.Add(answer);
        Assert.Equal(3, answers.Count);
        Assert.All(answers, answer => Assert.Equal(value, answer.Value!.Value.ToArray()));
        Assert.All(answers, answer => Assert.Equal(32, answer.Token!.Value.Length));
    }

    [Fact]
    public async Task An_npm_node_with_a_bad_token_gets_a_fresh_one_in_one_round_trip_and_it_works()
    {
        await using var network = new RpcNetwork();
        var (node, values) = await network.AddOursAsync();
        var (peer, _) = await network.AddNpmAsync();
        int port = node.Status.LocalEndPoint.Port;
        peer.Send(new { command = "request", port, token = new string('9', 64), value = "01" });
        var refused = await peer.ReadAsync("response");
        Assert.Equal(2, refused.GetProperty("error").GetInt32());
        Assert.True(refused.GetProperty("rtt").GetInt32() < 900);
        peer.Send(new { command = "request", port, token = refused.GetProperty("token").GetString(), value = "02" });
        Assert.Equal(0, (await peer.ReadAsync("response")).GetProperty("error").GetInt32());
        Assert.Equal([2], Assert.Single(values.Values));
    }

    private static IEnumerable<int> Ports(JsonElement state) => state.GetProperty("nodes").EnumerateArray().Select(port => port.GetInt32());
}
