using System.CommandLine;

namespace PeopleSwarm.Cli.Commands;

/// <summary><c>connect</c>: one encrypted pipe to whoever listens on a key.</summary>
internal static class ConnectCommand
{
    public static Command Create()
    {
        var key = SharedOptions.Key();
        var seed = SharedOptions.Seed();
        var bootstrap = SharedOptions.Bootstrap();
        var relayThrough = SharedOptions.RelayThrough();
        var json = SharedOptions.Json("stderr");
        var verbose = SharedOptions.Verbose();
        var command = new Command("connect", "Dials the peer that listens on a key; stdin goes to it, what it sends to stdout. Exit code 0: every byte arrived.")
        {
            key, seed, bootstrap, relayThrough, json, verbose,
        };
        command.SetAction((parsed, cancellation) =>
        {
            var remote = parsed.GetRequiredValue(key);
            bool toProgram = parsed.GetValue(json);
            IEvents events = toProgram
                ? new JsonEvents(Console.OpenStandardError())
                : new TextEvents(output: null, _ => $"Looking for {remote}.");
            var settings = new PeerSettings(parsed.GetValue(seed), parsed.GetValue(bootstrap) ?? [], parsed.GetValue(verbose), TellWaiting: !toProgram);
            var options = new PeerConnectOptions { RelayThrough = parsed.GetValue(relayThrough), Progress = toProgram ? null : new Patience.Steps() };
            return PipeSession.RunAsync(settings, events, async (node, sink, cancel) =>
            {
                sink.Ready(node.KeyPair.PublicKey);
                try
                {
                    return new(await node.ConnectAsync(remote, options, cancel));
                }
                catch (ArgumentException)
                {
                    throw new TroubleException($"{remote} cannot be a public key.", "Check that KEY was copied as it is.");
                }
            }, cancellation);
        });
        return command;
    }
}
