using System.CommandLine;

namespace PeopleSwarm.Cli.Commands;

/// <summary><c>dht announce</c>: lists a key on a topic, or takes it off.</summary>
internal static class DhtAnnounceCommand
{
    public static Command Create()
    {
        var topic = SharedOptions.Topic();
        var seed = SharedOptions.Seed();
        var withdraw = new Option<bool>("--withdraw") { Description = "Take the key off the topic instead." };
        var command = new Command("announce", "Lists a key on a topic for about 20 minutes. Nobody listens on it: 'join' and 'listen' do both.") { topic, seed, withdraw };
        command.Validators.Add(result =>
        {
            if (result.GetValue(withdraw) && result.GetValue(seed) is null) result.AddError("--withdraw needs the --seed of the key that was announced.");
        });
        return new DhtOperation().Complete(command, (parsed, node, json, cancellation) =>
            RunAsync(parsed.GetRequiredValue(topic), parsed.GetValue(seed), parsed.GetValue(withdraw), node, json, cancellation));
    }

    private static async Task<int> RunAsync(Topic topic, KeyPair? ofSeed, bool withdraw, IDhtNode node, bool json, CancellationToken cancellation)
    {
        var keyPair = ofSeed ?? node.KeyPair;
        await using var query = withdraw ? node.LookupAndUnannounce(topic, keyPair) : node.Announce(topic, keyPair);
        var result = await query.FinishAsync(cancellation);
        int nodes = withdraw ? result.ClosestNodes.Count : result.Committed;
        string done = withdraw ? "withdrawn" : "announced";
        await Console.Out.WriteLineAsync(json
            ? DhtEvents.Line(new AnnouncedEvent(done, keyPair.PublicKey.ToString(), topic.ToString(), nodes))
            : $"{done} {keyPair.PublicKey} on {nodes} nodes");
        return CommandLine.Success;
    }
}
