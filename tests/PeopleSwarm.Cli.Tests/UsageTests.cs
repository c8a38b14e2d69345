namespace PeopleSwarm.Cli;

public class UsageTests
{
    private const string Key = "ca93ac1705187071d67b83c7ff0efe8108e8ec4530575d7726879333dbdabe7c";

    [Theory]
    [InlineData("", "Required command")]
    [InlineData("nonsense", "error: There is no command 'nonsense'.")]
    [InlineData("dht nonsense", "error: There is no command 'nonsense'.")]
    [InlineData("dht --jsn", "error: There is no option '--jsn'.")]
    [InlineData("join --jsn", "error: There is no option '--jsn' here")]
    [InlineData("join --jsn topic", "error: There is no option '--jsn' here")]
    [InlineData("dht put --sead value", "error: There is no option '--sead' here")]
    [InlineData("doctor --watch 601", "--watch takes a number from 0 to 600")]
    [InlineData("relay --max-pairs 0", "--max-pairs takes a number from 1 to 65536")]
    [InlineData("relay --max-rate 1k", "--max-rate takes a number from 1024")]
    [InlineData("keygen --seed 0404", "--seed takes 32 bytes")]
    [InlineData("keygen --seed zz", "--seed takes 32 bytes")]
    [InlineData("connect", "KEY")]
    [InlineData("connect ca93", "KEY takes 32 bytes")]
    [InlineData($"connect {Key} --bootstrap nowhere", "--bootstrap takes HOST:PORT")]
    [InlineData($"connect {Key} --bootstrap ,", "--bootstrap names no node")]
    [InlineData("listen --seed 12", "--seed takes 32 bytes")]
    [InlineData("listen extra", "extra")]
    [InlineData("join tea time", "An argument with spaces goes in quotes.")]
    [InlineData("join", "TOPIC")]
    [InlineData("join topic --no-server --no-client", "--no-server and --no-client")]
    [InlineData("join topic --bootstrap 127.0.0.1:0", "--bootstrap takes HOST:PORT")]
    [InlineData("dht", "Required command")]
    [InlineData("dht bootstrap", "--host")]
    [InlineData("dht bootstrap --host here", "--host takes an IPv4 address")]
    [InlineData("dht bootstrap --host 0.0.0.0", "not 0.0.0.0")]
    [InlineData("dht bootstrap --host 127.0.0.1 --port 65536", "--port takes a number")]
    [InlineData("dht node", "--bootstrap")]
    [InlineData("dht node --bootstrap 127.0.0.1:1 --count 0", "--count takes a number from 1 to 1000")]
    [InlineData("dht lookup", "TOPIC")]
    [InlineData("dht announce topic --withdraw", "--withdraw needs the --seed")]
    [InlineData("dht get", "KEY")]
    [InlineData("dht get ca93", "KEY takes 32 bytes")]
    [InlineData($"dht get {Key} --seq -1", "--seq takes a number from 0 to 2^53 - 1")]
    [InlineData("dht put value --seq 1", "--seq needs --seed")]
    [InlineData("dht put value --seed 0404", "--seed takes 32 bytes")]
    [InlineData("dht put value --seq x --seed 0404", "--seq takes a number from 0 to 2^53 - 1")]
    [InlineData("dht put value --seq 1 --seed 0404", "--seed takes 32 bytes")]
    [InlineData("dht announce topic --withdraw --seed 0404", "--seed takes 32 bytes")]
    [InlineData("dht announce topic --withdraw=maybe", "maybe")]
    [InlineData("join topic --no-server=maybe --no-client", "maybe")]
    public async Task Wrong_usage_ends_with_2_and_names_what_is_wrong(string arguments, string expected)
    {
        var (code, output, errors) = await CliProcess.RunAsync(arguments.Split(' ', StringSplitOptions.RemoveEmptyEntries));
        Assert.Equal(2, code);
        Assert.Equal("", output);
        Assert.Contains(expected, errors, StringComparison.Ordinal);
        Assert.Contains("--help", errors, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("demo", "")]
    [InlineData("keygen", "--seed")]
    [InlineData("dht", "bootstrap")]
    [InlineData("dht bootstrap", "--host --port")]
    [InlineData("dht node", "--bootstrap --count --host --port --persistent")]
    [InlineData("dht lookup", "TOPIC --bootstrap --json")]
    [InlineData("dht announce", "TOPIC --seed --withdraw --bootstrap --json")]
    [InlineData("dht get", "KEY --seq --bootstrap --json")]
    [InlineData("dht put", "[VALUE] --seed --seq --bootstrap --json")]
    [InlineData("join", "TOPIC --seed --bootstrap --no-server --no-client --json")]
    [InlineData("relay", "--seed --bootstrap --max-pairs --max-rate --private")]
    [InlineData("doctor", "[KEY] --bootstrap --watch --json")]
    [InlineData("listen", "--seed --bootstrap --json")]
    [InlineData("connect", "<KEY> --bootstrap --json")]
    public async Task Every_command_has_help(string command, string mentions)
    {
        var (code, output, errors) = await CliProcess.RunAsync([.. command.Split(' '), "--help"]);
        Assert.Equal(0, code);
        Assert.Equal("", errors);
        Assert.Contains($"peopleswarm {command}", output, StringComparison.Ordinal);
        foreach (string word in mentions.Split(' ')) Assert.Contains(word, output, StringComparison.Ordinal);
        foreach (string word in mentions.Split(' ').Where(word => word.StartsWith('['))) Assert.DoesNotContain($"<{word.Trim('[', ']')}>", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_list_of_commands_tells_which_arguments_may_be_left_out_and_what_exit_codes_mean()
    {
        var (_, output, _) = await CliProcess.RunAsync("--help");
        Assert.Contains("  doctor [KEY] ", output, StringComparison.Ordinal);
        Assert.Contains("  connect <KEY> ", output, StringComparison.Ordinal);
        Assert.Contains("Exit codes:\n  0 ", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_closed_stdout_is_told_in_a_line()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "There is no shell that closes it.");
        await using var process = CliProcess.StartBy(["sh", "-c", "exec \"$@\" >&-", "sh"], "keygen");
        Assert.Equal(1, await process.WaitForExitAsync());
        Assert.StartsWith("error: Standard output cannot be written", Assert.Single(await process.Errors.ReadToEndAsync()), StringComparison.Ordinal);
    }
}
