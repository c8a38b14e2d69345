
namespace PeopleSwarm.Cli;

public class JoinTests(LoopbackDht dht) : IClassFixture<LoopbackDht>
{
    [Fact]
    public async Task Two_peers_meet_on_a_topic_and_exchange_lines()
    {
        await using var alice = await JoinAsync("cli join test", "--seed", new string('4', 64));
        await using var bob = await JoinAsync("cli join test");
        var met = await Task.WhenAll(alice.Output.ReadEventAsync("connection"), bob.Output.ReadEventAsync("connection"));
        Assert.Equal(met[0].GetProperty("publicKey").GetString(), met[1].GetProperty("remotePublicKey").GetString());
        Assert.Equal(met[0].GetProperty("remotePublicKey").GetString(), met[1].GetProperty("publicKey").GetString());
        Assert.Equal(met[0].GetProperty("handshakeHash").GetString(), met[1].GetProperty("handshakeHash").GetString());
        Assert.NotEqual(met[0].GetProperty("initiator").GetBoolean(), met[1].GetProperty("initiator").GetBoolean());

        await alice.WriteLineAsync("grüße from alice");
        await bob.WriteLineAsync("\"bob\"");
        var atBob = await bob.Output.ReadEventAsync("data");
        var atAlice = await alice.Output.ReadEventAsync("data");
        Assert.Equal("grüße from alice", atBob.GetProperty("text").GetString());
        Assert.Equal(met[0].GetProperty("publicKey").GetString(), atBob.GetProperty("from").GetString());
        Assert.Equal("\"bob\"", atAlice.GetProperty("text").GetString());
    }

    [Fact]
    public async Task A_text_is_the_topic_of_its_hash()
    {
        await using var server = await JoinAsync("hello topic", "--no-client");
        // BLAKE2b-256 of "hello topic"
        await using var client = await JoinAsync(Topic.FromText("hello topic").ToString(), "--no-server");
        var met = await client.Output.ReadEventAsync("connection");
        Assert.True(met.GetProperty("initiator").GetBoolean());
        Assert.Equal(Topic.FromText("hello topic").ToString(), met.GetProperty("topics")[0].GetString());
        Assert.False((await server.Output.ReadEventAsync("connection")).GetProperty("initiator").GetBoolean());
    }

    [Fact]
    public async Task Lines_are_printed_bare_and_wait_for_the_first_peer()
    {
        await using var early = CliProcess.Start("join", "cli early lines", "--bootstrap", dht.Address);
        await early.WriteLineAsync("one");
        await early.WriteLineAsync("two");
        await early.Errors.ReadLineAsync(line => line.StartsWith("Joined", StringComparison.Ordinal));
        await using var late = CliProcess.Start("join", "cli early lines", "--bootstrap", dht.Address);
        Assert.Equal("one", await late.Output.ReadLineAsync());
        Assert.Equal("two", await late.Output.ReadLineAsync());
    }

    [Theory]
    [InlineData("INT")]
    [InlineData("TERM")]
    public async Task Leaving_closes_cleanly_and_the_others_are_told(string signal)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no signals between processes.");
        await using var alice = await JoinAsync("cli leaving " + signal);
        await using var bob = await JoinAsync("cli leaving " + signal);
        var met = await Task.WhenAll(alice.Output.ReadEventAsync("connection"), bob.Output.ReadEventAsync("connection"));

        await alice.SignalAsync(signal);
        Assert.Equal(0, await alice.WaitForExitAsync(TimeSpan.FromSeconds(3)));

        var closed = await bob.Output.ReadEventAsync("close");
        Assert.Equal(met[0].GetProperty("publicKey").GetString(), closed.GetProperty("remotePublicKey").GetString());
        Assert.Null(closed.GetProperty("error").GetString());
    }

    [Fact]
    public async Task A_dead_bootstrap_node_is_told()
    {
        var (code, _, errors) = await CliProcess.RunAsync("join", "x", "--bootstrap", "127.0.0.1:9");
        Assert.Equal(1, code);
        Assert.Contains("No bootstrap node answered", errors, StringComparison.Ordinal);
    }

    private async Task<CliProcess> JoinAsync(string topic, params string[] more)
    {
        var process = CliProcess.Start(["join", topic, "--bootstrap", dht.Address, "--json", "--verbose", .. more]);
        await process.Output.ReadEventAsync("ready");
        return process;
    }
}
