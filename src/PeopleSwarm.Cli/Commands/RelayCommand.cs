using System.CommandLine;

namespace PeopleSwarm.Cli.Commands;

/// <summary><c>relay</c>: forwards ciphertext between peers that cannot reach each other.</summary>
internal static class RelayCommand
{
    public static Command Create()
    {
        var seed = SharedOptions.Seed();
        var bootstrap = SharedOptions.Bootstrap();
        RelayOptions defaults = new();
        var pairs = SharedOptions.Number("--max-pairs", "N", "Pairs of peers at once, 1 to 65536.", 1, 65_536, defaults.MaxPairs);
        var rate = SharedOptions.Number("--max-rate", "BYTES", "Bytes a second in all, 1024 to 100000000000; one client gets an eighth at most.",
            1024, 100_000_000_000, defaults.BytesPerSecond);
        var isPrivate = SharedOptions.Flag("--private", "Do not announce it: only those find it who are told its key.");
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
}
