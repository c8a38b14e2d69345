namespace PeopleSwarm.Interop.Dht;

/// <summary>Serves command 77 as <c>dht/rpc-node.js</c> does: it gives out what was committed to it.</summary>
internal sealed class CommittedValues : IDhtCommandHandler
{
    public const int Command = 77;

    private readonly List<byte[]> _values = [];

    public IReadOnlyList<byte[]> Values
    {
        get
        {
            lock (_values) return [.. _values];
        }
    }

    public bool TryHandle(DhtIncomingRequest request, out DhtReply? reply)
    {
        reply = null;
        if (request.Command != Command) return false;
        lock (_values)
        {
            if (request.HasValidToken) _values.Add(request.Value!.Value.ToArray());
            reply = request.HasValidToken ? new() : new(_values.Count == 0 ? Array.Empty<byte>() : _values[^1]);
        }
        return true;
    }
}
