using System.CommandLine;

namespace PeopleSwarm.Cli.Commands;

/// <summary><c>dht announce</c>: lists a key on a topic, or takes it off.</summary>
internal static class DhtAnnounceCommand
{
    public static Command Create()
    {
        var topic = SharedOptions.Topic();
        var seed = SharedOptions.Seed();
        var withdraw = SharedOptions.Flag("--withdraw", "Take the key off the topic instead.");
        var command = new Command("announce",
            "Lists a key on a topic for about 20 minutes. Nobody listens on it: 'join' does both. Without --seed prints what withdraws it.")
        {
            topic, seed, withdraw,
        };
        command.Validators.Add(result =>
        {
            if (result.IsGiven(withdraw) && !result.IsGiven(seed)) result.AddError("--withdraw needs the --seed of the key that was announced.");
        });
        return new DhtOperation().Complete(command, (parsed, node, json, cancellation) =>
            parsed.GetValue(withdraw)
                ? WithdrawAsync(parsed.GetRequiredValue(topic), parsed.GetRequiredValue(seed)!, node, json, cancellation)
                : AnnounceAsync(parsed.GetRequiredValue(topic), parsed.GetValue(seed), DhtOperation.EnterBy(parsed), node, json, cancellation));
    }

    private static async Task<int> AnnounceAsync(Topic topic, KeyPair? ofSeed, string enter, IDhtNode node, bool json, CancellationToken cancellation)
    {
        var keyPair = ofSeed ?? node.KeyPair;
        await using var query = node.Announce(topic, keyPair);
        var result = await query.FinishAsync(cancellation);
        string? seed = ofSeed is null ? Convert.ToHexStringLower(keyPair.Seed) : null; // nobody else knows it
        await TellAsync(new("announced", keyPair.PublicKey.ToString(), topic.ToString(), result.Committed, seed), json);
        if (seed is not null && !json)
            await Console.Error.WriteLineAsync($"To withdraw it: peopleswarm dht announce {topic} --withdraw --seed {seed}{enter}");
        return CommandLine.Success;
    }

    private static async Task<int> WithdrawAsync(Topic topic, KeyPair keyPair, IDhtNode node, bool json, CancellationToken cancellation)
    {
        int nodes = 0;
        await using var query = node.LookupAndUnannounce(topic, keyPair);
        await foreach (var reply in query.WithCancellation(cancellation))
            if (reply.Peers.Any(peer => peer.PublicKey == keyPair.PublicKey)) nodes++;
        await TellAsync(new("withdrawn", keyPair.PublicKey.ToString(), topic.ToString(), nodes, null), json);
        if (nodes == 0) await Console.Error.WriteLineAsync("No node that was asked lists it on this topic.");
        return CommandLine.Success;
    }

    private static Task TellAsync(AnnouncedEvent done, bool json) =>
        Console.Out.WriteLineAsync(json ? DhtEvents.Line(done) : $"{done.Event} {done.PublicKey} on {Plural.Nodes(done.Nodes)}");
}
