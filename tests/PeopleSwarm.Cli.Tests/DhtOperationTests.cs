using System.Text;
using System.Text.Json;

namespace PeopleSwarm.Cli;

public class DhtOperationTests(LoopbackDht dht) : IClassFixture<LoopbackDht>
{
    private const string Key = "ca93ac1705187071d67b83c7ff0efe8108e8ec4530575d7726879333dbdabe7c"; // of the seed 32×04
    private static readonly string s_seed = string.Concat(Enumerable.Repeat("04", 32));

    [Theory, InlineData("hello world"), InlineData("")]
    public async Task A_value_is_got_by_the_key_that_put_printed(string value)
    {
        var put = await RunAsync("put", value);
        Assert.Equal(0, put.Code);
        Assert.Matches("^[0-9a-f]{64}$", put.Output);
        Assert.Matches("^Stored on [23] nodes\\.$", put.Errors);
        await using var get = CliProcess.Start("dht", "get", put.Output, "--bootstrap", dht.Address);
        Assert.Equal(value, Encoding.UTF8.GetString(await get.ReadBytesAsync()));
        Assert.Equal(0, await get.WaitForExitAsync());
    }

    [Fact]
    public async Task Bytes_of_stdin_come_back_as_they_are()
    {
        var value = new byte[1800];
        new Random(1).NextBytes(value);
        await using var put = CliProcess.Start("dht", "put", "--bootstrap", dht.Address);
        await put.Input.WriteAsync(value, TestContext.Current.CancellationToken);
        put.Input.Close();
        string key = await put.Output.ReadLineAsync();
        Assert.Equal(0, await put.WaitForExitAsync());
        await using var get = CliProcess.Start("dht", "get", key, "--bootstrap", dht.Address);
        Assert.Equal(value, await get.ReadBytesAsync());
    }

    [Fact]
    public async Task An_owners_values_replace_each_other_and_numbers_are_kept()
    {
        string seed = string.Concat(Enumerable.Repeat("06", 32));
        var first = await RunAsync("put", "one", "--seed", seed, "--json");
        var second = await RunAsync("put", "two", "--seed", seed, "--json"); // takes the next number
        Assert.Equal((0, 0), (first.Code, second.Code));
        var (one, two) = (JsonElement.Parse(first.Output), JsonElement.Parse(second.Output));
        Assert.Equal(("stored", 0L, 1L), (one.GetProperty("event").GetString(), one.GetProperty("seq").GetInt64(), two.GetProperty("seq").GetInt64()));
        string key = two.GetProperty("key").GetString()!;

        var low = await RunAsync("put", "late", "--seed", seed, "--seq", "0");
        Assert.Equal((1, ""), (low.Code, low.Output));
        Assert.Contains("too low", low.Errors, StringComparison.Ordinal);
        Assert.Contains("--seq", low.Errors, StringComparison.Ordinal);

        var got = await RunAsync("get", key, "--json");
        var value = JsonElement.Parse(got.Output);
        Assert.Equal(("value", "two", "74776f", 1L), (value.GetProperty("event").GetString(), value.GetProperty("text").GetString(), value.GetProperty("hex").GetString(), value.GetProperty("seq").GetInt64()));
        Assert.Matches("^127\\.0\\.0\\.1:[0-9]+$", value.GetProperty("from").GetString()!);
        Assert.Matches("^[0-9a-f]{128}$", value.GetProperty("signature").GetString()!);
        Assert.Equal(0, (await RunAsync("put", "nine", "--seed", seed, "--seq", "9")).Code);
        Assert.Equal("nine", (await RunAsync("get", key, "--seq", "9")).Output);
        var higher = await RunAsync("get", key, "--seq", "10");
        Assert.Equal(1, higher.Code);
        Assert.Contains("sequence number 10", higher.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_announced_key_is_found_until_it_is_withdrawn()
    {
        var nobody = await RunAsync("lookup", "tea time");
        Assert.Equal((1, ""), (nobody.Code, nobody.Output));
        Assert.Contains("Nobody is announced", nobody.Errors, StringComparison.Ordinal);

        var announced = await RunAsync("announce", "tea time", "--seed", s_seed);
        Assert.Equal((0, ""), (announced.Code, announced.Errors));
        Assert.Matches($"^announced {Key} on [23] nodes$", announced.Output);
        Assert.Equal((0, Key, ""), await RunAsync("lookup", "tea time"));
        var peer = JsonElement.Parse((await RunAsync("lookup", "tea time", "--json")).Output);
        Assert.Equal(("peer", Key, 0), (peer.GetProperty("event").GetString(), peer.GetProperty("publicKey").GetString(), peer.GetProperty("relays").GetArrayLength()));

        var withdrawn = JsonElement.Parse((await RunAsync("announce", "tea time", "--seed", s_seed, "--withdraw", "--json")).Output);
        Assert.Equal(("withdrawn", Key), (withdrawn.GetProperty("event").GetString(), withdrawn.GetProperty("publicKey").GetString()));
        Assert.InRange(withdrawn.GetProperty("nodes").GetInt32(), 2, 3);
        Assert.Equal(1, (await RunAsync("lookup", "tea time")).Code);

        var again = await RunAsync("announce", "tea time", "--seed", s_seed, "--withdraw");
        Assert.Equal((0, $"withdrawn {Key} on 0 nodes"), (again.Code, again.Output));
        Assert.Contains("No node that was asked lists it", again.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_key_announced_without_a_seed_is_withdrawn_by_the_command_that_announce_tells()
    {
        var announced = await RunAsync("announce", "coffee time");
        Assert.Equal(0, announced.Code);
        string key = announced.Output.Split(' ')[1], told = announced.Errors;
        Assert.StartsWith("To withdraw it: peopleswarm dht announce ", told, StringComparison.Ordinal);
        Assert.Equal((0, key, ""), await RunAsync("lookup", "coffee time"));
        var withdrawn = await CliProcess.RunAsync(told["To withdraw it: peopleswarm ".Length..].Split(' '));
        Assert.Matches($"^withdrawn {key} on [23] nodes$", withdrawn.Output);
        Assert.Equal(1, (await RunAsync("lookup", "coffee time")).Code);

        var json = JsonElement.Parse((await RunAsync("announce", "coffee time", "--json")).Output);
        var pair = KeyPair.FromSeed(Convert.FromHexString(json.GetProperty("seed").GetString()!));
        Assert.Equal(pair.PublicKey.ToString(), json.GetProperty("publicKey").GetString());
    }

    [Fact]
    public async Task What_is_not_there_and_what_is_too_large_ends_with_1()
    {
        var missing = await RunAsync("get", Key, "--json");
        Assert.Equal(1, missing.Code);
        Assert.Equal("error", JsonElement.Parse(missing.Output).GetProperty("event").GetString());
        Assert.Contains("No node has a value", missing.Errors, StringComparison.Ordinal);
        var large = await RunAsync("put", new string('x', 1939));
        Assert.Equal((1, ""), (large.Code, large.Output));
        Assert.Contains("1938", large.Errors, StringComparison.Ordinal);
    }

    private Task<(int Code, string Output, string Errors)> RunAsync(params string[] arguments) =>
        CliProcess.RunAsync(["dht", .. arguments, "--bootstrap", dht.Address]);
}
