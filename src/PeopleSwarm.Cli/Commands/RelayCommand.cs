using System.CommandLine;
using System.Globalization;

namespace PeopleSwarm.Cli.Commands;

/// <summary><c>relay</c>: forwards ciphertext between peers that cannot reach each other.</summary>
internal static class RelayCommand
{
    public static Command Create()
    {
        var seed = SharedOptions.Seed();
        var bootstrap = SharedOptions.Bootstrap();
        var pairs = new Option<int>("--max-pairs")
        {
            Description = "Pairs of peers at once, 1 to 65536.",
            HelpName = "N",
            CustomParser = result => Parse(result, "--max-pairs", 1, 65_536, out long n) ? (int)n : 0,
            DefaultValueFactory = _ => new RelayOptions().MaxPairs,
        };
        var rate = new Option<long>("--max-rate")
        {
            Description = "Bytes a second in all, 1024 to 100000000000; one client gets an eighth at most.",
            HelpName = "BYTES",
            CustomParser = result => Parse(result, "--max-rate", 1024, 100_000_000_000, out long n) ? n : 0,
            DefaultValueFactory = _ => new RelayOptions().BytesPerSecond,
        };
        var isPrivate = new Option<bool>("--private") { Description = "Do not announce it: only those find it who are told its key." };
        var verbose = SharedOptions.Verbose();
        var command = new Command("relay", "Relays between peers that cannot reach each other, without being able to read. Prints 'ready KEY' when it does.")
        {
            seed, bootstrap, pairs, rate, isPrivate, verbose,
        };
        command.SetAction((parsed, cancellation) =>
        {
            long bytes = parsed.GetValue(rate);
            var options = new RelayOptions
            {
                MaxPairs = parsed.GetValue(pairs),
                BytesPerSecond = bytes,
                BytesPerSecondPerSession = Math.Max(1024, bytes / 8),
                Announce = !parsed.GetValue(isPrivate),
            };
            return RunAsync(new(parsed.GetValue(seed), parsed.GetValue(bootstrap) ?? [], parsed.GetValue(verbose)), options, cancellation);
        });
        return command;
    }

    private static async Task<int> RunAsync(PeerSettings settings, RelayOptions options, CancellationToken cancellation)
    {
        await using var layers = await Layers.EnterAsync(settings, cancellation);
        await using var relay = await layers.Dht.RelayAsync(options: options, cancellationToken: cancellation);
        await Console.Out.WriteLineAsync($"ready {relay.PublicKey}");
        await Interrupt.WaitAsync(cancellation);
        return CommandLine.Success;
    }

    private static bool Parse(System.CommandLine.Parsing.ArgumentResult result, string name, long min, long max, out long value)
    {
        string text = result.Tokens[0].Value;
        if (long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value) && value >= min && value <= max) return true;
        result.AddError($"{name} takes a number from {min} to {max}, not '{text}'.");
        return false;
    }
}
