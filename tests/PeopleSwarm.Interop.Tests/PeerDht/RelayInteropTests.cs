using System.Text.Json;
using PeopleSwarm.Interop.Harness;

namespace PeopleSwarm.Interop.PeerDht;

/// <summary>Ours and npm peers through an npm relay and through one of ours, whichever side names it.</summary>
public class RelayInteropTests
{
    private const int ServerSeed = 2, ClientSeed = 1, RelaySeed = 9, Length = 200_000;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(true, true), InlineData(true, false), InlineData(false, true), InlineData(false, false)]
    public async Task An_npm_client_reaches_our_server_through_a_relay(bool isRelayOurs, bool isClientsChoice)
    {
        await using var testnet = await NpmTestnet.StartAsync(5);
        await using var ours = new OurNodes();
        await using var relay = await Relay.StartAsync(testnet, ours, isRelayOurs);
        var node = await AddWithoutPunchingAsync(ours, testnet);
        await using var listener = await node.ListenAsync(OurNodes.Key(ServerSeed),
            new() { ShareLocalAddress = false, ChooseRelay = () => isClientsChoice ? null : relay.PublicKey }, Cancel);
        await using var client = await StartNpmAsync(testnet);
        client.Send(new
        {
            command = "connect", publicKey = OurNodes.Key(ServerSeed).PublicKey.ToString(), seed = ClientSeed, length = Length, localConnection = false,
            holepunch = false, relayThrough = isClientsChoice ? relay.PublicKey.ToString() : "",
        });
        var connection = await listener.AcceptAsync(Cancel);
        Assert.Equal(PeerPath.Relayed, connection.Path);
        await connection.Input.CopyToAsync(connection.Output, Cancel);
        await connection.Output.CompleteAsync();
        var echoed = await client.ReadAsync("echoed");
        Assert.Equal(TestBytes.Sha256(TestBytes.Create(ClientSeed, Length)), echoed.GetProperty("sha256").GetString());
        Assert.Equal(PeerPath.Relayed, connection.Path);
        await connection.DisposeAsync();
    }

    [Theory]
    [InlineData(true, true), InlineData(true, false), InlineData(false, true), InlineData(false, false)]
    public async Task We_reach_an_npm_server_through_a_relay(bool isRelayOurs, bool isClientsChoice)
    {
        await using var testnet = await NpmTestnet.StartAsync(5);
        await using var ours = new OurNodes();
        await using var relay = await Relay.StartAsync(testnet, ours, isRelayOurs);
        await using var server = await StartNpmAsync(testnet);
        server.Send(new { command = "listen", seed = ServerSeed, holepunch = false, relayThrough = isClientsChoice ? "" : relay.PublicKey.ToString() });
        await server.ReadAsync("listening");
        var node = await ours.AddGuestAsync(testnet.Bootstrap);
        await using var connection = await node.ConnectAsync(OurNodes.Key(ServerSeed).PublicKey,
            new() { KeyPair = OurNodes.Key(ClientSeed), LocalConnection = false, RelayThrough = isClientsChoice ? relay.PublicKey : null }, Cancel);
        Assert.Equal(PeerPath.Relayed, connection.Path);
        var data = TestBytes.Create(7, Length);
        Assert.Equal(TestBytes.Sha256(data), TestBytes.Sha256(await OurNodes.ExchangeAsync(connection, data, Cancel)));
    }

    [Theory, InlineData(true), InlineData(false)]
    public async Task Two_of_ours_meet_through_an_npm_relay(bool isClientsChoice)
    {
        await using var testnet = await NpmTestnet.StartAsync(5);
        await using var ours = new OurNodes();
        await using var relay = await Relay.StartAsync(testnet, ours, isOurs: false);
        var server = await AddWithoutPunchingAsync(ours, testnet);
        await using var listener = await server.ListenAsync(OurNodes.Key(ServerSeed),
            new() { ShareLocalAddress = false, ChooseRelay = () => isClientsChoice ? null : relay.PublicKey }, Cancel);
        _ = OurNodes.EchoAsync(listener, Cancel);
        var client = await AddWithoutPunchingAsync(ours, testnet);
        await using var connection = await client.ConnectAsync(OurNodes.Key(ServerSeed).PublicKey,
            new() { LocalConnection = false, RelayThrough = isClientsChoice ? relay.PublicKey : null }, Cancel);
        Assert.Equal(PeerPath.Relayed, connection.Path);
        var data = TestBytes.Create(7, Length);
        Assert.Equal(TestBytes.Sha256(data), TestBytes.Sha256(await OurNodes.ExchangeAsync(connection, data, Cancel)));
    }

    /// <summary>The npm peer is behind what looks like a firewall and punches as soon as it can: the stream moves, on both sides.</summary>
    [Theory, InlineData(true), InlineData(false)]
    public async Task A_relayed_connection_with_an_npm_peer_moves_to_the_direct_path(bool isNpmTheServer)
    {
        await using var testnet = await NpmTestnet.StartAsync(5);
        await using var ours = new OurNodes();
        await using var relay = await Relay.StartAsync(testnet, ours, isOurs: true);
        await using var npm = await StartNpmAsync(testnet);
        var node = await ours.AddGuestAsync(testnet.Bootstrap);
        IPeerConnection connection;
        if (isNpmTheServer)
        {
            npm.Send(new { command = "listen", seed = ServerSeed, relayThrough = relay.PublicKey.ToString() });
            await npm.ReadAsync("listening");
            connection = await node.ConnectAsync(OurNodes.Key(ServerSeed).PublicKey, new() { LocalConnection = false }, Cancel);
        }
        else
        {
            var listener = await node.ListenAsync(OurNodes.Key(ServerSeed), new() { ShareLocalAddress = false }, Cancel);
            npm.Send(new
            {
                command = "connect", publicKey = OurNodes.Key(ServerSeed).PublicKey.ToString(), seed = ClientSeed, length = Length, localConnection = false,
                relayThrough = relay.PublicKey.ToString(),
            });
            connection = await listener.AcceptAsync(Cancel);
        }
        await using var owned = connection;
        var data = TestBytes.Create(isNpmTheServer ? 7 : ClientSeed, Length);
        string hash;
        if (isNpmTheServer)
        {
            hash = TestBytes.Sha256(await OurNodes.ExchangeAsync(connection, data, Cancel));
        }
        else
        {
            await connection.Input.CopyToAsync(connection.Output, Cancel);
            await connection.Output.CompleteAsync();
            hash = (await npm.ReadAsync("echoed")).GetProperty("sha256").GetString()!;
        }
        Assert.Equal(TestBytes.Sha256(data), hash);
        Assert.Equal(PeerPath.Punched, connection.Path);
        for (int i = 0; i < 1000 && relay.Statistics!.Pairs != 0; i++) await Task.Delay(50, Cancel);
        Assert.Equal(0, relay.Statistics!.Pairs);
    }

    private static async Task<NodePeer> StartNpmAsync(NpmTestnet testnet) =>
        (await NodePeer.StartReadyAsync("hyperdht/node.js", new { bootstrap = testnet.Bootstrap.Select(b => b.ToString()), quickFirewall = false })).Peer;

    private static Task<IDhtNode> AddWithoutPunchingAsync(OurNodes ours, NpmTestnet testnet) =>
        ours.AddAsync(o => (o.Ephemeral, o.QuickFirewall) = (EphemeralMode.Always, false), testnet.Bootstrap, o => o.MaxPunchSockets = 0);

    /// <summary>A relay of either kind.</summary>
    private sealed class Relay : IAsyncDisposable
    {
        private NodePeer? _npm;
        private IPeerRelay? _ours;

        public PublicKey PublicKey { get; } = OurNodes.Key(RelaySeed).PublicKey;

        public RelayStatistics? Statistics => _ours?.Statistics;

        public static async Task<Relay> StartAsync(NpmTestnet testnet, OurNodes nodes, bool isOurs)
        {
            var relay = new Relay();
            if (isOurs)
            {
                var node = await nodes.AddAsync(o => o.Ephemeral = EphemeralMode.Never, testnet.Bootstrap);
                relay._ours = await node.RelayAsync(OurNodes.Key(RelaySeed), cancellationToken: Cancel);
                return relay;
            }
            (relay._npm, _) = await NodePeer.StartReadyAsync("hyperdht/node.js", new { bootstrap = testnet.Bootstrap.Select(b => b.ToString()), ephemeral = false });
            relay._npm.Send(new { command = "relay", seed = RelaySeed });
            JsonElement relaying = await relay._npm.ReadAsync("relaying");
            Assert.Equal(relay.PublicKey.ToString(), relaying.GetProperty("publicKey").GetString());
            return relay;
        }

        public async ValueTask DisposeAsync()
        {
            if (_ours is not null) await _ours.DisposeAsync();
            if (_npm is not null) await _npm.DisposeAsync();
        }
    }
}
