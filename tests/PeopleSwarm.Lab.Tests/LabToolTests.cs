using System.Security.Cryptography;
using PeopleSwarm.Cli;

namespace PeopleSwarm.Lab;

/// <summary>The tool behind NATs that no punch gets through.</summary>
public class LabToolTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)] // one is found
    public async Task Bytes_cross_from_the_tool_to_the_tool_through_its_relay(bool isNamed)
    {
        await using var lab = await NetworkLab.StartAsync();
        await using var relay = lab.AddSite().StartTool("relay", "--private");
        string relayKey = (await relay.Output.ReadLineAsync(l => l.StartsWith("ready ", StringComparison.Ordinal)))["ready ".Length..];
        string[] through = isNamed ? ["--relay-through", relayKey, "--json"] : ["--json"];

        await using var listen = lab.AddSite(NatRules.Symmetric).StartTool(["listen", .. through]);
        string key = (await listen.Errors.ReadEventAsync("ready")).GetProperty("publicKey").GetString()!;
        await using var connect = lab.AddSite(NatRules.Symmetric).StartTool(["connect", key, .. through]);
        Assert.Equal("relayed", (await connect.Errors.ReadEventAsync("path")).GetProperty("path").GetString());
        Assert.Equal("relayed", (await listen.Errors.ReadEventAsync("path")).GetProperty("path").GetString());

        byte[] question = RandomNumberGenerator.GetBytes(1_000_000), answer = RandomNumberGenerator.GetBytes(1_000_001);
        var sending = Task.WhenAll(SendAsync(connect, question), SendAsync(listen, answer));
        byte[][] received = await Task.WhenAll(listen.ReadBytesAsync(), connect.ReadBytesAsync());
        await sending;
        Assert.Equal(SHA256.HashData(question), SHA256.HashData(received[0]));
        Assert.Equal(SHA256.HashData(answer), SHA256.HashData(received[1]));
        Assert.Equal((0, 0), (await listen.WaitForExitAsync(), await connect.WaitForExitAsync()));
    }

    private static async Task SendAsync(CliProcess process, byte[] bytes)
    {
        await process.Input.WriteAsync(bytes);
        process.Input.Close();
    }
}
