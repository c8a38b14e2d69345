using System.Collections.Concurrent;
using System.IO.Pipelines;
using System.Threading.Channels;

namespace PeopleSwarm.Cli;

/// <summary>Lines from one input to every peer, and from every peer to the events.</summary>
internal sealed class LineExchange(IEvents events)
{
    /// <summary>Lines that wait for a peer that does not read, before it is given up.</summary>
    private const int MaxQueuedLines = 4096;

    private static readonly TimeSpan s_quiet = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan s_endLimit = TimeSpan.FromMilliseconds(300);

    private readonly ConcurrentDictionary<IPeerConnection, Peer> _peers = new();
    private readonly TaskCompletionSource _firstPeer = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private sealed record Peer(ChannelWriter<byte[]> Queue, Task Ended);

    /// <summary>Takes a connection over; it is disposed when it has ended.</summary>
    public void Add(IPeerConnection connection)
    {
        events.Opened(connection);
        var queue = Channel.CreateBounded<byte[]>(new BoundedChannelOptions(MaxQueuedLines) { SingleReader = true });
        _peers[connection] = new(queue.Writer, ServeAsync(connection, queue));
        _firstPeer.TrySetResult();
    }

    /// <summary>Sends each line of <paramref name="input"/> to the peers of that moment; the first lines wait for the first peer.</summary>
    public async Task SendLinesAsync(Stream input, CancellationToken cancellation)
    {
        try
        {
            await _firstPeer.Task.WaitAsync(cancellation);
            await foreach (byte[] line in Lines.ReadAsync(PipeReader.Create(input), Timeout.InfiniteTimeSpan, cancellation))
                foreach (var (connection, peer) in _peers)
                    if (!peer.Queue.TryWrite(line) && !connection.Closed.IsCompleted)
                        connection.Abort(new IOException($"The peer left {MaxQueuedLines} lines unread."));
        }
        catch (OperationCanceledException)
        {
            // The command ends.
        }
    }

    /// <summary>Completes when every connection has ended, or soon after: the command is ending.</summary>
    public async Task WhenEndedAsync() => await Task.WhenAny(Task.WhenAll(_peers.Values.Select(p => p.Ended)), Task.Delay(s_endLimit));

    private async Task ServeAsync(IPeerConnection connection, Channel<byte[]> queue)
    {
        await Task.Yield();
        var writing = WriteAsync(connection, queue.Reader);
        try
        {
            await foreach (byte[] line in Lines.ReadAsync(connection.Input, s_quiet, CancellationToken.None))
                events.Received(connection.RemotePublicKey, line);
        }
        catch (IOException)
        {
            // Closed says why.
        }
        queue.Writer.TryComplete();
        await writing;
        await connection.DisposeAsync();
        events.Closed(connection.RemotePublicKey, CloseText.Of(await connection.Closed));
        _peers.TryRemove(connection, out _);
    }

    private static async Task WriteAsync(IPeerConnection connection, ChannelReader<byte[]> queue)
    {
        try
        {
            await foreach (byte[] line in queue.ReadAllAsync())
            {
                var result = await connection.Output.WriteAsync((byte[])[.. line, (byte)'\n']);
                if (result.IsCompleted) break;
            }
        }
        catch (Exception e) when (e is IOException or InvalidOperationException)
        {
            // The reading side tells the end of the connection.
        }
    }
}
