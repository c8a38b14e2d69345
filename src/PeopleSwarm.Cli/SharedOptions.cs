using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Numerics;

namespace PeopleSwarm.Cli;

/// <summary>Options and arguments that several commands have. A new object for each command, as the library wants it.</summary>
internal static class SharedOptions
{
    public static Argument<Topic> Topic() => new("TOPIC")
    {
        Description = "What the peers meet on: 64 hexadecimal digits, or any text, which is hashed with BLAKE2b-256.",
        CustomParser = ParseTopic,
    };

    public static Argument<PublicKey> Key() => new("KEY")
    {
        Description = "The public key of the other side: 64 hexadecimal digits, 52 characters of z-base-32, or a pear:// link.",
        CustomParser = result =>
        {
            string text = result.Tokens[0].Value;
            if (!PublicKey.TryParse(text, out var value))
                result.AddError($"KEY takes 32 bytes as 64 hexadecimal digits or 52 characters of z-base-32; '{text}' is not that.");
            return value;
        },
    };

    public static Option<KeyPair?> Seed() => new("--seed")
    {
        Description = "32 bytes as 64 hexadecimal digits; the key pair follows from them. Random if not given.",
        HelpName = "HEX",
        CustomParser = ParseSeed,
    };

    public static Option<string[]> Bootstrap(bool required = false) => new("--bootstrap")
    {
        Description = "Nodes to enter the DHT by, as HOST:PORT[,HOST:PORT…]."
            + (required ? "" : " The public ones if not given."),
        HelpName = "H:P[,…]",
        Required = required,
        CustomParser = ParseBootstrap,
        Arity = ArgumentArity.OneOrMore,
        AllowMultipleArgumentsPerToken = false,
        DefaultValueFactory = required ? null : _ => [],
    };

    /// <summary>The words that make another command enter by the same nodes; none for the public ones.</summary>
    public static string EnterBy(IReadOnlyList<string> bootstrap) => bootstrap.Count == 0 ? "" : $" --bootstrap {string.Join(',', bootstrap)}";

    public static Option<IPAddress> Host(string description, string? defaultAddress = null) => new("--host")
    {
        Description = description,
        HelpName = "IP",
        Required = defaultAddress is null,
        CustomParser = result =>
        {
            bool isAddress = IPAddress.TryParse(result.Tokens[0].Value, out var address) && address.AddressFamily == AddressFamily.InterNetwork;
            if (isAddress && (defaultAddress is not null || !IPAddress.Any.Equals(address))) return address!;
            result.AddError(isAddress ? "--host takes the one address that others reach this node at, not 0.0.0.0."
                : $"--host takes an IPv4 address, not '{result.Tokens[0].Value}'.");
            return IPAddress.None;
        },
        DefaultValueFactory = defaultAddress is null ? null : _ => IPAddress.Parse(defaultAddress),
    };

    public static Option<ushort> Port(string description, ushort defaultPort) =>
        Number<ushort>("--port", "PORT", description, 0, ushort.MaxValue, defaultPort);

    public static Option<T> Number<T>(string name, string helpName, string description, T min, T max, T defaultNumber) where T : IBinaryInteger<T> => new(name)
    {
        Description = description,
        HelpName = helpName,
        CustomParser = result =>
        {
            if (T.TryParse(result.Tokens[0].Value, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= min && number <= max) return number;
            result.AddError($"{name} takes a number from {min} to {max}, not '{result.Tokens[0].Value}'.");
            return defaultNumber;
        },
        DefaultValueFactory = _ => defaultNumber,
    };

    public static Option<long?> Seq(string description) => new("--seq")
    {
        Description = description,
        HelpName = "N",
        CustomParser = result =>
        {
            if (long.TryParse(result.Tokens[0].Value, NumberStyles.None, CultureInfo.InvariantCulture, out long seq) && seq <= MutableRecord.MaxSeq) return seq;
            result.AddError($"--seq takes a number from 0 to 2^53 - 1, not '{result.Tokens[0].Value}'.");
            return null;
        },
    };

    public static Option<PublicKey?> RelayThrough() => new("--relay-through")
    {
        Description = "The key of a relay for those who cannot be reached directly; see 'peopleswarm relay'. One is looked for where it is needed if not given.",
        HelpName = "KEY",
        CustomParser = result =>
        {
            string text = result.Tokens[0].Value;
            if (PublicKey.TryParse(text, out var key)) return key;
            result.AddError($"--relay-through takes 32 bytes as 64 hexadecimal digits or 52 characters of z-base-32; '{text}' is not that.");
            return null;
        },
    };

    public static Option<bool> Json(string channel) => Flag("--json", $"Tell each event as one line of JSON on {channel}.");

    public static Option<bool> Verbose() => Flag("--verbose", "Write what the layers do to stderr.", "-v");

    public static Option<bool> Flag(string name, string description, params string[] aliases) =>
        new(name, aliases) { Description = description, Arity = ArgumentArity.Zero };

    /// <summary>Whether an option was given, rightly or not: asking for the value of a wrong one throws.</summary>
    public static bool IsGiven(this CommandResult result, Option option) => result.GetResult(option) is { Implicit: false };

    public static KeyPair? ParseSeed(ArgumentResult result)
    {
        string text = result.Tokens[0].Value;
        if (text.Length == 2 * KeyPair.SeedSize && text.All(char.IsAsciiHexDigit)) return KeyPair.FromSeed(Convert.FromHexString(text));
        result.AddError($"--seed takes 32 bytes as 64 hexadecimal digits; this has {text.Length} characters"
            + (text.All(char.IsAsciiHexDigit) ? "." : ", some of them not hexadecimal."));
        return null;
    }

    private static string[] ParseBootstrap(ArgumentResult result)
    {
        var entries = new List<string>();
        foreach (var token in result.Tokens)
            foreach (string entry in token.Value.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
            {
                int colon = entry.LastIndexOf(':');
                if (colon > 0 && ushort.TryParse(entry.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out ushort port) && port > 0)
                    entries.Add(entry);
                else
                    result.AddError($"--bootstrap takes HOST:PORT, several separated by commas; '{entry}' is not of that form.");
            }
        if (entries.Count == 0 && result.Tokens.All(t => t.Value.Trim(' ', ',').Length == 0)) result.AddError("--bootstrap names no node.");
        return [.. entries];
    }

    private static Topic ParseTopic(ArgumentResult result)
    {
        string text = result.Tokens[0].Value;
        if (PeopleSwarm.Topic.TryParse(text, out var topic)) return topic;
        if (text.Length > 0) return PeopleSwarm.Topic.FromText(text);
        result.AddError("TOPIC is empty; it takes 64 hexadecimal digits or any text.");
        return default;
    }
}
