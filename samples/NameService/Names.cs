using PeopleSwarm;

namespace NameService;

/// <summary>Claims names and resolves them.</summary>
public sealed class Names(IDhtNode node, ICryptoSuite crypto)
{
    public async Task<int> ClaimAsync(KeyPair owner, long version, string name, string value)
    {
        var claim = new DhtRequest(NameStore.Claim, NameRecord.Target(crypto, name), NameRecord.Sign(crypto, owner, version, name, value).Bytes);
        await using var query = node.Query(claim with { Command = NameStore.Resolve, Value = null },
            new() { Commit = reply => claim with { Token = reply.Token } }); // a token of its own from each of the closest nodes
        return (await query.FinishAsync()).Committed;
    }

    /// <summary>What most nodes say; of one owner's records the latest.</summary>
    public async Task<NameRecord?> ResolveAsync(string name)
    {
        List<NameRecord> found = [];
        await using var query = node.Query(new(NameStore.Resolve, NameRecord.Target(crypto, name)));
        await foreach (var reply in query)
            if (reply.Value is { } value && NameRecord.TryRead(crypto, value.Span) is { } record && record.Name == name) found.Add(record);
        return found.GroupBy(record => record.Owner).MaxBy(votes => votes.Count())?.MaxBy(record => record.Version);
    }
}
