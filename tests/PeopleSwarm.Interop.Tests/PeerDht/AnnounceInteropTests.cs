using System.Text.Json;
using PeopleSwarm.Interop.Harness;

namespace PeopleSwarm.Interop.PeerDht;

/// <summary>Topics announced and looked up across implementations.</summary>
public class AnnounceInteropTests
{
    private const string Topic = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    private const int AnnouncerSeed = 1;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task U1_what_npm_announces_to_one_of_our_nodes_another_npm_peer_finds_there()
    {
        await using var ours = await OurNodes.StartAsync(3);
        await using var announcer = await StartAsync(ours.Addresses[..1]);
        await using var reader = await StartAsync(ours.Addresses[..1]);
        string node = ours.Addresses[1];
        announcer.Send(new { command = "announce", topic = Topic, seed = AnnouncerSeed, nodes = (string[])[node], relays = (string[])["5.0.0.1:11", "5.0.0.2:22"], bump = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds() });
        Assert.Equal([node], Texts((await announcer.ReadAsync("announced")).GetProperty("nodes")));
        var reply = Assert.Single(await LookupAsync(reader, node));
        var peer = Assert.Single(reply.GetProperty("peers").EnumerateArray());
        Assert.Equal(OurNodes.Key(AnnouncerSeed).PublicKey.ToString(), peer.GetProperty("publicKey").GetString());
        Assert.Equal(["5.0.0.1:11", "5.0.0.2:22"], Texts(peer.GetProperty("relays")));
        Assert.True(reply.GetProperty("bump").GetInt64() > 1_700_000_000_000);
        Assert.Empty(await LookupAsync(reader, ours.Addresses[2]));
    }

    [Fact]
    public async Task U2_U3_what_we_announce_with_five_relays_npm_finds_with_three_on_each_npm_node_alone()
    {
        await using var testnet = await NpmTestnet.StartAsync(4);
        await using var ours = new OurNodes();
        var node = await ours.AddAsync(bootstrap: testnet.Bootstrap);
        var relays = Enumerable.Range(1, 5).Select(i => new UdpEndPoint(0x05000000u + (uint)i, (ushort)i)).ToArray();
        await using var query = node.Announce(PeopleSwarm.Topic.Parse(Topic), OurNodes.Key(AnnouncerSeed), new() { RelayAddresses = relays });
        var result = await query.FinishAsync(Cancel);
        Assert.True(result.Committed >= 3, $"{result.Committed} nodes took it");
        await using var reader = await StartAsync([.. testnet.Bootstrap.Select(b => b.ToString())]);
        foreach (var storing in testnet.Nodes.Skip(1))
        {
            var reply = Assert.Single(await LookupAsync(reader, storing.ToString()));
            var peer = Assert.Single(reply.GetProperty("peers").EnumerateArray());
            Assert.Equal(relays[..3].Select(r => r.ToString()), Texts(peer.GetProperty("relays")));
        }
    }

    [Fact]
    public async Task We_look_up_and_withdraw_on_npm_nodes_what_npm_announced_and_the_reverse()
    {
        await using var testnet = await NpmTestnet.StartAsync(4);
        await using var ours = new OurNodes();
        var node = await ours.AddGuestAsync(testnet.Bootstrap);
        await using var npm = await StartAsync([.. testnet.Bootstrap.Select(b => b.ToString())]);
        var topic = PeopleSwarm.Topic.Parse(Topic);

        npm.Send(new { command = "announce", topic = Topic, seed = 1 });
        await npm.ReadAsync("announced");
        Assert.Equal([OurNodes.Key(1).PublicKey], await FindAsync(node, topic));
        await using (var withdraw = node.LookupAndUnannounce(topic, OurNodes.Key(1))) await withdraw.FinishAsync(Cancel);
        Assert.Empty(await LookupAsync(npm, null));

        await using (var announce = node.Announce(topic, OurNodes.Key(2))) await announce.FinishAsync(Cancel);
        npm.Send(new { command = "unannounce", topic = Topic, seed = 2 });
        await npm.ReadAsync("unannounced");
        Assert.Empty(await FindAsync(node, topic));
    }

    [Fact]
    public async Task U13_withdrawals_reach_our_nodes_too()
    {
        await using var ours = await OurNodes.StartAsync(4);
        await using var npm = await StartAsync(ours.Addresses[..1]);
        var topic = PeopleSwarm.Topic.Parse(Topic);

        npm.Send(new { command = "announce", topic = Topic, seed = 1 });
        Assert.True((await npm.ReadAsync("announced")).GetProperty("nodes").GetArrayLength() >= 3);
        Assert.Equal([OurNodes.Key(1).PublicKey], await FindAsync(ours[1], topic));
        npm.Send(new { command = "unannounce", topic = Topic, seed = 1 });
        await npm.ReadAsync("unannounced");
        Assert.Empty(await FindAsync(ours[1], topic));

        await using (var announce = ours[1].Announce(topic, OurNodes.Key(2), new() { Clear = true })) Assert.True((await announce.FinishAsync(Cancel)).Committed >= 3);
        Assert.NotEmpty(await LookupAsync(npm, null));
        await using (var withdraw = ours[2].LookupAndUnannounce(topic, OurNodes.Key(2))) await withdraw.FinishAsync(Cancel);
        Assert.Empty(await LookupAsync(npm, null));
    }

    [Fact]
    public async Task U10_an_ephemeral_node_of_ours_refuses_storage_commands_at_once()
    {
        await using var ours = await OurNodes.StartAsync(2);
        var guest = await ours.AddGuestAsync();
        await using var npm = await StartAsync(ours.Addresses[..1]);
        foreach (int number in (int[])[2, 3, 7, 9, 10])
        {
            var response = await RequestAsync(npm, guest.Status.LocalEndPoint, number);
            Assert.Equal(1, response.GetProperty("error").GetInt32());
            Assert.Equal(JsonValueKind.Null, response.GetProperty("token").ValueKind);
        }
    }

    private static async Task<JsonElement> RequestAsync(NodePeer npm, UdpEndPoint to, int number)
    {
        npm.Send(new Dictionary<string, object> { ["command"] = "request", ["number"] = number, ["to"] = to.ToString(), ["target"] = Topic });
        return await npm.ReadAsync("response");
    }

    private static async Task<NodePeer> StartAsync(string[] bootstrap) =>
        (await NodePeer.StartReadyAsync("hyperdht/node.js", new { bootstrap, ephemeral = true, quickFirewall = false })).Peer;

    private static async Task<JsonElement[]> LookupAsync(NodePeer npm, string? node)
    {
        npm.Send(new { command = "lookup", topic = Topic, nodes = node is null ? null : (string[])[node] });
        return [.. (await npm.ReadAsync("lookup")).GetProperty("replies").EnumerateArray()];
    }

    private static async Task<PublicKey[]> FindAsync(IDhtNode node, Topic topic)
    {
        var keys = new HashSet<PublicKey>();
        await using var query = node.Lookup(topic);
        await foreach (var reply in query.WithCancellation(Cancel))
            foreach (var peer in reply.Peers) keys.Add(peer.PublicKey);
        return [.. keys];
    }

    private static string[] Texts(JsonElement array) => [.. array.EnumerateArray().Select(e => e.GetString()!)];
}
