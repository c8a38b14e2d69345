using PeopleSwarm.Cli;
using PeopleSwarm.Interop.Harness;

namespace PeopleSwarm.Interop.Cli;

public class PipeInteropTests(NpmTestnetFixture fixture) : IClassFixture<NpmTestnetFixture>
{
    private const int Length = 3_000_001;
    private static readonly TimeSpan s_transfer = TimeSpan.FromSeconds(60);
    private readonly string[] _bootstrap = [fixture.Testnet.Bootstrap[0].ToString()];

    [Fact]
    public async Task Listen_takes_a_hyperdht_connection_and_carries_both_directions()
    {
        await using var listen = CliProcess.Start("listen", "--bootstrap", _bootstrap[0], "--json");
        string key = (await listen.Errors.ReadEventAsync("ready")).GetProperty("publicKey").GetString()!;
        await using var npm = NodePeer.Start("cli/pipe.js", new { bootstrap = _bootstrap, connect = key, sendSeed = 1, sendLength = Length });
        await CarryAsync(listen, npm, weDialled: false);
    }

    [Fact]
    public async Task Connect_dials_a_hyperdht_server_and_carries_both_directions()
    {
        var (npm, ready) = await NodePeer.StartReadyAsync("cli/pipe.js",
            new { bootstrap = _bootstrap, listen = new string('3', 64), sendSeed = 1, sendLength = Length });
        await using var _ = npm;
        await using var connect = CliProcess.Start("connect", ready.GetProperty("publicKey").GetString()!, "--bootstrap", _bootstrap[0], "--json");
        await CarryAsync(connect, npm, weDialled: true);
    }

    [Fact]
    public async Task Both_meet_through_nodes_of_the_tool_alone()
    {
        await using var bootstrap = CliProcess.Start("dht", "bootstrap", "--host", "127.0.0.1", "--port", "0");
        string address = (await bootstrap.Output.ReadLineAsync())["ready ".Length..];
        await using var nodes = CliProcess.Start("dht", "node", "--bootstrap", address, "--count", "2", "--host", "127.0.0.1", "--persistent");
        await nodes.Output.ReadLineAsync(line => line == "all ready");

        var (npm, ready) = await NodePeer.StartReadyAsync("cli/pipe.js",
            new { bootstrap = new[] { address }, listen = new string('2', 64), sendSeed = 1, sendLength = Length });
        await using var _ = npm;
        await using var connect = CliProcess.Start("connect", ready.GetProperty("publicKey").GetString()!, "--bootstrap", address, "--json");
        await CarryAsync(connect, npm, weDialled: true);
    }

    private static async Task CarryAsync(CliProcess tool, NodePeer npm, bool weDialled)
    {
        var ours = await tool.Errors.ReadEventAsync("connection");
        var theirs = await npm.ReadAsync("connection");
        Assert.Equal(theirs.GetProperty("handshakeHash").GetString(), ours.GetProperty("handshakeHash").GetString());
        Assert.Equal(theirs.GetProperty("publicKey").GetString(), ours.GetProperty("remotePublicKey").GetString());
        Assert.Equal(weDialled, ours.GetProperty("initiator").GetBoolean());

        byte[] sent = TestBytes.Create(seed: 2, Length);
        var sending = SendAsync(tool, sent);
        byte[] received = await tool.ReadBytesAsync(s_transfer);
        await sending;

        Assert.Equal(TestBytes.Sha256(TestBytes.Create(seed: 1, Length)), TestBytes.Sha256(received));
        var atNpm = await npm.ReadAsync("received", s_transfer);
        Assert.Equal((Length, TestBytes.Sha256(sent)), (atNpm.GetProperty("length").GetInt32(), atNpm.GetProperty("sha256").GetString()));
        await npm.ReadAsync("close");
        Assert.Equal(0, await tool.WaitForExitAsync());
    }

    private static async Task SendAsync(CliProcess tool, byte[] bytes)
    {
        await tool.Input.WriteAsync(bytes, TestContext.Current.CancellationToken);
        tool.Input.Close();
    }
}
