using System.CommandLine;

namespace PeopleSwarm.Cli;

/// <summary>A command that enters the DHT, does one thing there and ends.</summary>
internal sealed class DhtOperation
{
    private readonly Option<string[]> _bootstrap = SharedOptions.Bootstrap();
    private readonly Option<bool> _json = SharedOptions.Json("stdout"), _verbose = SharedOptions.Verbose();

    /// <summary>Gives the command the options of all operations and this body, which returns the exit code.</summary>
    public Command Complete(Command command, Func<ParseResult, IDhtNode, bool, CancellationToken, Task<int>> body)
    {
        command.Options.Add(_bootstrap);
        command.Options.Add(_json);
        command.Options.Add(_verbose);
        command.SetAction((parsed, cancellation) => RunAsync(parsed, body, cancellation));
        return command;
    }

    /// <summary>The words that make another command enter the same DHT; empty for the public one.</summary>
    public static string EnterBy(ParseResult parsed) => SharedOptions.EnterBy(parsed.GetValue<string[]>("--bootstrap") ?? []);

    private async Task<int> RunAsync(ParseResult parsed, Func<ParseResult, IDhtNode, bool, CancellationToken, Task<int>> body, CancellationToken cancellation)
    {
        bool json = parsed.GetValue(_json);
        try
        {
            await using var layers = await Layers.EnterAsync(new(null, parsed.GetValue(_bootstrap) ?? [], parsed.GetValue(_verbose)), cancellation);
            return await body(parsed, layers.Dht, json, cancellation);
        }
        catch (Exception e) when (json && Trouble.From(e) is { } trouble)
        {
            await Console.Out.WriteLineAsync(DhtEvents.Line(new ErrorEvent(trouble.Message, trouble.NextStep)));
            await Console.Error.WriteLineAsync(trouble.ToString());
            return CommandLine.Failure;
        }
    }
}
