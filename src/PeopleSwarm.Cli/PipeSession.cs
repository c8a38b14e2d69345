namespace PeopleSwarm.Cli;

/// <summary>A connection, and the listener it came by.</summary>
internal sealed record PipeEnd(IPeerConnection Connection, IPeerListener? Listener = null);

/// <summary>What <c>listen</c> and <c>connect</c> have in common: a node, one connection, standard input and output across it.</summary>
internal static class PipeSession
{
    public static async Task<int> RunAsync(PeerSettings settings, IEvents events,
        Func<IDhtNode, IEvents, CancellationToken, Task<PipeEnd>> open, CancellationToken cancellation)
    {
        try
        {
            await using var layers = await Layers.EnterAsync(settings, cancellation);
            var end = await open(layers.Dht, events, cancellation);
            await using var listener = end.Listener;
            await using var connection = end.Connection;
            events.Opened(connection);
            await CarryAsync(connection, events, cancellation);
            return CommandLine.Success;
        }
        catch (Exception e) when (Trouble.From(e) is { } trouble)
        {
            events.Failed(trouble);
            return CommandLine.Failure;
        }
    }

    private static async Task CarryAsync(IPeerConnection connection, IEvents events, CancellationToken cancellation)
    {
        try
        {
            await using var output = StandardStreams.OpenOutput();
            await EncryptedPipe.RunAsync(connection, StandardStreams.OpenInput(), output, cancellation);
            events.Closed(connection.RemotePublicKey, error: null);
        }
        catch (Exception e) when (Trouble.From(e) is { } trouble)
        {
            events.Closed(connection.RemotePublicKey, trouble.Message);
            throw;
        }
    }
}
