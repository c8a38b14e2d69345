namespace PeopleSwarm.Interop.Swarm;

/// <summary>Peers of both kinds that should all be connected with each other.</summary>
internal static class MixedMesh
{
    /// <summary>Waits until each pair has one connection, the same on both sides, dialled by one of them.</summary>
    public static async Task AssertFullAsync(List<PeerSwarm> ours, List<NpmSwarm> npm, TimeSpan limit)
    {
        string problem = "";
        var deadline = DateTime.UtcNow + limit;
        while (DateTime.UtcNow < deadline)
        {
            problem = await FindProblemAsync(ours, npm);
            if (problem.Length == 0) return;
            await Task.Delay(200);
        }
        Assert.Fail($"No full mesh within {limit.TotalSeconds} s: {problem}");
    }

    private static async Task<string> FindProblemAsync(List<PeerSwarm> ours, List<NpmSwarm> npm)
    {
        Dictionary<PublicKey, Dictionary<PublicKey, (string Hash, bool IsInitiator)>> seen = [];
        foreach (var swarm in ours)
            seen[swarm.KeyPair.PublicKey] = swarm.Connections.ToDictionary(c => c.RemotePublicKey, c => (c.Hash(), c.IsInitiator));
        foreach (var swarm in npm)
            seen[swarm.PublicKey] = (await swarm.ConnectionsAsync()).ToDictionary(c => c.Key, c => (c.Hash, c.IsInitiator));
        foreach (var (key, connections) in seen)
            foreach (var other in seen.Keys.Where(other => other != key))
            {
                if (!connections.TryGetValue(other, out var mine)) return $"{Name(key)} has no connection with {Name(other)}";
                if (!seen[other].TryGetValue(key, out var theirs)) return $"{Name(other)} has no connection with {Name(key)}";
                if (mine.Hash != theirs.Hash || mine.IsInitiator == theirs.IsInitiator) return $"{Name(key)} and {Name(other)} have different connections";
            }
        return seen.Values.All(connections => connections.Count == seen.Count - 1) ? "" : "connections with peers that are gone";

        string Name(PublicKey key) => (ours.Exists(swarm => swarm.KeyPair.PublicKey == key) ? "our " : "npm ") + key.ToString()[..6];
    }
}
