using System.CommandLine;
using PeopleSwarm.Cli.Doctor;

namespace PeopleSwarm.Cli.Commands;

/// <summary><c>doctor</c>: what stands between this machine and its peers.</summary>
internal static class DoctorCommand
{
    private const int MaxWatchSeconds = 600;

    public static Command Create()
    {
        var key = SharedOptions.Key();
        key.Arity = ArgumentArity.ZeroOrOne;
        key.Description = "A peer to connect to, each step timed.";
        var bootstrap = SharedOptions.Bootstrap();
        var watch = SharedOptions.Number("--watch", "SECONDS", $"Seconds until the mappings are looked at again, 0 to {MaxWatchSeconds}.", 0, MaxWatchSeconds, 5);
        var json = SharedOptions.Json("stdout");
        var verbose = SharedOptions.Verbose();
        var command = new Command("doctor", "Tells what kind of NAT this is, what passes it and, for a KEY, how a connect goes. Exit code 0: nothing bad was found.")
        {
            key, bootstrap, watch, json, verbose,
        };
        command.SetAction(async (parsed, cancellation) =>
        {
            IReport report = parsed.GetValue(json) ? new JsonReport(Console.Out) : new TextReport(Console.Out);
            var settings = new PeerSettings(null, parsed.GetValue(bootstrap) ?? [], parsed.GetValue(verbose));
            await using var layers = Layers.CreatePeer(settings);
            PublicKey? dialled = parsed.GetResult(key) is { Tokens.Count: > 0 } ? parsed.GetValue(key) : null;
            bool isGood = await new Examination(layers, report, TimeSpan.FromSeconds(parsed.GetValue(watch))).RunAsync(dialled, cancellation);
            return isGood ? CommandLine.Success : CommandLine.Failure;
        });
        return command;
    }
}
