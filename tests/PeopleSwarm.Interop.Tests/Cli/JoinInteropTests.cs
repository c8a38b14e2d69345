using System.Text.Json;
using PeopleSwarm.Cli;
using PeopleSwarm.Interop.Harness;

namespace PeopleSwarm.Interop.Cli;

public class JoinInteropTests(NpmTestnetFixture fixture) : IClassFixture<NpmTestnetFixture>
{
    private readonly string[] _bootstrap = [fixture.Testnet.Bootstrap[0].ToString()];

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Join_meets_hyperswarm_peers_in_both_roles(bool npmAnnounces)
    {
        string topic = Topic.FromText($"join interop {npmAnnounces}").ToString();
        string[] mode = npmAnnounces ? ["--no-server"] : ["--no-client"];
        Task<(NodePeer, JsonElement)> StartNpm() => NodePeer.StartReadyAsync("cli/lines.js",
            new { bootstrap = _bootstrap, topic, server = npmAnnounces, client = !npmAnnounces });

        // Who only looks comes last: a look-up that finds nobody is not repeated for ten minutes.
        NodePeer? npm = null;
        JsonElement npmReady = default;
        if (npmAnnounces) (npm, npmReady) = await StartNpm();
        await using var tool = CliProcess.Start(["join", topic, "--bootstrap", _bootstrap[0], "--json", .. mode]);
        await tool.Output.ReadEventAsync("ready");
        if (!npmAnnounces) (npm, npmReady) = await StartNpm();
        await using var _ = npm!;

        var ours = await tool.Output.ReadEventAsync("connection");
        var theirs = await npm!.ReadAsync("connection");
        string npmKey = npmReady.GetProperty("publicKey").GetString()!;
        Assert.Equal(npmKey, ours.GetProperty("remotePublicKey").GetString());
        Assert.Equal(theirs.GetProperty("handshakeHash").GetString(), ours.GetProperty("handshakeHash").GetString());
        Assert.Equal(npmAnnounces, ours.GetProperty("initiator").GetBoolean());
        Assert.Equal(npmAnnounces ? [topic] : [], ours.GetProperty("topics").EnumerateArray().Select(t => t.GetString()));

        await tool.WriteLineAsync("from the tool");
        Assert.Equal("from the tool\n", (await npm.ReadAsync("data")).GetProperty("text").GetString());
        npm.Send(new { command = "write", text = "one line\nand one without an end" });
        Assert.Equal("one line", (await tool.Output.ReadEventAsync("data")).GetProperty("text").GetString());
        Assert.Equal("and one without an end", (await tool.Output.ReadEventAsync("data")).GetProperty("text").GetString());

        npm.Send(new { command = "leave" });
        Assert.Equal(npmKey, (await tool.Output.ReadEventAsync("close")).GetProperty("remotePublicKey").GetString());
    }

    [Fact]
    public async Task A_hyperswarm_peer_sees_the_tool_leave()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no signals between processes.");
        string topic = Topic.FromText("join interop leaving").ToString();
        await using var tool = CliProcess.Start("join", topic, "--bootstrap", _bootstrap[0], "--json");
        string key = (await tool.Output.ReadEventAsync("ready")).GetProperty("publicKey").GetString()!;
        var (npm, _) = await NodePeer.StartReadyAsync("cli/lines.js", new { bootstrap = _bootstrap, topic });
        await using var __ = npm;
        await tool.Output.ReadEventAsync("connection");
        await npm.ReadAsync("connection");

        await tool.SignalAsync("INT");
        Assert.Equal(0, await tool.WaitForExitAsync(TimeSpan.FromSeconds(3)));
        Assert.Equal(key, (await npm.ReadAsync("close")).GetProperty("remotePublicKey").GetString());
    }
}
