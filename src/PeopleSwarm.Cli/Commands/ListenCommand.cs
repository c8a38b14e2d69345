using System.CommandLine;

namespace PeopleSwarm.Cli.Commands;

/// <summary><c>listen</c>: one encrypted pipe to whoever dials our key first.</summary>
internal static class ListenCommand
{
    public static Command Create()
    {
        var seed = SharedOptions.Seed();
        var bootstrap = SharedOptions.Bootstrap();
        var relayThrough = SharedOptions.RelayThrough();
        var json = SharedOptions.Json("stderr");
        var verbose = SharedOptions.Verbose();
        var command = new Command("listen", "Waits for one peer to dial our key; stdin goes to it, what it sends to stdout. Exit code 0: every byte arrived.")
        {
            seed, bootstrap, relayThrough, json, verbose,
        };
        command.SetAction((parsed, cancellation) =>
        {
            string[] nodes = parsed.GetValue(bootstrap) ?? [];
            bool toProgram = parsed.GetValue(json);
            IEvents events = toProgram
                ? new JsonEvents(Console.OpenStandardError())
                : new TextEvents(output: null, key => $"Listening. On the other side: peopleswarm connect {key}{SharedOptions.EnterBy(nodes)}");
            var settings = new PeerSettings(parsed.GetValue(seed), nodes, parsed.GetValue(verbose), TellWaiting: !toProgram);
            return PipeSession.RunAsync(settings, events, (node, sink, cancel) =>
                AcceptAsync(node, sink, parsed.GetValue(relayThrough), cancel), cancellation);
        });
        return command;
    }

    private static async Task<PipeEnd> AcceptAsync(IDhtNode node, IEvents events, PublicKey? relay, CancellationToken cancellation)
    {
        bool taken = false;
        var listener = await node.ListenAsync(options: new()
        {
            ChooseRelay = relay is null ? null : () => relay,
            Firewall = (_, _) => ValueTask.FromResult(Volatile.Read(ref taken)), // one pipe, one peer
        }, cancellationToken: cancellation);
        try
        {
            events.Ready(listener.PublicKey);
            var connection = await listener.AcceptAsync(cancellation);
            Volatile.Write(ref taken, true);
            return new(connection, listener);
        }
        catch
        {
            await listener.DisposeAsync();
            throw;
        }
    }
}
