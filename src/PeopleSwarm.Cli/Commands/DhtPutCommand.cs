using System.CommandLine;
using System.Text;

namespace PeopleSwarm.Cli.Commands;

/// <summary><c>dht put</c>: a value under its hash, or under its owner's key.</summary>
internal static class DhtPutCommand
{
    public static Command Create()
    {
        var value = new Argument<string?>("VALUE")
        {
            Description = $"Text of up to {ImmutableRecord.MaxValueSize} bytes, with --seed {MutableRecord.MaxValueSize}. Without it the value is read from stdin.",
            Arity = ArgumentArity.ZeroOrOne,
        };
        var seed = new Option<KeyPair?>("--seed")
        {
            Description = "Store it as the value of the key pair of this seed, 64 hexadecimal digits; its next value replaces it.",
            HelpName = "HEX",
            CustomParser = SharedOptions.ParseSeed,
        };
        var seq = SharedOptions.Seq("Sequence number of the value, higher than that of the one it replaces. Without it the next one; needs --seed.");
        var command = new Command("put", "Stores a value in the DHT for about two days and prints the KEY that 'dht get' takes.") { value, seed, seq };
        command.Validators.Add(result =>
        {
            if (result.IsGiven(seq) && !result.IsGiven(seed)) result.AddError("--seq needs --seed: only an owner's value has a sequence number.");
        });
        return new DhtOperation().Complete(command, (parsed, node, json, cancellation) =>
            RunAsync(parsed.GetValue(value), parsed.GetValue(seed), parsed.GetValue(seq), node, json, cancellation));
    }

    private static async Task<int> RunAsync(string? text, KeyPair? owner, long? seq, IDhtNode node, bool json, CancellationToken cancellation)
    {
        int limit = owner is null ? ImmutableRecord.MaxValueSize : MutableRecord.MaxValueSize;
        var value = text is null ? await ReadInputAsync(limit, cancellation) : Encoding.UTF8.GetBytes(text);
        if (value.Length > limit) throw new TroubleException($"The value has {(text is null ? "more than " + limit : value.Length)} bytes; it may have {limit}.");
        if (owner is null)
        {
            var put = await node.PutImmutableAsync(value, cancellationToken: cancellation);
            await TellAsync(new(put.Target.ToString(), put.Query.Committed, null), json);
        }
        else
        {
            seq ??= await node.GetMutableAsync(owner.PublicKey, cancellationToken: cancellation) is { } latest ? latest.Seq + 1 : 0;
            var put = await node.PutMutableAsync(owner, value, seq.Value, cancellationToken: cancellation);
            await TellAsync(new(put.PublicKey.ToString(), put.Query.Committed, put.Seq), json);
        }
        return CommandLine.Success;
    }

    private static async Task TellAsync(StoredEvent stored, bool json)
    {
        await Console.Out.WriteLineAsync(json ? DhtEvents.Line(stored) : stored.Key);
        if (!json) await Console.Error.WriteLineAsync($"Stored on {Plural.Nodes(stored.Nodes)}{(stored.Seq is { } seq ? $", sequence number {seq}" : "")}.");
    }

    /// <summary>Standard input up to one byte more than may be.</summary>
    private static async Task<byte[]> ReadInputAsync(int limit, CancellationToken cancellation)
    {
        if (!Console.IsInputRedirected)
            await Console.Error.WriteLineAsync($"Type the value; {(OperatingSystem.IsWindows() ? "Ctrl-Z and Enter" : "Ctrl-D")} on a line of its own ends it.");
        await using var input = StandardStreams.OpenInput();
        var bytes = new byte[limit + 1];
        return bytes[..await input.ReadAtLeastAsync(bytes, bytes.Length, throwOnEndOfStream: false, cancellation)];
    }
}
