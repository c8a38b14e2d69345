using System.CommandLine;
using System.Text;

namespace PeopleSwarm.Cli.Commands;

/// <summary><c>dht get</c>: a value by its hash, or by its owner's key.</summary>
internal static class DhtGetCommand
{
    public static Command Create()
    {
        var key = new Argument<NodeId>("KEY")
        {
            Description = "What 'dht put' printed: the hash of a value, or the public key of its owner. 64 hexadecimal digits.",
            CustomParser = result =>
            {
                string text = result.Tokens[0].Value;
                if (!NodeId.TryParse(text, out var value)) result.AddError($"KEY takes 32 bytes as 64 hexadecimal digits; '{text}' is not that.");
                return value;
            },
        };
        var seq = SharedOptions.Seq("Lowest sequence number wanted of an owner's value.");
        var command = new Command("get", "Writes a value of the DHT to stdout as it is; of an owner's values the latest. Exit code 1: there is none.") { key, seq };
        return new DhtOperation().Complete(command, (parsed, node, json, cancellation) =>
            RunAsync(parsed.GetRequiredValue(key), parsed.GetValue(seq) ?? 0, node, json, cancellation));
    }

    private static async Task<int> RunAsync(NodeId key, long minimumSeq, IDhtNode node, bool json, CancellationToken cancellation)
    {
        // Nothing tells a hash from a public key, so both are asked for.
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var owners = node.GetMutableAsync(new PublicKey(key.ToArray()), new() { MinimumSeq = minimumSeq }, enough.Token);
        if (await node.GetImmutableAsync(key, cancellationToken: cancellation) is { } immutable)
        {
            await enough.CancelAsync();
            await ((Task)owners).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await WriteAsync(new(key.ToString(), "", "", immutable.From.ToString(), null, null), immutable.Value, json);
            return CommandLine.Success;
        }
        if (await owners is not { } mutable) throw new TroubleException(
            $"No node has a value for {key}{(minimumSeq > 0 ? $" with sequence number {minimumSeq} or a higher one" : "")}.",
            "A value lasts about two days after the last put or get.");
        string signature = Convert.ToHexStringLower(mutable.Signature.Span);
        await WriteAsync(new(key.ToString(), "", "", mutable.From.ToString(), mutable.Seq, signature), mutable.Value, json);
        return CommandLine.Success;
    }

    private static async Task WriteAsync(ValueEvent found, ReadOnlyMemory<byte> value, bool json)
    {
        await using var output = StandardStreams.OpenOutput();
        var bytes = json
            ? Encoding.UTF8.GetBytes(
                DhtEvents.Line(found with { Hex = Convert.ToHexStringLower(value.Span), Text = Encoding.UTF8.GetString(value.Span) }) + "\n")
            : value;
        await output.WriteAsync(bytes);
        await output.FlushAsync();
    }
}
