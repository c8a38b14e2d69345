using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace PeopleSwarm.Cli;

public class DoctorTests(LoopbackDht dht) : IClassFixture<LoopbackDht>
{
    [Fact]
    public async Task A_healthy_network_is_told_in_words_and_a_connect_step_by_step()
    {
        await using var listen = CliProcess.Start("listen", "--bootstrap", dht.Address, "--json");
        string key = (await listen.Errors.ReadEventAsync("ready")).GetProperty("publicKey").GetString()!;
        var (code, output, errors) = await CliProcess.RunAsync("doctor", key, "--bootstrap", dht.Address, "--watch", "0");
        Assert.Equal((0, ""), (code, errors));
        Assert.Matches(@"(?m)^ok   udp +passes: [23] nodes", output);
        Assert.Matches(@"(?m)^ok   nat +open: strangers reach us at 127\.0\.0\.1:[0-9]+$", output);
        Assert.Matches(@"(?m)^ok   mtu +packets of 1500 bytes arrive$", output);
        Assert.Matches(@"(?m)^ok   drift +mappings are the same", output);
        Assert.Matches($@"(?m)^ok   peer +{key} is listed on (1 node|[23] nodes)\b.* \([0-9.]+ ms\)$", output);
        Assert.Matches(@"(?m)^ +[0-9]+\.[0-9] ms  handshake through 127\.0\.0\.1:[0-9]+: answered", output);
        Assert.Matches(@"(?m)^ok   connect +connected, (Direct|Lan) to 127\.0\.0\.1:[0-9]+, round trip (?!0\.0+ )[0-9.]+ ms \([0-9.]+ ms\)$", output);
    }

    [Fact]
    public async Task A_peer_nobody_knows_is_bad_and_told_as_json_line_by_line()
    {
        var (code, output, _) = await CliProcess.RunAsync("doctor", "ca93ac1705187071d67b83c7ff0efe8108e8ec4530575d7726879333dbdabe7c", "--bootstrap", dht.Address, "--watch", "0", "--json");
        Assert.Equal(1, code);
        var findings = output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonDocument.Parse(line).RootElement).ToArray();
        var verdicts = findings.Where(f => f.GetProperty("event").GetString() == "finding")
            .ToDictionary(f => f.GetProperty("check").GetString()!, f => (f.GetProperty("verdict").GetString(), f.GetProperty("value").GetString()));
        Assert.Equal(("good", "passes"), verdicts["udp"]);
        Assert.Equal(("good", "open"), verdicts["nat"]);
        Assert.Equal(("good", "steady"), verdicts["drift"]);
        Assert.Equal(("bad", "PeerNotFound"), verdicts["connect"]);
        Assert.Contains(findings, f => f.GetProperty("event").GetString() == "step" && f.GetProperty("milliseconds").GetDouble() >= 0);
    }

    [Fact]
    public async Task Relays_that_announce_themselves_are_dialled_and_told_the_nearest_first()
    {
        await using var one = CliProcess.Start("relay", "--bootstrap", dht.Address);
        await using var other = CliProcess.Start("relay", "--bootstrap", dht.Address);
        string[] keys = [(await one.Output.ReadLineAsync())["ready ".Length..], (await other.Output.ReadLineAsync())["ready ".Length..]];
        string output = "";
        for (int i = 0; i < 10 && !output.Contains("2 of 2", StringComparison.Ordinal); i++) // they are ready a moment before they are announced
            output = (await CliProcess.RunAsync("doctor", "--bootstrap", dht.Address, "--watch", "0")).Output;
        var told = Regex.Match(output, @"(?m)^ok   relays +2 of 2 announced, nearest first: ([0-9a-f]{64}) (?!0\.0+ )([0-9.]+) ms, ([0-9a-f]{64}) ([0-9.]+) ms \([0-9.]+ ms\)$");
        Assert.True(told.Success, output);
        Assert.Equal(keys.Order(), new[] { told.Groups[1].Value, told.Groups[3].Value }.Order());
        Assert.True(double.Parse(told.Groups[2].Value, CultureInfo.InvariantCulture) <= double.Parse(told.Groups[4].Value, CultureInfo.InvariantCulture), output);
    }

    [Fact]
    public async Task A_network_where_nobody_answers_is_told()
    {
        var (code, output, errors) = await CliProcess.RunAsync("doctor", "--bootstrap", "127.0.0.1:1");
        Assert.Equal((1, ""), (code, errors));
        Assert.Matches(@"(?m)^BAD  udp +no node answers", output);
    }

    [Theory, InlineData("--watch", "601"), InlineData("nokey", "--json")]
    public async Task Wrong_usage_is_told(params string[] arguments)
    {
        var (code, output, errors) = await CliProcess.RunAsync(["doctor", .. arguments]);
        Assert.Equal((2, ""), (code, output));
        Assert.StartsWith("error: ", errors, StringComparison.Ordinal);
    }
}
