using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;

namespace PeopleSwarm.Cli;

/// <summary>The library's help, but with [NAME] for arguments that may be left out, and with the exit codes.</summary>
internal sealed class HelpText(HelpAction ofLibrary) : SynchronousCommandLineAction
{
    private const string ExitCodes = """
        Exit codes:
          0  Success. Commands that run until Ctrl-C or SIGTERM end with it.
          1  Failure, or interrupted before the end; stderr tells why and what to try next.
          2  Wrong usage.

        """;

    public static void Use(RootCommand root)
    {
        foreach (var option in root.Options.OfType<HelpOption>())
            if (option.Action is HelpAction action) option.Action = new HelpText(action);
    }

    public override int Invoke(ParseResult parseResult)
    {
        var configuration = parseResult.InvocationConfiguration;
        var output = configuration.Output;
        var text = new StringWriter();
        configuration.Output = text;
        int code = ofLibrary.Invoke(parseResult);
        configuration.Output = output;
        var command = parseResult.CommandResult.Command;
        output.Write(WithBrackets(command, text.ToString()));
        if (command is RootCommand) output.WriteLine(ExitCodes);
        return code;
    }

    private static string WithBrackets(Command command, string text)
    {
        foreach (var argument in Optional(command))
            text = text.Replace($"[<{argument.Name}>]", $"[{argument.Name}]", StringComparison.Ordinal)
                .Replace($"\n  <{argument.Name}>", $"\n  [{argument.Name}]", StringComparison.Ordinal);
        foreach (var subcommand in command.Subcommands)
            foreach (var argument in Optional(subcommand))
                text = text.Replace($"  {subcommand.Name} <{argument.Name}>", $"  {subcommand.Name} [{argument.Name}]", StringComparison.Ordinal);
        return text;
    }

    private static IEnumerable<Argument> Optional(Command command) => command.Arguments.Where(argument => argument.Arity.MinimumNumberOfValues == 0);
}
