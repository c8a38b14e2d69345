using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace PeopleSwarm.Cli;

public class DhtTests
{
    [Fact]
    public async Task A_bootstrap_node_and_nodes_that_enter_by_it_tell_where_they_are()
    {
        int port = FreePort.Find();
        await using var bootstrap = CliProcess.Start("dht", "bootstrap", "--host", "127.0.0.1", "--port", $"{port}");
        Assert.Equal($"ready 127.0.0.1:{port}", await bootstrap.Output.ReadLineAsync());

        await using var nodes = CliProcess.Start("dht", "node", "--bootstrap", $"127.0.0.1:{port}", "--count", "3", "--host", "127.0.0.1", "--persistent");
        var ready = new HashSet<string>();
        for (int i = 0; i < 3; i++) ready.Add(await nodes.Output.ReadLineAsync());
        Assert.Equal(3, ready.Count);
        Assert.All(ready, line => Assert.Matches(@"^ready 127\.0\.0\.1:[0-9]+$", line));
        Assert.Equal("all ready", await nodes.Output.ReadLineAsync());
    }

    [Fact]
    public async Task The_port_that_is_asked_for_is_taken_and_the_next_ones()
    {
        await using var bootstrap = CliProcess.Start("dht", "bootstrap", "--host", "127.0.0.1", "--port", "0");
        string address = (await bootstrap.Output.ReadLineAsync())["ready ".Length..];
        int port = FreePort.Find();
        await using var node = CliProcess.Start("dht", "node", "--bootstrap", address, "--host", "127.0.0.1", "--port", $"{port}");
        Assert.Equal($"ready 127.0.0.1:{port}", await node.Output.ReadLineAsync());
    }

    [Fact]
    public async Task A_port_in_use_is_told_with_the_next_step()
    {
        using var taken = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        taken.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        var (code, output, errors) = await CliProcess.RunAsync("dht", "bootstrap", "--host", "127.0.0.1", "--port", $"{((IPEndPoint)taken.LocalEndPoint!).Port}");
        Assert.Equal((1, ""), (code, output));
        Assert.Contains("in use", errors, StringComparison.Ordinal);
        Assert.Contains("--port", errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_bootstrap_node_that_does_not_answer_is_told()
    {
        long started = Stopwatch.GetTimestamp();
        var (code, output, errors) = await CliProcess.RunAsync("dht", "node", "--bootstrap", $"127.0.0.1:{FreePort.Find()}", "--host", "127.0.0.1");
        Assert.Equal((1, ""), (code, output));
        Assert.Contains("No bootstrap node answered", errors, StringComparison.Ordinal);
        Assert.Contains("Waiting for 127.0.0.1:", errors, StringComparison.Ordinal); // it takes seconds
        Assert.InRange(Stopwatch.GetElapsedTime(started), TimeSpan.Zero, TimeSpan.FromSeconds(20));
    }

    [Theory]
    [InlineData("INT")]
    [InlineData("TERM")]
    public async Task Nodes_end_cleanly_when_they_are_told_to(string signal)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no signals between processes.");
        await using var bootstrap = CliProcess.Start("dht", "bootstrap", "--host", "127.0.0.1", "--port", "0");
        await bootstrap.Output.ReadLineAsync();
        await bootstrap.SignalAsync(signal);
        Assert.Equal(0, await bootstrap.WaitForExitAsync(TimeSpan.FromSeconds(3)));
    }
}
