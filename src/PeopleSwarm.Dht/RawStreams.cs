namespace PeopleSwarm.Dht;

/// <summary>The streams a node made for its application, which end with the node's sockets.</summary>
internal sealed class RawStreams(IReliableTransport transport)
{
    private readonly Lock _gate = new();
    private readonly HashSet<IReliableStream> _open = [];

    public IReliableStream Create(ReliableStreamOptions? options)
    {
        var stream = transport.CreateStream(options);
        lock (_gate) _open.Add(stream);
        _ = ForgetAsync(stream);
        return stream;
    }

    /// <summary>Ends them all: the sockets go.</summary>
    public void Abort(Exception reason)
    {
        IReliableStream[] open;
        lock (_gate) open = [.. _open];
        foreach (var stream in open) stream.Abort(reason);
    }

    private async Task ForgetAsync(IReliableStream stream)
    {
        await stream.Closed.ConfigureAwait(false); // never faults
        lock (_gate) _open.Remove(stream);
    }
}
