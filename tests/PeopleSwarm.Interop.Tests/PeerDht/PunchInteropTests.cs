using PeopleSwarm.Interop.Harness;

namespace PeopleSwarm.Interop.PeerDht;

/// <summary>Both sides behind what looks like a firewall, and no short cut by the local network: only punching is left.</summary>
public class PunchInteropTests
{
    private const int ServerSeed = 2, ClientSeed = 1, Length = 200_000;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory, InlineData(true), InlineData(false)]
    public async Task An_npm_client_punches_to_our_server(bool throughOurNodes)
    {
        await using var ours = throughOurNodes ? await OurNodes.StartAsync(5) : new OurNodes();
        await using var testnet = throughOurNodes ? null : await NpmTestnet.StartAsync(5);
        var bootstrap = testnet?.Bootstrap ?? [UdpEndPoint.Parse(ours.Addresses[0])];
        var node = await ours.AddGuestAsync(bootstrap);
        await using var listener = await node.ListenAsync(OurNodes.Key(ServerSeed), new() { ShareLocalAddress = false }, Cancel);
        var (client, _) = await NodePeer.StartReadyAsync("hyperdht/node.js", new { bootstrap = bootstrap.Select(b => b.ToString()), quickFirewall = false });
        await using var _ = client;
        client.Send(new { command = "connect", publicKey = OurNodes.Key(ServerSeed).PublicKey.ToString(), seed = ClientSeed, length = Length, localConnection = false });
        var connection = await listener.AcceptAsync(Cancel);
        Assert.Equal(PeerPath.Punched, connection.Path);
        await connection.Input.CopyToAsync(connection.Output, Cancel);
        await connection.Output.CompleteAsync();
        var echoed = await client.ReadAsync("echoed");
        Assert.Equal(TestBytes.Sha256(TestBytes.Create(ClientSeed, Length)), echoed.GetProperty("sha256").GetString());
        await connection.DisposeAsync();
    }

    [Theory, InlineData(true), InlineData(false)]
    public async Task We_punch_to_an_npm_server(bool throughOurNodes)
    {
        await using var ours = throughOurNodes ? await OurNodes.StartAsync(5) : new OurNodes();
        await using var testnet = throughOurNodes ? null : await NpmTestnet.StartAsync(5);
        var bootstrap = testnet?.Bootstrap ?? [UdpEndPoint.Parse(ours.Addresses[0])];
        var node = await ours.AddGuestAsync(bootstrap);
        var (server, _) = await NodePeer.StartReadyAsync("hyperdht/node.js", new { bootstrap = bootstrap.Select(b => b.ToString()), quickFirewall = false });
        await using var _ = server;
        server.Send(new { command = "listen", seed = ServerSeed });
        await server.ReadAsync("listening");
        await using var connection = await node.ConnectAsync(OurNodes.Key(ServerSeed).PublicKey,
            new() { KeyPair = OurNodes.Key(ClientSeed), LocalConnection = false }, Cancel);
        Assert.Equal(PeerPath.Punched, connection.Path);
        var data = TestBytes.Create(7, Length);
        Assert.Equal(TestBytes.Sha256(data), TestBytes.Sha256(await OurNodes.ExchangeAsync(connection, data, Cancel)));
    }

    [Fact]
    public async Task An_npm_client_takes_the_punched_path_again_that_we_keep()
    {
        await using var ours = await OurNodes.StartAsync(5);
        var node = await ours.AddGuestAsync();
        await using var listener = await node.ListenAsync(OurNodes.Key(ServerSeed), new() { ShareLocalAddress = false, ReusableSocket = true }, Cancel);
        var (client, _) = await NodePeer.StartReadyAsync("hyperdht/node.js", new { bootstrap = ours.Addresses[..1], quickFirewall = false });
        await using var _ = client;
        var first = await EchoAsync();
        Assert.Equal(first, await EchoAsync());

        async Task<UdpEndPoint> EchoAsync()
        {
            client.Send(new { command = "connect", publicKey = OurNodes.Key(ServerSeed).PublicKey.ToString(), seed = ClientSeed, length = 1000, localConnection = false, reusableSocket = true });
            await using var connection = await listener.AcceptAsync(Cancel);
            Assert.Equal(PeerPath.Punched, connection.Path);
            await connection.Input.CopyToAsync(connection.Output, Cancel);
            await connection.Output.CompleteAsync();
            await client.ReadAsync("echoed");
            return connection.RemoteEndPoint;
        }
    }

    [Fact]
    public async Task We_take_the_punched_path_again_that_an_npm_server_keeps()
    {
        await using var ours = await OurNodes.StartAsync(5);
        var node = await ours.AddGuestAsync();
        var (server, _) = await NodePeer.StartReadyAsync("hyperdht/node.js", new { bootstrap = ours.Addresses[..1], quickFirewall = false });
        await using var _ = server;
        server.Send(new { command = "listen", seed = ServerSeed, reusableSocket = true });
        await server.ReadAsync("listening");
        var (first, _) = await ExchangeAsync();
        var (second, steps) = await ExchangeAsync();
        Assert.Equal(first, second);
        Assert.Equal($"handshake through {first}: answered directly", steps[0]);

        async Task<(UdpEndPoint, List<string>)> ExchangeAsync()
        {
            var steps = new Steps();
            await using var connection = await node.ConnectAsync(OurNodes.Key(ServerSeed).PublicKey,
                new() { KeyPair = OurNodes.Key(ClientSeed), LocalConnection = false, ReusableSocket = true, Progress = steps }, Cancel);
            Assert.Equal(PeerPath.Punched, connection.Path);
            var data = TestBytes.Create(7, Length);
            Assert.Equal(TestBytes.Sha256(data), TestBytes.Sha256(await OurNodes.ExchangeAsync(connection, data, Cancel)));
            return (connection.RemoteEndPoint, steps.Texts);
        }
    }

    private sealed class Steps : IProgress<PeerConnectStep>
    {
        public List<string> Texts { get; } = [];

        public void Report(PeerConnectStep value) => Texts.Add(value.Text);
    }
}
