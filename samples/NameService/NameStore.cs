using PeopleSwarm;

namespace NameService;

/// <summary>What a node keeps for others: a name belongs to the first who claimed it, for an hour after it was last claimed.</summary>
public sealed class NameStore(ICryptoSuite crypto, TimeProvider time) : IDhtCommandHandler
{
    public const int Resolve = 20, Claim = 21, Taken = 16, MaxNames = 10_000; // two commands, an error and a bound
    private readonly Dictionary<NodeId, (NameRecord Record, DateTimeOffset Expiry)> _names = [];

    public bool TryHandle(DhtIncomingRequest request, out DhtReply? reply)
    {
        reply = request is { Command: Resolve, Target: { } asked } ? new(Find(asked)?.Bytes) : null; // null: silence for what is not in order
        if (request is { Command: Claim, HasValidToken: true, Target: { } target, Value: { } value } && NameRecord.TryRead(crypto, value.Span) is { } record
            && NameRecord.Target(crypto, record.Name) == target) reply = new(Error: TryStore(target, record) ? 0 : Taken);
        return request.Command is Resolve or Claim;
    }

    private bool TryStore(NodeId target, NameRecord record)
    {
        if (Find(target) is { } old ? old.Owner != record.Owner || old.Version > record.Version : _names.Count >= MaxNames) return false;
        _names[target] = (record, time.GetUtcNow() + TimeSpan.FromHours(1));
        return true;
    }

    private NameRecord? Find(NodeId target)
    {
        if (_names.TryGetValue(target, out var entry) && entry.Expiry <= time.GetUtcNow()) _names.Remove(target);
        return _names.GetValueOrDefault(target).Record;
    }
}
