using System.CommandLine;

namespace PeopleSwarm.Cli.Commands;

/// <summary><c>join</c>: lines of text between everybody on a topic.</summary>
internal static class JoinCommand
{
    public static Command Create()
    {
        var topic = SharedOptions.Topic();
        var seed = SharedOptions.Seed();
        var bootstrap = SharedOptions.Bootstrap();
        var relayThrough = SharedOptions.RelayThrough();
        var noServer = SharedOptions.Flag("--no-server", "Do not announce us on the topic.");
        var noClient = SharedOptions.Flag("--no-client", "Do not connect to the peers found on it.");
        var json = SharedOptions.Json("stdout");
        var verbose = SharedOptions.Verbose();
        var command = new Command("join", "Meets everybody on a topic. Each line of stdin goes to every peer, each line from a peer is printed.")
        {
            topic, seed, bootstrap, relayThrough, noServer, noClient, json, verbose,
        };
        command.Validators.Add(result =>
        {
            if (result.IsGiven(noServer) && result.IsGiven(noClient)) result.AddError("--no-server and --no-client together leave nothing to do.");
        });
        command.SetAction((parsed, cancellation) => RunAsync(
            parsed.GetRequiredValue(topic),
            new JoinOptions { Server = !parsed.GetValue(noServer), Client = !parsed.GetValue(noClient) },
            new(parsed.GetValue(seed), parsed.GetValue(bootstrap) ?? [], parsed.GetValue(verbose), RelayThrough: parsed.GetValue(relayThrough)),
            parsed.GetValue(json), cancellation));
        return command;
    }

    private static async Task<int> RunAsync(Topic topic, JoinOptions options, PeerSettings settings, bool json, CancellationToken cancellation)
    {
        await using var output = StandardStreams.OpenOutput();
        IEvents events = json ? new JsonEvents(output) : new TextEvents(output, key => $"Joined {topic} as {key}. Ctrl-C leaves.");
        try
        {
            await using var layers = await Layers.EnterAsync(settings, cancellation);
            var swarm = layers.Swarm;
            var exchange = new LineExchange(events);
            var session = swarm.Join(topic, options);
            await session.FlushedAsync(cancellation);
            events.Ready(swarm.KeyPair.PublicKey);
            _ = exchange.SendLinesAsync(StandardStreams.OpenInput(), cancellation); // a read that is never answered ends with the process
            try
            {
                await foreach (var connection in swarm.AcceptAllAsync(cancellation)) exchange.Add(connection);
            }
            finally
            {
                await layers.DisposeAsync(); // withdraws the announcement and ends the connections
                await exchange.WhenEndedAsync();
            }
            return CommandLine.Success;
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            return CommandLine.Success;
        }
        catch (Exception e) when (json && Trouble.From(e) is { } trouble)
        {
            events.Failed(trouble);
            await Console.Error.WriteLineAsync(trouble.ToString());
            return CommandLine.Failure;
        }
    }
}
