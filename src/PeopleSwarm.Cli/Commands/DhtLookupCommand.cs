using System.CommandLine;

namespace PeopleSwarm.Cli.Commands;

/// <summary><c>dht lookup</c>: who is announced on a topic.</summary>
internal static class DhtLookupCommand
{
    public static Command Create()
    {
        var topic = SharedOptions.Topic();
        var command = new Command("lookup",
            "Prints the public key of each peer announced on a topic, and the addresses of its relays. Exit code 1: there is none.") { topic };
        return new DhtOperation().Complete(command, (parsed, node, json, cancellation) => RunAsync(parsed.GetRequiredValue(topic), node, json, cancellation));
    }

    private static async Task<int> RunAsync(Topic topic, IDhtNode node, bool json, CancellationToken cancellation)
    {
        var found = new HashSet<PublicKey>();
        var query = node.Lookup(topic);
        await foreach (var reply in query.WithCancellation(cancellation))
            foreach (var peer in reply.Peers)
            {
                if (!found.Add(peer.PublicKey)) continue;
                string[] relays = [.. peer.RelayAddresses.Select(r => r.ToString())];
                await Console.Out.WriteLineAsync(json
                    ? DhtEvents.Line(new PeerEvent(peer.PublicKey.ToString(), relays))
                    : string.Join(' ', [peer.PublicKey.ToString(), .. relays]));
            }
        return found.Count > 0 ? CommandLine.Success : throw new TroubleException($"Nobody is announced on {topic}.", "An announcement lasts about 20 minutes.");
    }
}
