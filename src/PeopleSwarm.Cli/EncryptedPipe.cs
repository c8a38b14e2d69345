using System.IO.Pipelines;

namespace PeopleSwarm.Cli;

/// <summary>Carries standard input and output across one connection, ends included.</summary>
internal static class EncryptedPipe
{
    private const int ChunkSize = 64 * 1024;

    /// <summary>Returns when both directions have ended and every byte has arrived.</summary>
    /// <exception cref="IOException">The connection closed before.</exception>
    public static async Task RunAsync(IPeerConnection connection, Stream input, Stream output, CancellationToken cancellation)
    {
        using var stopping = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var receiving = ReceiveAsync(connection.Input, output, stopping.Token);
        var sending = SendAsync(input, connection.Output, stopping.Token);
        try
        {
            // Input may block for ever on a terminal, so the end of the connection is watched beside it.
            var first = await Task.WhenAny(receiving, sending, connection.Closed).WaitAsync(cancellation);
            if (first == receiving) await receiving;
            if (first == sending) await sending;
            await Task.WhenAny(Task.WhenAll(receiving, sending), connection.Closed).WaitAsync(cancellation);
            await receiving.WaitAsync(cancellation);
            var close = await connection.Closed.WaitAsync(cancellation);
            if (close.Reason != StreamCloseReason.Completed) throw new IOException(CloseText.Of(close) ?? "The connection was closed.");
            await sending.WaitAsync(cancellation);
        }
        catch
        {
            connection.Abort();
            throw;
        }
        finally
        {
            await stopping.CancelAsync();
            _ = sending.ContinueWith(t => t.Exception, TaskScheduler.Default); // a read that is never answered ends with the process
        }
    }

    private static async Task SendAsync(Stream input, PipeWriter output, CancellationToken cancellation)
    {
        while (true)
        {
            int read = await input.ReadAsync(output.GetMemory(ChunkSize), cancellation);
            if (read == 0) break;
            output.Advance(read);
            var result = await output.FlushAsync(cancellation);
            if (result.IsCompleted) throw new IOException("The peer closed before it had taken everything.");
        }
        await output.CompleteAsync();
    }

    private static async Task ReceiveAsync(PipeReader input, Stream output, CancellationToken cancellation)
    {
        await input.CopyToAsync(output, cancellation);
        await output.FlushAsync(cancellation);
        StandardStreams.EndOutput();
        await input.CompleteAsync();
    }
}
