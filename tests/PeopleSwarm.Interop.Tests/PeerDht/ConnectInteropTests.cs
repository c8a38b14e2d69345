using System.Diagnostics;
using PeopleSwarm.Interop.Harness;

namespace PeopleSwarm.Interop.PeerDht;

/// <summary>Connections across implementations, through nodes of one implementation alone.</summary>
public class ConnectInteropTests
{
    private const int ServerSeed = 2, ClientSeed = 1, Length = 200_000;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory, InlineData("hyperdht"), InlineData("hyperdht-6-32")]
    public async Task U4_an_npm_client_reaches_an_npm_server_through_our_nodes_only(string package)
    {
        await using var ours = await OurNodes.StartAsync(4);
        await using var server = await StartNpmAsync(ours.Addresses[..1], package);
        await using var client = await StartNpmAsync(ours.Addresses[..1], package);
        var listening = await ListenAsync(server);
        Assert.All(listening.GetProperty("relays").EnumerateArray(), r => Assert.Contains(r.GetString(), ours.Addresses));
        await ExchangeAsync(client);
        Assert.Equal(Key(ClientSeed), (await server.ReadAsync("connection")).GetProperty("remote").GetString());
    }

    [Fact]
    public async Task U5_a_handshake_passes_two_of_our_nodes_in_a_row()
    {
        await using var ours = await OurNodes.StartAsync(4);
        await using var server = await StartNpmAsync(ours.Addresses[..1]);
        await using var client = await StartNpmAsync(ours.Addresses[..1]);
        var listening = await ListenAsync(server);
        string second = listening.GetProperty("relays")[0].GetString()!;
        string first = ours.Addresses.First(a => a != second);
        client.Send(new { command = "secondRelay", publicKey = Key(ServerSeed), seed = ClientSeed, first, second });
        var reply = await client.ReadAsync("secondRelay");
        Assert.Equal((1, 0, true), (reply.GetProperty("version").GetInt32(), reply.GetProperty("error").GetInt32(), reply.GetProperty("relayed").GetBoolean()));
    }

    [Theory, InlineData(true), InlineData(false)]
    public async Task U6_an_npm_client_reaches_our_server_through_npm_nodes_only(bool isGuest)
    {
        await using var testnet = await NpmTestnet.StartAsync(4);
        await using var ours = new OurNodes();
        var node = isGuest ? await ours.AddGuestAsync(testnet.Bootstrap) : await ours.AddAsync(o => o.Ephemeral = EphemeralMode.Never, testnet.Bootstrap);
        await using var listener = await node.ListenAsync(OurNodes.Key(ServerSeed), cancellationToken: Cancel);
        var echo = OurNodes.EchoAsync(listener, Cancel);
        Assert.NotEmpty(listener.RelayAddresses);
        await using var client = await StartNpmAsync(Texts(testnet.Bootstrap));
        await ExchangeAsync(client);
        await listener.DisposeAsync();
        await echo;
    }

    [Theory, InlineData(true), InlineData(false)]
    public async Task U6_we_reach_an_npm_server_through_npm_nodes_only(bool isGuest)
    {
        await using var testnet = await NpmTestnet.StartAsync(4);
        await using var ours = new OurNodes();
        var node = isGuest ? await ours.AddGuestAsync(testnet.Bootstrap) : await ours.AddAsync(o => o.Ephemeral = EphemeralMode.Never, testnet.Bootstrap);
        await using var server = await StartNpmAsync(Texts(testnet.Bootstrap));
        await ListenAsync(server);
        await using var connection = await node.ConnectAsync(OurNodes.Key(ServerSeed).PublicKey, new() { KeyPair = OurNodes.Key(ClientSeed) }, Cancel);
        var accepted = await server.ReadAsync("connection");
        Assert.Equal(Key(ClientSeed), accepted.GetProperty("remote").GetString());
        Assert.Equal(Convert.ToHexStringLower(connection.HandshakeHash.Span), accepted.GetProperty("handshakeHash").GetString());
        var data = TestBytes.Create(7, Length);
        Assert.Equal(TestBytes.Sha256(data), TestBytes.Sha256(await OurNodes.ExchangeAsync(connection, data, Cancel)));
    }

    [Theory, InlineData(true, true), InlineData(true, false), InlineData(false, true), InlineData(false, false)]
    public async Task Both_ways_through_our_nodes_only(bool npmListens, bool isGuest)
    {
        await using var ours = await OurNodes.StartAsync(4);
        var node = isGuest ? await ours.AddGuestAsync() : ours[3];
        await using var npm = await StartNpmAsync(ours.Addresses[..1]);
        if (npmListens)
        {
            await ListenAsync(npm);
            await using var connection = await node.ConnectAsync(OurNodes.Key(ServerSeed).PublicKey, new() { KeyPair = OurNodes.Key(ClientSeed) }, Cancel);
            Assert.Equal(isGuest ? PeerPath.Lan : PeerPath.Direct, connection.Path);
            var data = TestBytes.Create(7, Length);
            Assert.Equal(TestBytes.Sha256(data), TestBytes.Sha256(await OurNodes.ExchangeAsync(connection, data, Cancel)));
        }
        else
        {
            await using var listener = await node.ListenAsync(OurNodes.Key(ServerSeed), cancellationToken: Cancel);
            var echo = OurNodes.EchoAsync(listener, Cancel);
            await ExchangeAsync(npm);
            await listener.DisposeAsync();
            await echo;
        }
    }

    [Fact]
    public async Task An_npm_server_that_is_a_full_member_is_dialled_directly()
    {
        await using var ours = await OurNodes.StartAsync(3);
        var guest = await ours.AddGuestAsync();
        var (npm, ready) = await NodePeer.StartReadyAsync("hyperdht/node.js", new { bootstrap = ours.Addresses[..1], ephemeral = false });
        await using var server = npm;
        Assert.False(ready.GetProperty("firewalled").GetBoolean()); // U8: our nodes showed it that it is reachable
        Assert.False(ready.GetProperty("ephemeral").GetBoolean());
        await ListenAsync(server);
        await using var connection = await guest.ConnectAsync(OurNodes.Key(ServerSeed).PublicKey, cancellationToken: Cancel);
        Assert.Equal(PeerPath.Direct, connection.Path);
        Assert.Equal(ready.GetProperty("server").GetString(), connection.RemoteEndPoint.ToString());
        await using var direct = await guest.ConnectAsync(OurNodes.Key(ServerSeed).PublicKey, new() { RelayAddresses = [UdpEndPoint.Parse(ready.GetProperty("server").GetString()!)] }, Cancel);
        var data = TestBytes.Create(8, 1000);
        Assert.Equal(data, await OurNodes.ExchangeAsync(direct, data, Cancel));
    }

    [Fact]
    public async Task U7_our_full_members_are_in_npm_tables_and_among_its_closer_nodes()
    {
        await using var testnet = await NpmTestnet.StartAsync(3);
        await using var ours = new OurNodes();
        var node = await ours.AddAsync(o => o.Ephemeral = EphemeralMode.Never, testnet.Bootstrap);
        Assert.False(node.Status.IsEphemeral);
        await using var npm = await StartNpmAsync(Texts(testnet.Bootstrap));
        npm.Send(new { command = "findPeer", publicKey = Key(9) });
        await npm.ReadAsync("findPeer");
        npm.Send(new { command = "info" });
        var info = await npm.ReadAsync("info");
        Assert.Contains(node.Status.LocalEndPoint.ToString(), info.GetProperty("nodes").EnumerateArray().Select(e => e.GetString()));
    }

    [Fact]
    public async Task U9_bootstrapped_by_npm_alone_we_store_and_forward_for_npm()
    {
        await using var testnet = await NpmTestnet.StartAsync(2); // the first npm node never stores
        await using var ours = new OurNodes();
        for (int i = 0; i < 3; i++) await ours.AddAsync(o => o.Ephemeral = EphemeralMode.Never, testnet.Bootstrap);
        Assert.All(ours.All, n => Assert.False(n.Status.IsEphemeral));
        await using var server = await StartNpmAsync(Texts(testnet.Bootstrap));
        await using var client = await StartNpmAsync(Texts(testnet.Bootstrap));
        var relays = (await ListenAsync(server)).GetProperty("relays").EnumerateArray().Select(r => r.GetString()!).ToArray();
        Assert.NotEmpty(relays.Intersect(ours.Addresses));
        await ExchangeAsync(client);
    }

    [Fact]
    public async Task U31_our_server_refuses_an_npm_client_by_silence()
    {
        await using var ours = await OurNodes.StartAsync(3);
        int asked = 0;
        await using var listener = await ours[1].ListenAsync(OurNodes.Key(ServerSeed), new()
        {
            Firewall = (remote, payload) =>
            {
                Interlocked.Increment(ref asked);
                Assert.Equal(Key(ClientSeed), remote.ToString());
                return ValueTask.FromResult(true);
            },
        }, Cancel);
        await using var client = await StartNpmAsync(ours.Addresses[..1]);
        client.Send(new { command = "connect", publicKey = Key(ServerSeed), seed = ClientSeed, length = 10 });
        var error = await client.ReadAsync("connectError");
        Assert.Equal("PEER_CONNECTION_FAILED", error.GetProperty("code").GetString());
        Assert.True(error.GetProperty("ms").GetInt32() >= 3500);
        Assert.Equal(1, asked);
    }

    [Fact]
    public async Task U31_refused_by_an_npm_server_we_fail_in_time_and_say_what_was_tried()
    {
        await using var ours = await OurNodes.StartAsync(3);
        await using var server = await StartNpmAsync(ours.Addresses[..1]);
        await ListenAsync(server, refuse: true);
        long started = Stopwatch.GetTimestamp();
        var error = await Assert.ThrowsAsync<PeerConnectException>(() => ours[1].ConnectAsync(OurNodes.Key(ServerSeed).PublicKey, cancellationToken: Cancel));
        Assert.Equal(PeerConnectError.PeerConnectionFailed, error.Error);
        Assert.NotEmpty(error.Attempts);
        Assert.True(Stopwatch.GetElapsedTime(started) < TimeSpan.FromSeconds(20));
        await server.ReadAsync("firewall");
        Assert.False(server.TryRead("firewall", out _)); // one session for all relays
    }

    [Fact]
    public async Task A_closed_npm_server_is_not_found_and_neither_is_a_closed_one_of_ours_by_npm()
    {
        await using var ours = await OurNodes.StartAsync(3);
        await using var npm = await StartNpmAsync(ours.Addresses[..1]);
        await ListenAsync(npm);
        npm.Send(new { command = "closeServer" });
        await npm.ReadAsync("serverClosed");
        var error = await Assert.ThrowsAsync<PeerConnectException>(() => ours[1].ConnectAsync(OurNodes.Key(ServerSeed).PublicKey, cancellationToken: Cancel));
        Assert.Equal(PeerConnectError.PeerNotFound, error.Error);

        var listener = await ours[1].ListenAsync(OurNodes.Key(4), cancellationToken: Cancel);
        await listener.DisposeAsync();
        npm.Send(new { command = "connect", publicKey = Key(4), seed = ClientSeed, length = 10 });
        Assert.Equal("PEER_NOT_FOUND", (await npm.ReadAsync("connectError")).GetProperty("code").GetString());
    }

    [Fact]
    public async Task Unordered_messages_pass_both_ways()
    {
        await using var ours = await OurNodes.StartAsync(3);
        await using var npm = await StartNpmAsync(ours.Addresses[..1]);
        await ListenAsync(npm);
        var echoed = new TaskCompletionSource<string>();
        await using var connection = await ours[1].ConnectAsync(OurNodes.Key(ServerSeed).PublicKey,
            new() { OnUnorderedMessage = message => echoed.TrySetResult(System.Text.Encoding.UTF8.GetString(message)) }, Cancel);
        await npm.ReadAsync("connection");
        for (int i = 0; i < 100 && !echoed.Task.IsCompleted; i++)
        {
            Assert.True(connection.Channel.TrySendUnordered("hello"u8));
            await Task.WhenAny(echoed.Task, Task.Delay(100, Cancel));
        }
        Assert.Equal("hello", await echoed.Task.WaitAsync(TimeSpan.FromMinutes(1), Cancel));
    }

    private static async Task<NodePeer> StartNpmAsync(string[] bootstrap, string package = "hyperdht") =>
        (await NodePeer.StartReadyAsync("hyperdht/node.js", new { bootstrap, package, ephemeral = true, quickFirewall = false })).Peer;

    private static async Task<System.Text.Json.JsonElement> ListenAsync(NodePeer npm, bool refuse = false)
    {
        npm.Send(new { command = "listen", seed = ServerSeed, refuse });
        return await npm.ReadAsync("listening");
    }

    private static async Task ExchangeAsync(NodePeer client)
    {
        client.Send(new { command = "connect", publicKey = Key(ServerSeed), seed = ClientSeed, length = Length });
        await client.ReadAsync("connected");
        var echoed = await client.ReadAsync("echoed");
        Assert.Equal(Length, echoed.GetProperty("length").GetInt32());
        Assert.Equal(TestBytes.Sha256(TestBytes.Create(ClientSeed, Length)), echoed.GetProperty("sha256").GetString());
    }

    private static string Key(int seed) => OurNodes.Key((byte)seed).PublicKey.ToString();

    private static string[] Texts(IReadOnlyList<UdpEndPoint> addresses) => [.. addresses.Select(a => a.ToString())];
}
