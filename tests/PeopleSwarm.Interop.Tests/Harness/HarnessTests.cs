namespace PeopleSwarm.Interop.Harness;

public class HarnessTests
{
    [Fact]
    public async Task A_script_loads_udx_native_and_talks_both_ways()
    {
        var (peer, ready) = await NodePeer.StartReadyAsync("harness/version.js", new { package = "udx-native" });
        await using var _ = peer;
        Assert.Equal("1.21.3", ready.GetProperty("version").GetString());
        Assert.Equal("0102ff", ready.GetProperty("bytes").GetString());

        peer.Send(new { command = "echo", text = "first ü" });
        peer.Send(new { command = "echo", text = "second" });
        Assert.Equal("first ü", (await peer.ReadAsync("echo")).GetProperty("text").GetString());
        Assert.Equal("second", (await peer.ReadAsync("echo")).GetProperty("text").GetString());
    }

    [Fact]
    public async Task A_script_that_fails_ends_the_wait_and_shows_its_stderr()
    {
        var (peer, _) = await NodePeer.StartReadyAsync("harness/version.js", new { package = "udx-native" });
        await using var __ = peer;
        peer.Send(new { command = "fail" });
        var error = await Assert.ThrowsAsync<NodePeerException>(() => peer.ReadAsync("echo"));
        Assert.Contains("told to fail", error.Message, StringComparison.Ordinal);
        Assert.Equal(1, await peer.WaitForExitAsync());
    }

    [Fact]
    public async Task A_wait_ends_in_time_when_nothing_comes()
    {
        var (peer, _) = await NodePeer.StartReadyAsync("harness/version.js", new { package = "udx-native" });
        await using var __ = peer;
        var error = await Assert.ThrowsAsync<NodePeerException>(() => peer.ReadAsync("never", TimeSpan.FromMilliseconds(100)));
        Assert.Contains("'never' within 0.1 s", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_testnet_tells_its_nodes()
    {
        await using var testnet = await NpmTestnet.StartAsync(nodes: 3);
        Assert.Equal(3, testnet.Nodes.Count);
        Assert.Equal(testnet.Nodes[0], Assert.Single(testnet.Bootstrap));
    }

    [Fact]
    public async Task Both_sides_make_the_same_bytes()
    {
        await using var peer = NodePeer.Start("harness/bytes.js", new { seed = 7, length = 100_003 });
        var made = await peer.ReadAsync("bytes");
        Assert.Equal(made.GetProperty("sha256").GetString(), TestBytes.Sha256(TestBytes.Create(7, 100_003)));
    }
}
