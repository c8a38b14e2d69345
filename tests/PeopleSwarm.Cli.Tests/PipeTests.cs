using System.Security.Cryptography;
using System.Text.Json;

namespace PeopleSwarm.Cli;

public class PipeTests(LoopbackDht dht) : IClassFixture<LoopbackDht>
{
    private static readonly string s_seed = new('6', 64);

    [Fact]
    public async Task Five_megabytes_each_way_arrive_byte_for_byte()
    {
        var (listen, connect) = await ConnectAsync();
        await using var _ = listen;
        await using var __ = connect;

        byte[] question = RandomNumberGenerator.GetBytes(5_000_000), answer = RandomNumberGenerator.GetBytes(5_000_001);
        var sending = Task.WhenAll(SendAsync(connect, question), SendAsync(listen, answer));
        var received = await Task.WhenAll(listen.ReadBytesAsync(), connect.ReadBytesAsync());
        await sending;

        Assert.Equal(SHA256.HashData(question), SHA256.HashData(received[0]));
        Assert.Equal(SHA256.HashData(answer), SHA256.HashData(received[1]));
        Assert.Equal((0, 0), (await listen.WaitForExitAsync(), await connect.WaitForExitAsync()));
        Assert.Null((await listen.Errors.ReadEventAsync("close")).GetProperty("error").GetString());
    }

    [Fact]
    public async Task The_end_of_input_crosses_while_the_other_direction_goes_on()
    {
        var (listen, connect) = await ConnectAsync();
        await using var _ = listen;
        await using var __ = connect;

        connect.Input.Close();
        await listen.Output.ReadToEndAsync();
        await listen.WriteLineAsync("after your end");
        listen.Input.Close();
        Assert.Equal("after your end", await connect.Output.ReadLineAsync());
        Assert.Equal((0, 0), (await listen.WaitForExitAsync(), await connect.WaitForExitAsync()));
    }

