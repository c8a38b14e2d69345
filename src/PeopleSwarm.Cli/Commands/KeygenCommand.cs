using System.CommandLine;

namespace PeopleSwarm.Cli.Commands;

/// <summary><c>keygen</c>: prints a key pair.</summary>
internal static class KeygenCommand
{
    public static Command Create()
    {
        var seed = SharedOptions.Seed();
        var command = new Command("keygen", "Prints a key pair as 'publicKey HEX', 'secretKey HEX' and 'seed HEX', which --seed takes.") { seed };
        command.SetAction(parsed => Run(parsed.GetValue(seed)));
        return command;
    }

    private static int Run(KeyPair? ofSeed)
    {
        using var keyPair = ofSeed ?? KeyPair.Generate();
        Console.Out.WriteLine($"publicKey {keyPair.PublicKey}");
        Console.Out.WriteLine($"secretKey {Convert.ToHexStringLower(keyPair.SecretKey)}");
        Console.Out.WriteLine($"seed {Convert.ToHexStringLower(keyPair.Seed)}");
        return CommandLine.Success;
    }
}
