using System.CommandLine;
using System.CommandLine.Invocation;
using System.CommandLine.Parsing;
using PeopleSwarm.Cli.Commands;

namespace PeopleSwarm.Cli;

/// <summary>The commands, and what their ends mean to a shell.</summary>
internal static class CommandLine
{
    public const int Success = 0, Failure = 1, WrongUsage = 2;

    // Ctrl-C and SIGTERM promise an end within 3 s; the rest is for the runtime to go.
    private static readonly TimeSpan s_closingLimit = TimeSpan.FromSeconds(2.5);

    public static RootCommand Create()
    {
        var root = new RootCommand("Finds peers by topic or by key and talks to them, encrypted and without servers. 'demo' shows it on this machine alone.")
        {
            DemoCommand.Create(),
            KeygenCommand.Create(),
            DhtCommand.Create(),
            JoinCommand.Create(),
            ListenCommand.Create(),
            ConnectCommand.Create(),
            DoctorCommand.Create(),
            RelayCommand.Create(),
        };
        HelpText.Use(root);
        return root;
    }

    public static async Task<int> RunAsync(string[] args)
    {
        // A topic may begin with '@', which would otherwise name a file of arguments.
        var parsed = Create().Parse(args, new ParserConfiguration { ResponseFileTokenReplacer = null });
        if (UnknownOption(parsed) is { } unknown)
            return TellWrongUsage(parsed.CommandResult, [$"There is no option '{unknown}' here; an argument that begins with '-' goes after '--'."]);
        if (parsed.Action is ParseErrorAction) return TellWrongUsage(parsed);
        try
        {
            return await parsed.InvokeAsync(new InvocationConfiguration
            {
                EnableDefaultExceptionHandler = false,
                ProcessTerminationTimeout = s_closingLimit,
            });
        }
        catch (Exception e)
        {
            await Console.Error.WriteLineAsync(Trouble.From(e)?.ToString() ?? $"error: This should not have happened; please report it.\n{e}");
            return Failure;
        }
    }

    private static int TellWrongUsage(ParseResult parsed)
    {
        if (parsed is { UnmatchedTokens: [var word, ..], CommandResult.Command.Subcommands.Count: > 0 }) // not that one is missing, which the library adds
            return TellWrongUsage(parsed.CommandResult, [$"There is no {(word.StartsWith('-') ? "option" : "command")} '{word}'."]);
        var messages = parsed.Errors.Select(e => e.Message).Distinct();
        bool isMissingQuotes = parsed.UnmatchedTokens.Count > 0 && parsed.CommandResult.Command.Arguments.Count > 0;
        return TellWrongUsage(parsed.CommandResult, isMissingQuotes ? messages.Append("An argument with spaces goes in quotes.") : messages);
    }

    /// <summary>A mistyped option, which the library takes for an argument: a topic and a value may be any text.</summary>
    private static string? UnknownOption(ParseResult parsed) => parsed.Tokens.Any(token => token.Type == TokenType.DoubleDash) ? null
        : parsed.CommandResult.Children.OfType<ArgumentResult>().SelectMany(argument => argument.Tokens).Select(token => token.Value)
            .FirstOrDefault(text => text.Length > 1 && text[0] == '-');

    private static int TellWrongUsage(CommandResult of, IEnumerable<string> messages)
    {
        foreach (string message in messages) Console.Error.WriteLine($"error: {message}");
        string command = string.Join(' ', Path(of.Command).Reverse());
        Console.Error.WriteLine($"See '{command} --help'.");
        return WrongUsage;

        static IEnumerable<string> Path(Symbol? symbol)
        {
            for (; symbol is not null; symbol = symbol.Parents.OfType<Command>().FirstOrDefault())
                yield return symbol is RootCommand ? "peopleswarm" : symbol.Name;
        }
    }
}