    [Fact]
    public async Task The_command_for_the_other_side_is_told_as_it_has_to_be_typed()
    {
        await using var listen = CliProcess.Start("listen", "--seed", s_seed, "--bootstrap", dht.Address);
        string key = KeyPair.FromSeed(Convert.FromHexString(s_seed)).PublicKey.ToString();
        Assert.EndsWith($": peopleswarm connect {key} --bootstrap {dht.Address}", await listen.Errors.ReadLineAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Both_sides_tell_the_same_connection()
    {
        await using var listen = CliProcess.Start("listen", "--seed", s_seed, "--bootstrap", dht.Address, "--json");
        var ready = await listen.Errors.ReadEventAsync("ready");
        string key = ready.GetProperty("publicKey").GetString()!;
        await using var connect = CliProcess.Start("connect", key, "--bootstrap", dht.Address, "--json");
        var theirs = await connect.Errors.ReadEventAsync("connection");
        var ours = await listen.Errors.ReadEventAsync("connection");

        Assert.Equal(key, theirs.GetProperty("remotePublicKey").GetString());
        Assert.Equal(theirs.GetProperty("publicKey").GetString(), ours.GetProperty("remotePublicKey").GetString());
        Assert.Equal(theirs.GetProperty("handshakeHash").GetString(), ours.GetProperty("handshakeHash").GetString());
        Assert.Matches("^[0-9a-f]{128}$", ours.GetProperty("handshakeHash").GetString());
        Assert.Equal((true, false), (theirs.GetProperty("initiator").GetBoolean(), ours.GetProperty("initiator").GetBoolean()));
        Assert.Equal(0, ours.GetProperty("topics").GetArrayLength());
    }

    [Fact]
    public async Task A_dial_that_takes_long_tells_a_person_its_steps_and_a_program_nothing_but_events()
    {
        string seed = new('5', 64), key = KeyPair.FromSeed(Convert.FromHexString(seed)).PublicKey.ToString();
        await using (var listen = CliProcess.Start("listen", "--seed", seed, "--bootstrap", dht.Address))
            await listen.Errors.ReadLineAsync(); // and is killed: the nodes go on naming it
        await using var person = CliProcess.Start("connect", key, "--bootstrap", dht.Address);
        await using var program = CliProcess.Start("connect", key, "--bootstrap", dht.Address, "--json");
        Assert.Contains("handshake through", await person.Errors.ReadLineAsync(line => line.StartsWith("  after ", StringComparison.Ordinal)), StringComparison.Ordinal);
        Assert.Equal(1, await program.WaitForExitAsync());
        Assert.All(await program.Errors.ReadToEndAsync(), line => JsonElement.Parse(line));
    }

    [Fact]
    public async Task A_relay_tells_its_key_and_both_sides_may_name_it()
    {
        await using var relay = CliProcess.Start("relay", "--seed", new string('7', 64), "--bootstrap", dht.Address, "--max-pairs", "5");
        string line = await relay.Output.ReadLineAsync();
        Assert.Matches("^ready [0-9a-f]{64}$", line);
        string relayKey = line["ready ".Length..];
        await using var listen = CliProcess.Start("listen", "--bootstrap", dht.Address, "--relay-through", relayKey, "--json");
        string key = (await listen.Errors.ReadEventAsync("ready")).GetProperty("publicKey").GetString()!;
        await using var connect = CliProcess.Start("connect", key, "--bootstrap", dht.Address, "--relay-through", relayKey, "--json");
        var path = await connect.Errors.ReadEventAsync("path");
        Assert.Equal((key, "direct"), (path.GetProperty("remotePublicKey").GetString(), path.GetProperty("path").GetString())); // nothing stands between
        Assert.Equal("direct", (await listen.Errors.ReadEventAsync("path")).GetProperty("path").GetString());
    }

    [Fact]
    public async Task A_peer_that_dies_in_the_middle_ends_the_pipe_with_1()
    {
        var (listen, connect) = await ConnectAsync();
        await using var _ = listen;
        await connect.Input.WriteAsync(new byte[10_000], TestContext.Current.CancellationToken);
        await connect.DisposeAsync();
        Assert.Equal(1, await listen.WaitForExitAsync(TimeSpan.FromSeconds(60)));
        Assert.NotNull((await listen.Errors.ReadEventAsync("close")).GetProperty("error").GetString());
    }

    [Fact]
    public async Task Nobody_listening_on_the_key_is_told_with_the_next_step()
    {
        var (code, output, errors) = await CliProcess.RunAsync("connect", KeyPair.Generate().PublicKey.ToString(), "--bootstrap", dht.Address);
        Assert.Equal((1, ""), (code, output));
        Assert.Contains("error:", errors, StringComparison.Ordinal);
        Assert.Contains("--bootstrap", errors, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("INT")]
    [InlineData("TERM")]
    public async Task An_interrupted_pipe_is_no_success_for_either_side(string signal)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no signals between processes.");
        var (listen, connect) = await ConnectAsync();
        await using var _ = listen;
        await using var __ = connect;
        await listen.SignalAsync(signal);
        Assert.Equal(1, await listen.WaitForExitAsync(TimeSpan.FromSeconds(3)));
        Assert.Equal(1, await connect.WaitForExitAsync());
    }

    [Fact]
    public async Task A_listener_that_is_told_to_end_can_no_longer_be_found()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no signals between processes.");
        string seed = new('8', 64);
        await using var listen = CliProcess.Start("listen", "--seed", seed, "--bootstrap", dht.Address, "--json");
        string key = (await listen.Errors.ReadEventAsync("ready")).GetProperty("publicKey").GetString()!;
        await listen.SignalAsync("INT");
        await listen.WaitForExitAsync(TimeSpan.FromSeconds(3));

        var (code, _, errors) = await CliProcess.RunAsync("connect", key, "--bootstrap", dht.Address);
        Assert.Equal(1, code);
        Assert.Contains("that the other side listens", errors, StringComparison.Ordinal); // not found, rather than found and silent
    }

    private async Task<(CliProcess Listen, CliProcess Connect)> ConnectAsync()
    {
        var listen = CliProcess.Start("listen", "--bootstrap", dht.Address, "--json", "--verbose");
        string key = (await listen.Errors.ReadEventAsync("ready")).GetProperty("publicKey").GetString()!;
        var connect = CliProcess.Start("connect", key, "--bootstrap", dht.Address, "--json", "--verbose");
        try
        {
            await Task.WhenAll(listen.Errors.ReadEventAsync("connection"), connect.Errors.ReadEventAsync("connection"));
        }
        catch (Exception e)
        {
            throw new InvalidOperationException($"No connection.\n{listen}:\n{listen.Errors}\n{connect}:\n{connect.Errors}", e);
        }
        return (listen, connect);
    }

    private static async Task SendAsync(CliProcess process, byte[] bytes)
    {
        await process.Input.WriteAsync(bytes, TestContext.Current.CancellationToken);
        process.Input.Close();
    }
}
